//! The control socket as the agent serves it: for this person's processes only.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::{Listener, Stream};
#[cfg(unix)]
use interprocess::local_socket::traits::StreamCommon as _;
use interprocess::local_socket::traits::tokio::Listener as _;
use tokio::io::BufReader;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::socket_path::SocketPath;
use super::wire::{
    Asked, ControlError, MessageBody, ServerMessage, VERSION, read_line, write_line,
};
use super::{ControlService, Home, Note};

/// Connections at a time; one more waits.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may take to say what it wants, and to take what it is told.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);
const TELL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when a connection cannot be accepted, as when all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The open socket.
pub struct Local {
    listener: Listener,
    place: SocketPath,
    #[cfg(unix)]
    owner: u32,
}

impl Local {
    /// Opens the socket. Who calls holds the home's lock, so that a socket found there is a dead
    /// one's.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(home: &Home, place: SocketPath) -> io::Result<Self> {
        place.prepare(home)?;
        #[cfg(unix)]
        match std::fs::remove_file(place.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = private(ListenerOptions::new().name(place.name()?))?.create_tokio()?;
        #[cfg(unix)]
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::symlink_metadata(place.path())?);
        Ok(Self {
            listener,
            place,
            #[cfg(unix)]
            owner,
        })
    }

    /// Serves until it is dropped; verbs under way then end unfinished.
    pub async fn serve(self, desk: Arc<ControlService>) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut tasks = JoinSet::new();
        loop {
            let permit = Arc::clone(&connections)
                .acquire_owned()
                .await
                .expect("nobody closes the semaphore");
            match self.listener.accept().await {
                Ok(stream) if self.is_ours(&stream) => {
                    let desk = Arc::clone(&desk);
                    tasks.spawn(async move {
                        if let Err(error) = converse(stream, &desk).await {
                            debug!(%error, "control connection ended early");
                        }
                        drop(permit);
                    });
                }
                Ok(_) => {
                    warn!("another person's process tried the control socket and was turned away")
                }
                Err(error) => {
                    warn!(%error, "control connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    #[cfg(unix)]
    fn is_ours(&self, stream: &Stream) -> bool {
        stream
            .peer_creds()
            .ok()
            .and_then(|peer| peer.euid())
            .is_some_and(|peer| peer == self.owner)
    }

    /// The pipe's access list lets in nobody else.
    #[cfg(not(unix))]
    fn is_ours(&self, _: &Stream) -> bool {
        true
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // The listener takes its name away too; a name that is gone already is fine.
        let _ = std::fs::remove_file(self.place.path());
    }
}

#[cfg(unix)]
fn private(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
    // The folder is this person's own, so that the moment between making the name and closing it
    // does not matter.
    Ok(options.mode(0o600).reclaim_name(false))
}

/// Only the owner, and no other machine's.
#[cfg(windows)]
fn private(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt as _;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    let owner_only =
        widestring::U16CString::from_str("D:P(A;;GA;;;OW)").expect("the literal has no zero");
    Ok(options.security_descriptor(SecurityDescriptor::deserialize(&owner_only)?))
}

/// Answers what comes over one connection, one ask after the other.
async fn converse(stream: Stream, desk: &ControlService) -> io::Result<()> {
    let mut lines = BufReader::new(&stream);
    loop {
        let Some(line) = within(ASK_TIMEOUT, read_line(&mut lines)).await? else {
            return Ok(());
        };
        let word = match understand(&line) {
            Ok(asked) => {
                drop(line);
                answer(&stream, desk, asked).await?
            }
            Err(complaint) => MessageBody::Refused(complaint),
        };
        tell(&stream, word).await?;
    }
}

/// The verb's end; what it says on the way is passed on at once.
async fn answer(stream: &Stream, desk: &ControlService, asked: Asked) -> io::Result<MessageBody> {
    let (notes, mut noted) = mpsc::channel::<Note>(16);
    let mut done = std::pin::pin!(desk.answer(asked.ask, notes));
    loop {
        tokio::select! {
            // In this order: what was said before the end is told before it.
            biased;
            Some(note) = noted.recv() => tell(stream, MessageBody::Note(note)).await?,
            done = &mut done => return Ok(done.map_or_else(MessageBody::Refused, |reply| MessageBody::Done(Box::new(reply)))),
        }
    }
}

async fn tell(mut stream: &Stream, word: MessageBody) -> io::Result<()> {
    within(
        TELL_TIMEOUT,
        write_line(&mut stream, &ServerMessage::new(word)),
    )
    .await
}

/// Reads an ask, also of a program of another version where this can be made out.
fn understand(line: &[u8]) -> Result<Asked, ControlError> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        aerostat: u32,
    }
    let version = serde_json::from_slice::<Envelope>(line).map(|envelope| envelope.aerostat);
    match (serde_json::from_slice(line), version) {
        (Ok(asked), _) => Ok(asked),
        (Err(_), Ok(version)) if version != VERSION => Err(ControlError::failed(format!(
            "this agent is version {} and does not know what was asked; end it with `aerostat quit` and start the other one",
            env!("CARGO_PKG_VERSION")
        ))),
        // What was sent is not repeated: it may hold a secret.
        (Err(_), Ok(_)) => Err(ControlError::usage(
            "the ask is not one that this agent knows",
        )),
        (Err(_), Err(_)) => Err(ControlError::usage(
            "expected a line of JSON such as {\"aerostat\":1,\"ask\":{\"verb\":\"status\"}}",
        )),
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
