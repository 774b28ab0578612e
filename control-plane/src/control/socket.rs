//! The control socket as the agent serves it: for this person's processes only.
//!
//! ```text
//! accept -> peer check -> read a line -> find the verb in the table -> run -> write notes, response
//! ```

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::tokio::Listener as _;
use serde_json::value::RawValue;
use tokio::io::BufReader;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::service::ControlService;
use super::socket_path::SocketPath;
use super::verbs;
use super::wire::{
    ControlError, Notes, RequestLine, ResponseLine, VERSION, line, read_line, write_line,
};
use crate::language::Said;

/// Connections at a time; one more waits.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may take to send a request, and to take a line of the response.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when a connection cannot be accepted, as when all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The open socket.
pub struct ControlSocket {
    listener: Listener,
    socket: SocketPath,
}

impl ControlSocket {
    /// Opens the socket. The caller holds the home's lock, so a socket that is found there was left
    /// behind by a killed agent.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(socket: SocketPath) -> io::Result<Self> {
        socket.prepare()?;
        #[cfg(unix)]
        crate::host::private_file::remove_if_present(socket.path())?;
        let listener = private(ListenerOptions::new().name(socket.name()?))?.create_tokio()?;
        Ok(Self { listener, socket })
    }

    /// Serves until it is dropped; verbs that run then are cancelled. Boxed, so that it is
    /// compiled in this crate.
    pub fn serve(self, service: Arc<ControlService>) -> BoxFuture<'static, ()> {
        Box::pin(self.accept(service))
    }

    async fn accept(self, service: Arc<ControlService>) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut tasks = JoinSet::new();
        loop {
            let permit = Arc::clone(&connections)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match self.listener.accept().await {
                Ok(stream) if is_ours(&stream) => {
                    let service = Arc::clone(&service);
                    tasks.spawn(async move {
                        if let Err(error) = serve_connection(stream, &service).await {
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
}

#[cfg(unix)]
fn is_ours(stream: &Stream) -> bool {
    use crate::host::private_file::own_user;
    super::client::peer_user(stream).is_ok_and(|peer| peer == own_user())
}

/// The pipe's access list lets in no other person.
#[cfg(not(unix))]
fn is_ours(_: &Stream) -> bool {
    true
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // The listener removes its name too; a name that is gone already is fine.
        let _ = std::fs::remove_file(self.socket.path());
    }
}

#[cfg(unix)]
fn private(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
    // The folder is this person's own, so that the moment between making the name and closing it
    // does not matter.
    Ok(options.mode(0o600).reclaim_name(false))
}

/// Only the owner, and no other machine.
#[cfg(windows)]
fn private(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt as _;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    let owner_only =
        widestring::U16CString::from_str("D:P(A;;GA;;;OW)").expect("the literal has no zero");
    Ok(options.security_descriptor(SecurityDescriptor::deserialize(&owner_only)?))
}

/// Answers the requests of one connection, one after the other.
async fn serve_connection(stream: Stream, service: &ControlService) -> io::Result<()> {
    let mut lines = BufReader::new(&stream);
    loop {
        let Some(received) = within(READ_TIMEOUT, read_line(&mut lines)).await? else {
            return Ok(());
        };
        match answer(&stream, service, received).await? {
            Ok(response) => {
                let response: &RawValue = serde_json::from_str(&response)?;
                write(&stream, &ResponseLine::response(response)).await?;
            }
            Err(error) => write(&stream, &ResponseLine::error(error)).await?,
        }
    }
}

/// Runs the verb that a line requests, and writes its notes as they come. The response is JSON.
async fn answer(
    stream: &Stream,
    service: &ControlService,
    received: Zeroizing<Vec<u8>>,
) -> io::Result<Result<Zeroizing<String>, ControlError>> {
    let (notes, mut sent) = Notes::channel();
    let mut run = match begin(&received, service, &notes) {
        Ok(run) => run,
        Err(error) => return Ok(Err(error)),
    };
    // It may hold a secret, and the verb may take minutes.
    drop(received);
    loop {
        tokio::select! {
            // In this order: what was noted before the end is written before it.
            biased;
            Some(note) = sent.recv() => write(stream, &ResponseLine::note(note)).await?,
            response = &mut run => return Ok(response),
        }
    }
}

/// Begins the verb that a line requests. A program of another version is served as well, if the
/// verb's request has not changed.
fn begin<'a>(
    received: &[u8],
    service: &'a ControlService,
    notes: &'a Notes,
) -> Result<verbs::Running<'a>, ControlError> {
    let parsed = serde_json::from_slice::<RequestLine<'_, &RawValue>>(received).ok();
    let running = parsed.and_then(|line| verbs::begin(&line.verb, line.request, service, notes));
    running.ok_or_else(|| unknown_request(received))
}

fn unknown_request(received: &[u8]) -> ControlError {
    #[derive(serde::Deserialize)]
    struct Envelope {
        aerostat: u32,
    }
    match serde_json::from_slice::<Envelope>(received) {
        Ok(envelope) if envelope.aerostat != VERSION => ControlError::quoted(format_args!(
            "this agent is version {} and does not know the request; end it with the `aerostat quit` of that version, or choose Quit in its menu, and start the other one",
            env!("CARGO_PKG_VERSION")
        )),
        // What was sent is not repeated: it may hold a secret.
        Ok(_) => ControlError::usage(Said::quoted("the request is not one that this agent knows")),
        Err(_) => ControlError::usage(Said::quoted(
            r#"expected a line of JSON such as {"aerostat":2,"verb":"status","request":{}}"#,
        )),
    }
}

async fn write(mut stream: &Stream, response: &ResponseLine<'_>) -> io::Result<()> {
    let line = line(response)?;
    within(WRITE_TIMEOUT, write_line(&mut stream, &line)).await
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
