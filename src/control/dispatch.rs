//! A command's way to a desk: the running agent's, else one of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::client::Client;
use super::lock::{Holder, HomeLock, LockError};
use super::status::Status;
use super::{
    Ask, ControlError, ControlService, Environment, Home, Live, Note, Reply, SocketPath, Store,
    load,
};
use crate::record::Ring;

/// How long an agent that was told to end may take from its answer to its end.
const END_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Has a verb done, wherever it can be; what is said on the way goes to `on_note`.
///
/// # Errors
/// Why it was not done.
pub async fn ask(
    home: &Home,
    ask: Ask,
    outside: Arc<dyn Environment>,
    on_note: &mut dyn FnMut(Note),
) -> Result<Reply, ControlError> {
    let place = SocketPath::of(home, &|name| std::env::var_os(name));
    if let Some(client) = Client::connect(&place).await {
        return call(client, ask, on_note).await;
    }
    if ask.needs_agent() {
        return Err(ControlError::not_running());
    }
    if matches!(ask, Ask::Status) {
        let config = load(home).map_err(ControlError::failed)?;
        return Ok(Reply::Status(Status::without_agent(&config, home, &place)));
    }
    match HomeLock::wait(home, &Holder::command(), async || {
        Client::connect(&place).await.is_none()
    })
    .await
    {
        Ok(lock) => alone(home, place, ask, outside, on_note, lock).await,
        Err(held @ LockError::Held(_)) => match Client::connect(&place).await {
            Some(client) => call(client, ask, on_note).await,
            None => Err(ControlError::failed(held)),
        },
        Err(error) => Err(ControlError::failed(error)),
    }
}

async fn call(
    client: Client,
    ask: Ask,
    on_note: &mut dyn FnMut(Note),
) -> Result<Reply, ControlError> {
    let is_quit = matches!(ask, Ask::Quit);
    let reply = client.ask(ask, on_note).await;
    if is_quit && reply.is_ok() && !client.closed(END_TIMEOUT).await {
        return Err(ControlError::failed(
            "the agent was told to end, and has not ended within an hour",
        ));
    }
    reply
}

/// Works on the files, as long as the lock is held.
async fn alone(
    home: &Home,
    place: SocketPath,
    ask: Ask,
    outside: Arc<dyn Environment>,
    on_note: &mut dyn FnMut(Note),
    lock: HomeLock,
) -> Result<Reply, ControlError> {
    let config = Arc::new(load(home).map_err(ControlError::failed)?);
    let store = Store::open(&home.database_file()).map_err(ControlError::failed)?;
    let (_, live) = watch::channel(Live {
        config,
        trouble: None,
    });
    let desk = ControlService::new(
        home.clone(),
        place,
        store,
        live,
        outside,
        None,
        Arc::new(Ring::new(0)),
    );
    if ask.needs_vault() {
        // Where it stays shut, its accounts say so.
        let _ = desk.open_vault().await;
    }
    let (notes, mut noted) = mpsc::channel(16);
    let mut done = std::pin::pin!(desk.answer(ask, notes));
    let done = loop {
        tokio::select! {
            biased;
            Some(note) = noted.recv() => on_note(note),
            done = &mut done => break done,
        }
    };
    desk.store.close();
    drop(lock);
    done
}
