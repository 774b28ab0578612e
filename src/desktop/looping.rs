//! The main thread's loop, of this system's kind.
//!
//! Linux needs none of its own: the tray speaks over D-Bus from its own threads, and a channel is enough. Windows and macOS want
//! their events taken in on the main thread, which `tao` does.

use super::event::{Event, Remote};
use super::session::Session;

#[cfg(target_os = "linux")]
pub use channel::EventLoop;
#[cfg(not(target_os = "linux"))]
pub use native::EventLoop;

#[cfg(target_os = "linux")]
mod channel {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::{Duration, SystemTime};

    use super::{Event, Remote, Session};

    /// Clocks that were set while nobody looked are noticed after this time at the latest.
    const NAP_MAX: Duration = Duration::from_secs(60 * 60);

    pub struct EventLoop {
        events: Receiver<Event>,
        remote: Remote,
    }

    impl EventLoop {
        pub fn new() -> Self {
            let (sender, events) = channel();
            // Who sends after the loop's end tells nobody, and that is fine.
            Self { events, remote: Remote::new(move |event| drop(sender.send(event))) }
        }

        pub fn remote(&self) -> Remote {
            self.remote.clone()
        }

        /// Takes in events until the last one.
        pub fn run(self, mut session: Session) {
            loop {
                let now = SystemTime::now();
                let nap = session.wake_at(now).map_or(NAP_MAX, |at| at.duration_since(now).unwrap_or_default().min(NAP_MAX));
                let goes_on = match self.events.recv_timeout(nap) {
                    Ok(event) => session.on(event, SystemTime::now()),
                    Err(RecvTimeoutError::Disconnected) => false,
                    Err(RecvTimeoutError::Timeout) => session.wake(SystemTime::now()),
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
    use std::time::{Duration, SystemTime};

    use tao::event::{Event as Native, StartCause};
    use tao::event_loop::{ControlFlow, EventLoop as NativeLoop, EventLoopBuilder};
    use tao::platform::run_return::EventLoopExtRunReturn as _;

    use super::{Event, Remote, Session};

    const NAP_MAX: Duration = Duration::from_secs(60 * 60);

    pub struct EventLoop {
        native: NativeLoop<Event>,
        remote: Remote,
    }

    impl EventLoop {
        pub fn new() -> Self {
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
                let proxy = proxy.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                // Who sends after the loop's end tells nobody, and that is fine.
                drop(proxy.send_event(event));
            });
            Self { native, remote }
        }

        pub fn remote(&self) -> Remote {
            self.remote.clone()
        }

        /// Takes in events until the last one.
        pub fn run(mut self, mut session: Session) {
            self.native.run_return(|event, _, flow| {
                let goes_on = match event {
                    Native::UserEvent(event) => session.on(event, SystemTime::now()),
                    Native::NewEvents(StartCause::ResumeTimeReached { .. }) => session.wake(SystemTime::now()),
                    _ => true,
                };
                *flow = if goes_on { until(session.wake_at(SystemTime::now())) } else { ControlFlow::Exit };
            });
        }
    }

    fn until(at: Option<SystemTime>) -> ControlFlow {
        let nap = at.map_or(NAP_MAX, |at| at.duration_since(SystemTime::now()).unwrap_or_default().min(NAP_MAX));
        #[allow(clippy::disallowed_methods, reason = "the system's loop counts in its own time, and decides nothing by it")]
        ControlFlow::WaitUntil(std::time::Instant::now() + nap)
    }
}
