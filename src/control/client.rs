//! Asking a running agent.

use std::io;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::tokio::Stream as _;
use tokio::io::BufReader;

use super::socket_path::SocketPath;
use super::wire::{
    Asked, ControlError, MessageBody, ServerMessage, VERSION, read_line, write_line,
};
use super::{Ask, Note, Reply};

/// How long an agent may take to take a connection. It is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A line to the agent of a home.
pub struct Client {
    stream: Stream,
}

impl Client {
    /// `None` where no agent is there.
    pub async fn connect(place: &SocketPath) -> Option<Self> {
        let name = place.name().ok()?;
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, Stream::connect(name))
            .await
            .ok()?
            .ok()?;
        Some(Self { stream })
    }

    /// Asks one thing; what the agent says on the way goes to `on_note`.
    ///
    /// # Errors
    /// What the agent said, or that it said nothing in the time that the verb may take.
    pub async fn ask(
        &self,
        ask: Ask,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<Reply, ControlError> {
        let limit = ask.time_limit();
        let asked = tokio::time::timeout(limit, self.exchange(ask, on_note)).await;
        asked.unwrap_or_else(|_| {
            Err(ControlError::failed(format!(
                "the agent did not answer within {} s",
                limit.as_secs()
            )))
        })
    }

    async fn exchange(
        &self,
        ask: Ask,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<Reply, ControlError> {
        write_line(
            &mut &self.stream,
            &Asked {
                aerostat: VERSION,
                ask,
            },
        )
        .await
        .map_err(broken)?;
        let mut lines = BufReader::new(&self.stream);
        loop {
            let line = read_line(&mut lines)
                .await
                .map_err(broken)?
                .ok_or_else(gone)?;
            let said: ServerMessage = serde_json::from_slice(&line).map_err(|_| foreign())?;
            match said.word {
                MessageBody::Note(note) => on_note(note),
                MessageBody::Done(reply) => return Ok(*reply),
                MessageBody::Refused(complaint) => return Err(complaint),
            }
        }
    }

    /// Waits until the agent has closed the line, as it does at its end.
    pub async fn closed(self, limit: Duration) -> bool {
        let mut lines = BufReader::new(&self.stream);
        let ended = async { while let Ok(Some(_)) = read_line(&mut lines).await {} };
        tokio::time::timeout(limit, ended).await.is_ok()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> ControlError {
    ControlError::failed(format!("the connection to the agent broke: {error}"))
}

fn gone() -> ControlError {
    ControlError::failed("the agent ended before it answered")
}

fn foreign() -> ControlError {
    ControlError::failed(format!(
        "the agent that runs answers in a way that version {} does not know; end it with `aerostat quit` and start this one",
        env!("CARGO_PKG_VERSION")
    ))
}
