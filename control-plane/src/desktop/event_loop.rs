//! The main thread's event loop.
//!
//! On Linux a channel is enough: the tray speaks D-Bus from its own threads. Windows and macOS
//! require that their events are handled on the main thread, which `tao` does.

use std::time::{Duration, SystemTime};

use super::event::{Event, Remote};
use super::session::Session;
use crate::control::Started;

/// What the loop keeps between events. There is no session before the agent starts.
struct LoopState<'s> {
    remote: Remote,
    session: Option<Session>,
    on_start: &'s mut dyn FnMut(&Started),
}

impl LoopState<'_> {
    /// Handles one event. `false`: that was the last one.
    fn handle(&mut self, event: Event, now: SystemTime) -> bool {
        match (event, &mut self.session) {
            (Event::AgentStarting(backend), _) => {
                self.session = Some(Session::start(backend, &self.remote));
            }
            (Event::AgentStarted(started), _) => (self.on_start)(&started),
            (Event::AgentEnded, _) => return false,
            (event, Some(session)) => session.handle(event, now),
            (_, None) => {}
        }
        true
    }

    /// Updates what changes with time alone.
    fn on_timer(&mut self, now: SystemTime) {
        if let Some(session) = &mut self.session {
            session.on_timer(now);
        }
    }

    /// How long the loop may wait for the next event.
    fn timeout(&self, now: SystemTime) -> Duration {
        let timer = self
            .session
            .as_ref()
            .and_then(|session| session.next_timer(now));
        match timer {
            Some(at) => at.duration_since(now).unwrap_or_default().min(TIMEOUT_MAX),
            None => TIMEOUT_MAX,
        }
    }
}

/// Timers stand still while the machine sleeps, and know nothing of a clock that was set. Both are
/// noticed after this time at the latest.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

#[cfg(target_os = "linux")]
pub use channel::EventLoop;
#[cfg(not(target_os = "linux"))]
pub use native::EventLoop;

#[cfg(target_os = "linux")]
mod channel {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::SystemTime;

    use super::{Event, LoopState, Remote, Started};

    pub struct EventLoop {
        events: Receiver<Event>,
        remote: Remote,
    }

    impl Default for EventLoop {
        fn default() -> Self {
            let (sender, events) = channel();
            // An event that is sent after the loop's end is dropped.
            Self {
                events,
                remote: Remote::new(move |event| drop(sender.send(event))),
            }
        }
    }

    impl EventLoop {
        /// A handle for other threads.
        pub fn remote(&self) -> Remote {
            self.remote.clone()
        }

        /// Handles events until the last one; calls `on_start` once the agent runs.
        pub fn run(self, on_start: &mut dyn FnMut(&Started)) {
            let mut state = LoopState {
                remote: self.remote,
                session: None,
                on_start,
            };
            loop {
                let continues = match self.events.recv_timeout(state.timeout(SystemTime::now())) {
                    Ok(event) => state.handle(event, SystemTime::now()),
                    Err(RecvTimeoutError::Disconnected) => false,
                    Err(RecvTimeoutError::Timeout) => {
                        state.on_timer(SystemTime::now());
                        true
                    }
                };
                if !continues {
                    return;
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod native {
    use std::time::SystemTime;

    use parking_lot::Mutex;
    use tao::event::{Event as Native, StartCause};
    use tao::event_loop::{ControlFlow, EventLoop as NativeLoop, EventLoopBuilder};
    use tao::platform::run_return::EventLoopExtRunReturn as _;

    use super::{Event, LoopState, Remote, Started};

    pub struct EventLoop {
        native: NativeLoop<Event>,
        remote: Remote,
    }

    impl Default for EventLoop {
        fn default() -> Self {
            #[allow(unused_mut, reason = "macOS changes it")]
            let mut native = EventLoopBuilder::<Event>::with_user_event().build();
            #[cfg(target_os = "macos")]
            {
                use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS as _};
                // No icon in the Dock, no menu bar of our own.
                native.set_activation_policy(ActivationPolicy::Accessory);
            }
            let proxy = Mutex::new(native.create_proxy());
            let remote = Remote::new(move |event| {
                // An event that is sent after the loop's end is dropped.
                drop(proxy.lock().send_event(event));
            });
            Self { native, remote }
        }
    }

    impl EventLoop {
        /// A handle for other threads.
        pub fn remote(&self) -> Remote {
            self.remote.clone()
        }

        /// Handles events until the last one; calls `on_start` once the agent runs.
        pub fn run(mut self, on_start: &mut dyn FnMut(&Started)) {
            let mut state = LoopState {
                remote: self.remote,
                session: None,
                on_start,
            };
            self.native.run_return(|event, _, flow| {
                let now = SystemTime::now();
                let continues = match event {
                    Native::UserEvent(event) => state.handle(event, now),
                    Native::NewEvents(StartCause::ResumeTimeReached { .. }) => {
                        state.on_timer(now);
                        true
                    }
                    _ => true,
                };
                *flow = if continues {
                    wait(&state)
                } else {
                    ControlFlow::Exit
                };
            });
        }
    }

    fn wait(state: &LoopState<'_>) -> ControlFlow {
        #[allow(
            clippy::disallowed_methods,
            reason = "the system's loop takes a monotonic time, and decides nothing by it"
        )]
        ControlFlow::WaitUntil(std::time::Instant::now() + state.timeout(SystemTime::now()))
    }
}
