//! Sign-ins that run while a page waits for them: which there are, how each stands, and their
//! bounds.

use std::collections::VecDeque;

use futures_util::future::AbortHandle;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::control::refusal::Refusal;
use crate::control::wire::ControlError;
use crate::language::Said;
use crate::outcome::Timestamp;

/// Sign-ins that wait at a time: each keeps a port open.
const WAITING_MAX: usize = 4;
/// Those that have ended are kept for the page that asks how.
const KEPT_MAX: usize = 16;

/// A sign-in as a page shows it.
#[derive(Clone, Debug)]
pub struct SignInProgress {
    /// The account's name, as far as it was given.
    pub account: Option<String>,
    pub provider: String,
    /// Where the person signs in.
    pub url: Option<String>,
    pub started_at: Timestamp,
    pub state: SignInState,
}

#[derive(Clone, Debug)]
pub enum SignInState {
    Waiting,
    /// The account has its credential. `works` is whether the provider took it, as `message` says.
    Done {
        account: String,
        works: bool,
        message: Said,
    },
    Failed(ControlError),
}

impl SignInProgress {
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, SignInState::Waiting)
    }
}

struct Pending {
    id: String,
    progress: watch::Receiver<SignInProgress>,
    abort: AbortHandle,
}

/// The sign-ins that pages wait for.
#[derive(Default)]
pub(in crate::control) struct PendingSignIns {
    list: Mutex<VecDeque<Pending>>,
    /// They end with the service.
    tasks: Mutex<JoinSet<()>>,
}

impl PendingSignIns {
    /// Runs `work` under that id.
    ///
    /// # Errors
    /// When too many wait already.
    pub(in crate::control) fn add(
        &self,
        id: String,
        progress: watch::Receiver<SignInProgress>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ControlError> {
        let mut list = self.list.lock();
        let waiting = list.iter().filter(|pending| pending.is_waiting()).count();
        if waiting >= WAITING_MAX {
            return Err(ControlError::failed(Refusal::SignInsWait {
                count: waiting,
            }));
        }
        while list.len() >= KEPT_MAX {
            let ended = list.iter().position(|pending| !pending.is_waiting());
            list.remove(ended.unwrap_or(0));
        }
        let (work, abort) = futures_util::future::abortable(work);
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // A sign-in that was cancelled has nothing to tell.
            let _ = work.await;
        });
        list.push_back(Pending {
            id,
            progress,
            abort,
        });
        Ok(())
    }

    pub(in crate::control) fn get(&self, id: &str) -> Option<SignInProgress> {
        let list = self.list.lock();
        let pending = list.iter().find(|pending| pending.id == id)?;
        Some(pending.progress.borrow().clone())
    }

    /// Those that wait, with their ids.
    pub(in crate::control) fn waiting(&self) -> Vec<(String, SignInProgress)> {
        let list = self.list.lock();
        let waiting = list.iter().filter(|pending| pending.is_waiting());
        waiting
            .map(|pending| (pending.id.clone(), pending.progress.borrow().clone()))
            .collect()
    }

    /// Ends a sign-in and forgets it.
    pub(in crate::control) fn cancel(&self, id: &str) {
        let mut list = self.list.lock();
        if let Some(at) = list.iter().position(|pending| pending.id == id)
            && let Some(pending) = list.remove(at)
        {
            pending.abort.abort();
        }
    }

    pub(in crate::control) fn cancel_all(&self) {
        self.list.lock().clear();
        self.tasks.lock().abort_all();
    }
}

impl Pending {
    fn is_waiting(&self) -> bool {
        self.progress.borrow().is_waiting()
    }
}
