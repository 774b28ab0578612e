//! Who may come in: links that work once, and the sessions that they begin.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use subtle::ConstantTimeEq as _;

/// How long a link works.
pub(super) const LINK_LASTS: Duration = Duration::from_secs(60);
/// Links that wait to be used; a new one pushes the oldest out.
const LINKS_MAX: usize = 8;
/// How long a session lasts after its last visit.
const SESSION_LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// Browsers that are in; a new one pushes the oldest out.
const SESSIONS_MAX: usize = 16;

pub(super) struct Sessions {
    /// The first part of every path, so that cookies of other ports of this machine have other
    /// paths.
    segment: String,
    links: VecDeque<Pass>,
    sessions: VecDeque<Pass>,
}

/// Something that opens the door until a moment.
struct Pass {
    token: String,
    until: SystemTime,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            segment: random::<16>(),
            links: VecDeque::new(),
            sessions: VecDeque::new(),
        }
    }

    pub(super) fn segment(&self) -> &str {
        &self.segment
    }

    /// A new link's token.
    pub(super) fn issue(&mut self, now: SystemTime) -> String {
        let token = random::<16>();
        push(
            &mut self.links,
            Pass {
                token: token.clone(),
                until: now + LINK_LASTS,
            },
            LINKS_MAX,
        );
        token
    }

    /// Uses a link up, and begins a session. `None` for one that was used, has ended, or never was.
    pub(super) fn enter(&mut self, token: &str, now: SystemTime) -> Option<String> {
        let at = find(&self.links, token, now)?;
        self.links.remove(at);
        let session = random::<32>();
        push(
            &mut self.sessions,
            Pass {
                token: session.clone(),
                until: now + SESSION_LASTS,
            },
            SESSIONS_MAX,
        );
        Some(session)
    }

    /// Whether a cookie's value is that of somebody who came in; each visit makes the session last.
    pub(super) fn knows(&mut self, session: &str, now: SystemTime) -> bool {
        let Some(at) = find(&self.sessions, session, now) else {
            return false;
        };
        self.sessions[at].until = now + SESSION_LASTS;
        true
    }
}

fn push(passes: &mut VecDeque<Pass>, pass: Pass, count_max: usize) {
    passes.push_back(pass);
    while passes.len() > count_max {
        passes.pop_front();
    }
}

/// Compares with all of them, in a time that tells nothing about how much of one was right.
fn find(passes: &VecDeque<Pass>, token: &str, now: SystemTime) -> Option<usize> {
    let is_right = |pass: &Pass| bool::from(pass.token.as_bytes().ct_eq(token.as_bytes()));
    let found = passes.iter().enumerate().fold(
        None,
        |found, (at, pass)| if is_right(pass) { Some(at) } else { found },
    );
    found.filter(|at| passes[*at].until > now)
}

/// As many random bytes, in hexadecimal.
pub(super) fn random<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system has randomness once it runs programs");
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn a_link_works_once() {
        let mut entrance = Sessions::new();
        let link = entrance.issue(NOW);
        let session = entrance.enter(&link, NOW).unwrap();
        assert!(entrance.knows(&session, NOW));
        assert_eq!(entrance.enter(&link, NOW), None);
        assert!(!entrance.knows(&link, NOW));
    }

    #[test]
    fn a_link_ends_after_a_minute() {
        let mut entrance = Sessions::new();
        let link = entrance.issue(NOW);
        assert_eq!(entrance.enter(&link, NOW + Duration::from_secs(60)), None);
    }

    #[test]
    fn a_session_lasts_while_it_is_visited() {
        let mut entrance = Sessions::new();
        let link = entrance.issue(NOW);
        let session = entrance.enter(&link, NOW).unwrap();
        let hours = |hours: u64| NOW + Duration::from_secs(hours * 60 * 60);
        assert!(entrance.knows(&session, hours(11)));
        assert!(entrance.knows(&session, hours(22)));
        assert!(!entrance.knows(&session, hours(34)));
    }

    #[test]
    fn what_was_never_given_opens_nothing() {
        let mut entrance = Sessions::new();
        entrance.issue(NOW);
        for token in ["", "00", &"0".repeat(32)] {
            assert_eq!(entrance.enter(token, NOW), None);
            assert!(!entrance.knows(token, NOW));
        }
    }

    #[test]
    fn the_number_of_both_is_bounded() {
        let mut entrance = Sessions::new();
        let first = entrance.issue(NOW);
        for _ in 0..LINKS_MAX {
            entrance.issue(NOW);
        }
        assert_eq!(entrance.enter(&first, NOW), None, "the oldest made room");
    }
}
