//! Whether bodies are kept: as configured, or as a person asked for a while.
//!
//! It reads no file. Who keeps it over a restart is told of each change.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::capture::HeldBytes;
use super::collector::BodyCollector;
use crate::modes::BodyMode;
use crate::outcome::Timestamp;

/// What the configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodySettings {
    pub mode: BodyMode,
    /// Of each body.
    pub bytes_max: usize,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self {
            mode: BodyMode::Off,
            bytes_max: 256 << 10,
        }
    }
}

/// What a person asked for in place of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedFor {
    pub mode: BodyMode,
    /// Both bounds end it; without one it holds until it is taken back.
    pub until: Option<Timestamp>,
    pub failures_left: Option<u32>,
}

impl AskedFor {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until) && self.failures_left != Some(0)
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodiesStatus {
    /// What holds now.
    pub mode: BodyMode,
    pub configured: BodySettings,
    /// Set where something else than the configuration holds.
    pub asked: Option<AskedFor>,
}

/// Takes what is asked for from now on, for the next start.
type OnChange = Box<dyn Fn(Option<AskedFor>) + Send + Sync>;

#[derive(Default)]
pub struct BodySwitch {
    /// The mode as it was when it last changed: a request that finds it off looks no further.
    mode: AtomicU8,
    state: Mutex<State>,
    held: Arc<HeldBytes>,
    on_change: OnceLock<OnChange>,
}

#[derive(Clone, Copy, Default)]
struct State {
    configured: BodySettings,
    asked: Option<AskedFor>,
}

impl State {
    fn mode(&self) -> BodyMode {
        self.asked.map_or(self.configured.mode, |asked| asked.mode)
    }
}

impl BodySwitch {
    /// Registers who is told of what a person asks for; later calls are ignored.
    pub fn on_change(&self, told: impl Fn(Option<AskedFor>) + Send + Sync + 'static) {
        drop(self.on_change.set(Box::new(told)));
    }

    pub fn configure(&self, configured: BodySettings) {
        let mut state = self.state.lock();
        state.configured = configured;
        self.publish(&state);
    }

    /// Sets what was asked for before the program started.
    pub fn restore(&self, asked: AskedFor) {
        let mut state = self.state.lock();
        state.asked = Some(asked);
        self.publish(&state);
    }

    /// Keeps bodies as it is asked for, until that ends; `None` as configured.
    pub fn ask(&self, asked: Option<AskedFor>) {
        self.set_asked(asked);
    }

    pub fn status(&self, now: Timestamp) -> BodiesStatus {
        let state = self.current(now);
        BodiesStatus {
            mode: state.mode(),
            configured: state.configured,
            asked: state.asked,
        }
    }

    /// Collects the bodies of a request that arrived now, where they are wanted.
    pub fn collect(&self, arrived: Instant) -> Option<Box<BodyCollector>> {
        if self.mode.load(Ordering::Relaxed) == BodyMode::Off as u8 {
            return None;
        }
        let state = self.current(Timestamp::now());
        let mode = state.mode();
        let bytes_max = state.configured.bytes_max;
        (mode != BodyMode::Off).then(|| {
            let held = self.held.clone();
            Box::new(BodyCollector::new(mode, bytes_max, arrived, held))
        })
    }

    /// Counts a failure whose bodies are about to be kept. Returns whether they still may.
    pub fn count_failure(&self) -> bool {
        let asked = {
            let mut state = self.state.lock();
            match &mut state.asked {
                Some(AskedFor {
                    failures_left: Some(0),
                    ..
                }) => return false,
                Some(AskedFor {
                    failures_left: Some(left),
                    ..
                }) => *left -= 1,
                _ => return true,
            }
            state.asked
        };
        self.tell(asked);
        true
    }

    /// What holds now: what was asked for and is over is forgotten.
    fn current(&self, now: Timestamp) -> State {
        let state = *self.state.lock();
        match state.asked {
            Some(asked) if !asked.holds(now) => {
                self.set_asked(None);
                *self.state.lock()
            }
            _ => state,
        }
    }

    fn set_asked(&self, asked: Option<AskedFor>) {
        {
            let mut state = self.state.lock();
            state.asked = asked;
            self.publish(&state);
        }
        self.tell(asked);
    }

    fn publish(&self, state: &State) {
        self.mode.store(state.mode() as u8, Ordering::Relaxed);
    }

    fn tell(&self, asked: Option<AskedFor>) {
        if let Some(told) = self.on_change.get() {
            told(asked);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn errors(until: Option<Timestamp>, failures_left: Option<u32>) -> AskedFor {
        AskedFor {
            mode: BodyMode::Errors,
            until,
            failures_left,
        }
    }

    fn mode(switch: &BodySwitch, seconds: u64) -> BodyMode {
        switch.status(at(seconds)).mode
    }

    #[test]
    fn what_is_asked_for_ends_at_its_time_and_is_forgotten() {
        let switch = BodySwitch::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = told.clone();
        switch.on_change(move |asked| seen.lock().push(asked));
        let asked = errors(Some(at(60)), None);
        switch.ask(Some(asked));
        assert_eq!(mode(&switch, 59), BodyMode::Errors);
        assert_eq!(mode(&switch, 60), BodyMode::Off);
        assert_eq!(switch.mode.load(Ordering::Relaxed), BodyMode::Off as u8);
        assert_eq!(*told.lock(), [Some(asked), None]);
    }

    #[test]
    fn so_many_failures_are_kept_and_no_more() {
        let switch = BodySwitch::default();
        switch.ask(Some(errors(None, Some(2))));
        assert!(switch.count_failure() && switch.count_failure());
        assert!(!switch.count_failure());
        assert_eq!(mode(&switch, 0), BodyMode::Off);
        assert!(switch.collect(Instant::now()).is_none());
    }

    #[test]
    fn off_stands_above_the_configuration_until_it_is_taken_back() {
        let switch = BodySwitch::default();
        switch.configure(BodySettings {
            mode: BodyMode::All,
            ..BodySettings::default()
        });
        assert!(switch.collect(Instant::now()).is_some());
        switch.restore(AskedFor {
            mode: BodyMode::Off,
            until: None,
            failures_left: None,
        });
        assert!(switch.collect(Instant::now()).is_none());
        switch.ask(None);
        assert_eq!(mode(&switch, 0), BodyMode::All);
    }
}
