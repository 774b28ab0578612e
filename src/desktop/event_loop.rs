//! The main thread's loop, of this system's kind.
//!
//! Linux needs none of its own: the tray speaks over D-Bus from its own threads, and a channel is
//! enough. Windows and macOS want their events taken in on the main thread, which `tao` does.

use std::time::{Duration, SystemTime};

use super::event::{Event, Remote};
use super::session::Session;
use crate::control::Started;

/// The loop's own memory: nothing is shown before the agent runs.
struct Stage<'s> {
    remote: Remote,
    session: Option<Session>,
    on_start: &'s mut dyn FnMut(&Started),
}

impl Stage<'_> {
    /// Takes in one event. `false`: that was the last one.
    fn on(&mut self, event: Event, now: SystemTime) -> bool {
        match (event, &mut self.session) {
            (Event::Began(office), _) => self.session = Some(Session::start(office, &self.remote)),
            (Event::Started(started), _) => (self.on_start)(&started),
            (Event::Ended, _) => return false,
            (event, Some(session)) => session.on(event, now),
            (_, None) => {}
        }
        true
    }

    /// Looks at what time alone changes.
    fn wake(&mut self, now: SystemTime) {
        if let Some(session) = &mut self.session {
            session.wake(now);
        }
    }

    fn nap(&self, now: SystemTime) -> Duration {
        let next = self
            .session
            .as_ref()
            .and_then(|session| session.wake_at(now));
        next.map_or(NAP_MAX, |at| {
            at.duration_since(now).unwrap_or_default().min(NAP_MAX)
        })
    }
}

/// A clock that was set, and a sleep of the machine, in which timers stand still, are noticed after
/// this time at the latest.
const NAP_MAX: Duration = Duration::from_secs(60);

#[cfg(target_os = "linux")]
pub use channel::EventLoop;
#[cfg(not(target_os = "linux"))]
pub use native::EventLoop;

#[cfg(target_os = "linux")]
mod channel {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::SystemTime;

    use super::{Event, Remote, Stage, Started};

    pub struct EventLoop {
        events: Receiver<Event>,
        remote: Remote,
    }

    impl Default for EventLoop {
        fn default() -> Self {
            let (sender, events) = channel();
            // Who sends after the loop's end tells nobody, and that is fine.
            Self {
                events,
                remote: Remote::new(move |event| drop(sender.send(event))),
            }
        }
    }

    impl EventLoop {
        /// For everybody else.
        pub fn remote(&self) -> Remote {
            self.remote.clone()
        }

        /// Takes in events until the last one; `on_start` is told once the agent runs.
        pub fn run(self, on_start: &mut dyn FnMut(&Started)) {
            let mut stage = Stage {
                remote: self.remote,
                session: None,
                on_start,
            };
            loop {
                let goes_on = match self.events.recv_timeout(stage.nap(SystemTime::now())) {
                    Ok(event) => stage.on(event, SystemTime::now()),
                    Err(RecvTimeoutError::Disconnected) => false,
                    Err(RecvTimeoutError::Timeout) => {
                        stage.wake(SystemTime::now());
                        true
                    }
                };
                if !goes_on {
                    return;
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod native {
    use std::sync::Mutex;
    use std::time::SystemTime;

    use tao::event::{Event as Native, StartCause};
    use tao::event_loop::{ControlFlow, EventLoop as NativeLoop, EventLoopBuilder};
    use tao::platform::run_return::EventLoopExtRunReturn as _;

    use super::{Event, Remote, Stage, Started};

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
                let proxy = proxy
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                // Who sends after the loop's end tells nobody, and that is fine.
                drop(proxy.send_event(event));
            });
            Self { native, remote }
        }
    }

    impl EventLoop {
        /// For everybody else.
        pub fn remote(&self) -> Remote {
            self.remote.clone()
        }

        /// Takes in events until the last one; `on_start` is told once the agent runs.
        pub fn run(mut self, on_start: &mut dyn FnMut(&Started)) {
            let mut stage = Stage {
                remote: self.remote,
                session: None,
                on_start,
            };
            self.native.run_return(|event, _, flow| {
                let now = SystemTime::now();
                let goes_on = match event {
                    Native::UserEvent(event) => stage.on(event, now),
                    Native::NewEvents(StartCause::ResumeTimeReached { .. }) => {
                        stage.wake(now);
                        true
                    }
                    _ => true,
                };
                *flow = if goes_on {
                    wait(&stage)
                } else {
                    ControlFlow::Exit
                };
            });
        }
    }

    fn wait(stage: &Stage<'_>) -> ControlFlow {
        #[allow(
            clippy::disallowed_methods,
            reason = "the system's loop counts in its own time, and decides nothing by it"
        )]
        ControlFlow::WaitUntil(std::time::Instant::now() + stage.nap(SystemTime::now()))
    }
}
