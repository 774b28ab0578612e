//! Calling a running agent.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::tokio::Stream as _;
use tokio::io::BufReader;
use zeroize::Zeroizing;

use super::socket_path::SocketPath;
#[cfg(unix)]
use super::socket_path::of_another_user;
use super::verb::{Verb, VerbCall, VerbResponse};
use super::wire::{
    ControlError, Note, RequestLine, ResponseLine, VERSION, line, read_line, write_line,
};
#[cfg(unix)]
use crate::host::private_file::own_user;

/// How long an agent may take to accept a connection. It is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to the agent of a home.
pub struct Client {
    stream: Stream,
}

impl Client {
    /// `None` where no agent listens.
    ///
    /// # Errors
    /// When another user listens there, or could: what is sent may hold a key.
    pub async fn connect(socket: &SocketPath) -> Result<Option<Self>, ControlError> {
        if !socket.is_present().map_err(ControlError::caused_by)? {
            return Ok(None);
        }
        let Ok(name) = socket.name() else {
            return Ok(None);
        };
        let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_TIMEOUT, Stream::connect(name)).await
        else {
            return Ok(None);
        };
        check_peer(&stream, socket).map_err(ControlError::caused_by)?;
        Ok(Some(Self { stream }))
    }

    /// Has the agent run a verb; notes go to `on_note` as they come.
    ///
    /// # Errors
    /// What the agent answered, or that it did not answer within the verb's time limit.
    pub async fn call<V: Verb>(
        &self,
        verb: &V,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<V::Response, ControlError> {
        let call = VerbCall::of(verb)?;
        self.send(&call, on_note).await?.parse::<V>()
    }

    /// Has the agent run the verb of `call`; gives back the response as JSON.
    pub(super) async fn send(
        &self,
        call: &VerbCall,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<VerbResponse, ControlError> {
        let request = RequestLine {
            aerostat: VERSION,
            verb: Cow::Borrowed(call.name),
            request: call.request()?,
        };
        let request = line(&request).map_err(broken)?;
        let exchange = self.exchange(&request, on_note);
        let Ok(answered) = tokio::time::timeout(call.time_limit, exchange).await else {
            return Err(ControlError::quoted(format_args!(
                "the agent did not answer within {} s",
                call.time_limit.as_secs()
            )));
        };
        let last = answered?;
        let last: ResponseLine<'_> =
            serde_json::from_slice(&last).map_err(|_| ControlError::other_version())?;
        if let Some(error) = last.error {
            return Err(error);
        }
        let response = last.response.ok_or_else(ControlError::other_version)?;
        Ok(VerbResponse(Zeroizing::new(response.get().to_owned())))
    }

    /// Sends a request; gives back the line that ends the verb.
    async fn exchange(
        &self,
        request: &[u8],
        on_note: &mut dyn FnMut(Note),
    ) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        write_line(&mut &self.stream, request)
            .await
            .map_err(broken)?;
        let mut lines = BufReader::new(&self.stream);
        loop {
            let received = read_line(&mut lines).await.map_err(broken)?;
            let received = received.ok_or_else(gone)?;
            let line: ResponseLine<'_> =
                serde_json::from_slice(&received).map_err(|_| ControlError::other_version())?;
            match line.note {
                Some(note) => on_note(note),
                None => return Ok(received),
            }
        }
    }

    /// Waits until the agent has closed the connection, as it does when it ends. `false` where it
    /// has not within `limit`.
    pub async fn closed(self, limit: Duration) -> bool {
        let mut lines = BufReader::new(&self.stream);
        let ended = async { while let Ok(Some(_)) = read_line(&mut lines).await {} };
        tokio::time::timeout(limit, ended).await.is_ok()
    }
}

/// The socket's name may have been replaced since it was looked at; who listens is told by the
/// system, and cannot be.
#[cfg(unix)]
fn check_peer(stream: &Stream, socket: &SocketPath) -> io::Result<()> {
    match peer_user(stream)? {
        peer if peer == own_user() => Ok(()),
        peer => Err(of_another_user(socket.path(), peer)),
    }
}

/// The pipe's first instance is the agent's: its start fails where another program has the name.
#[cfg(not(unix))]
fn check_peer(_: &Stream, _: &SocketPath) -> io::Result<()> {
    Ok(())
}

/// The user at the other end of a connection.
///
/// # Errors
/// When the system does not tell.
#[cfg(unix)]
pub(super) fn peer_user(stream: &Stream) -> io::Result<u32> {
    use interprocess::local_socket::traits::StreamCommon as _;
    let told = stream.peer_creds()?.euid();
    told.ok_or_else(|| io::Error::other("the system does not tell who is at the other end"))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> ControlError {
    ControlError::quoted(format_args!("the connection to the agent broke: {error}"))
}

fn gone() -> ControlError {
    ControlError::quoted("the agent ended before it answered")
}
