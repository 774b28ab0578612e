//! One-time links, and the sessions that they begin.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a link works.
pub(super) const LINK_LASTS: Duration = Duration::from_secs(60);
/// How many unused links there may be; a new one evicts the oldest.
const LINKS_MAX: usize = 8;
/// How long a session lasts after its last request.
const SESSION_LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// How many sessions there may be; a new one evicts the oldest.
const SESSIONS_MAX: usize = 16;

pub(super) struct Sessions {
    /// The first segment of every path. Cookies do not tell ports of a machine apart; their paths
    /// do.
    segment: String,
    links: VecDeque<Token>,
    sessions: VecDeque<Token>,
    /// From which the tokens of forms are derived.
    form_key: String,
}

struct Token {
    value: String,
    expires_at: SystemTime,
    /// Tells what is open for it, once it is dropped.
    end: DropGuard,
}

impl Token {
    fn new(value: String, expires_at: SystemTime) -> Self {
        Self {
            value,
            expires_at,
            end: CancellationToken::new().drop_guard(),
        }
    }
}

/// What outlasts a request watches whether its session still does.
pub(super) struct SessionWatch {
    sessions: Arc<Mutex<Sessions>>,
    value: String,
    end: CancellationToken,
}

impl SessionWatch {
    /// `None` where there is no such session.
    pub(super) fn new(sessions: &Arc<Mutex<Sessions>>, value: &str) -> Option<Self> {
        let open = sessions.lock();
        let at = find(&open.sessions, value, SystemTime::now())?;
        Some(Self {
            sessions: Arc::clone(sessions),
            value: value.to_owned(),
            end: open.sessions[at].end.token().clone(),
        })
    }

    /// Resolves when the session is ended. One that runs out by itself is found by
    /// [`SessionWatch::is_open`].
    ///
    /// Cancel safe.
    pub(super) async fn ended(&self) {
        self.end.cancelled().await;
    }

    /// Whether it lasts. Asking does not make it last longer.
    pub(super) fn is_open(&self) -> bool {
        let open = self.sessions.lock();
        find(&open.sessions, &self.value, SystemTime::now()).is_some()
    }
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            segment: random::<16>(),
            links: VecDeque::new(),
            sessions: VecDeque::new(),
            form_key: random::<32>(),
        }
    }

    pub(super) fn segment(&self) -> &str {
        &self.segment
    }

    /// A new link's token.
    pub(super) fn issue_link(&mut self, now: SystemTime) -> String {
        let value = random::<16>();
        let token = Token::new(value.clone(), now + LINK_LASTS);
        push(&mut self.links, token, LINKS_MAX);
        value
    }

    /// Redeems a link and begins a session. `None` for a link that was used, has ended, or never
    /// was.
    pub(super) fn redeem(&mut self, link: &str, now: SystemTime) -> Option<String> {
        let at = find(&self.links, link, now)?;
        self.links.remove(at);
        let value = random::<32>();
        let token = Token::new(value.clone(), now + SESSION_LASTS);
        push(&mut self.sessions, token, SESSIONS_MAX);
        Some(value)
    }

    pub(super) fn end(&mut self, session: &str) {
        self.sessions
            .retain(|token| !bool::from(token.value.as_bytes().ct_eq(session.as_bytes())));
    }

    /// Whether the value of a cookie is a session. If it is, the session lasts longer from now.
    pub(super) fn renew(&mut self, session: &str, now: SystemTime) -> bool {
        let Some(at) = find(&self.sessions, session, now) else {
            return false;
        };
        self.sessions[at].expires_at = now + SESSION_LASTS;
        true
    }

    /// What every form of a session carries. It tells nothing of the session's cookie.
    pub(super) fn form_token(&self, session: &str) -> String {
        let digest = Sha256::new()
            .chain_update(&self.form_key)
            .chain_update(session)
            .finalize();
        hex::encode(&digest[..16])
    }

    /// Whether a form comes from a page of that session.
    pub(super) fn is_form_token(&self, session: &str, token: &str) -> bool {
        let expected = self.form_token(session);
        expected.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

fn push(tokens: &mut VecDeque<Token>, token: Token, count_max: usize) {
    tokens.push_back(token);
    while tokens.len() > count_max {
        tokens.pop_front();
    }
}

/// Compares with every token, so that the time taken does not tell how much of one was right.
fn find(tokens: &VecDeque<Token>, value: &str, now: SystemTime) -> Option<usize> {
    let mut found = None;
    for (at, token) in tokens.iter().enumerate() {
        if bool::from(token.value.as_bytes().ct_eq(value.as_bytes())) {
            found = Some(at);
        }
    }
    found.filter(|at| tokens[*at].expires_at > now)
}

/// `BYTES` random bytes in hexadecimal.
pub(super) fn random<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system has randomness once it runs programs");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn a_link_works_once() {
        let mut sessions = Sessions::new();
        let link = sessions.issue_link(NOW);
        let session = sessions.redeem(&link, NOW).unwrap();
        assert!(sessions.renew(&session, NOW));
        assert_eq!(sessions.redeem(&link, NOW), None);
        assert!(!sessions.renew(&link, NOW));
    }

    #[test]
    fn a_session_that_ended_opens_nothing_and_the_others_stay() {
        let mut sessions = Sessions::new();
        let [first, second] = [(); 2].map(|()| {
            let link = sessions.issue_link(NOW);
            sessions.redeem(&link, NOW).unwrap()
        });
        sessions.end(&first);
        assert!(!sessions.renew(&first, NOW) && sessions.renew(&second, NOW));
    }

    #[test]
    fn a_link_ends_after_a_minute() {
        let mut sessions = Sessions::new();
        let link = sessions.issue_link(NOW);
        assert_eq!(sessions.redeem(&link, NOW + Duration::from_secs(60)), None);
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        let sessions = Sessions::new();
        let token = sessions.form_token("a");
        assert!(sessions.is_form_token("a", &token));
        assert!(!sessions.is_form_token("b", &token) && !sessions.is_form_token("a", ""));
        assert!(
            !Sessions::new().is_form_token("a", &token),
            "of an older agent"
        );
    }

    #[test]
    fn a_session_lasts_while_it_is_visited() {
        let mut sessions = Sessions::new();
        let link = sessions.issue_link(NOW);
        let session = sessions.redeem(&link, NOW).unwrap();
        let hours = |hours: u64| NOW + Duration::from_secs(hours * 60 * 60);
        assert!(sessions.renew(&session, hours(11)));
        assert!(sessions.renew(&session, hours(22)));
        assert!(!sessions.renew(&session, hours(34)));
    }

    #[test]
    fn what_was_never_given_opens_nothing() {
        let mut sessions = Sessions::new();
        sessions.issue_link(NOW);
        for token in ["", "00", &"0".repeat(32)] {
            assert_eq!(sessions.redeem(token, NOW), None);
            assert!(!sessions.renew(token, NOW));
        }
    }

    #[test]
    fn the_number_of_both_is_bounded() {
        let mut sessions = Sessions::new();
        let first = sessions.issue_link(NOW);
        for _ in 0..LINKS_MAX {
            sessions.issue_link(NOW);
        }
        assert_eq!(sessions.redeem(&first, NOW), None, "the oldest made room");
    }
}
