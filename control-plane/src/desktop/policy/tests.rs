use super::super::view::samples::{
    account, after, cooling, exhausted, five_hour_quota, in_use, mittag, noon, offer, open_port,
    program, refused_by_system, running, signed_out, with, with_port,
};
use super::*;
use crate::control::account::CredentialForm;
use crate::language::{Language, Said};

/// A user who is shown one view after another, and what is reported to them.
#[derive(Default)]
struct Person {
    state: NotificationState,
    settings: NotificationSettings,
}

impl Person {
    fn sees(&mut self, view: &View) -> Vec<Notice> {
        self.sees_at(view, 0)
    }

    fn sees_at(&mut self, view: &View, minutes: u64) -> Vec<Notice> {
        let (state, notices) = review(
            &self.state,
            view,
            &self.settings,
            &LocalTime {
                time: after(minutes),
                ..noon()
            },
        );
        self.state = state;
        notices
    }

    fn reads(&mut self, view: &View) -> Vec<String> {
        self.sees(view)
            .into_iter()
            .map(|notice| format!("{} | {}", notice.summary, notice.body))
            .collect()
    }
}

fn needing(names: &[&str]) -> View {
    with(|overview| {
        overview.accounts = names
            .iter()
            .map(|name| account(name, signed_out()))
            .collect();
    })
}

fn quota(used_percent: u8) -> View {
    with(|overview| overview.accounts[0].quota = vec![five_hour_quota(used_percent, 140)])
}

fn taken() -> View {
    let failure = in_use(8045, program("python3", 77));
    with_port(running(), PortStatus::Unavailable(failure))
}

#[test]
fn a_healthy_agent_says_nothing() {
    assert_eq!(Person::default().sees(&running()), []);
}

#[test]
fn a_trouble_is_told_once_and_its_end_once() {
    let mut person = Person::default();
    assert_eq!(
        person.reads(&needing(&["work"])),
        ["work needs a new key | the provider refused to refresh"]
    );
    for _ in 0..50 {
        assert_eq!(person.sees(&needing(&["work"])), []);
    }
    assert_eq!(person.reads(&running()), ["work can serve again | "]);
    assert_eq!(person.sees(&running()), []);
}

#[test]
fn a_locked_vault_is_one_trouble_for_all_its_accounts() {
    let locked = || {
        AccountStatus::NeedsUser(NeedsUser::VaultLocked {
            detail: Said::quoted("the keyring is locked"),
        })
    };
    let mut person = Person::default();
    let shown = person.reads(&with(|overview| {
        overview.accounts = vec![account("a", locked()), account("b", locked())];
    }));
    assert_eq!(
        shown,
        [
            "a and b are locked | The vault is locked (the keyring is locked). Until it is open, a and b cannot serve."
        ]
    );
    assert_eq!(
        person.sees(&with(
            |overview| overview.accounts = vec![account("a", locked())]
        )),
        []
    );
    assert_eq!(
        person.reads(&running()),
        ["The vault is open | Its accounts can serve."]
    );
}

#[test]
fn several_that_change_together_make_one() {
    let mut person = Person::default();
    let shown = person.sees(&needing(&["a", "b", "c", "d", "e"]));
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].summary, "a, b and 3 more need new keys");
    assert_eq!(shown[0].body.lines().count(), 5);
    assert_eq!(shown[0].body.lines().last(), Some("and 1 more"));
}

#[test]
fn one_more_is_told_first_with_those_before() {
    let mut person = Person::default();
    person.sees(&needing(&["a"]));
    assert!(person.reads(&needing(&["a", "b"]))[0].starts_with("b and a need new keys | b: "));
    assert_eq!(
        person.sees(&needing(&["b"])),
        [],
        "one less is no news while another is left"
    );
}

#[test]
fn an_account_that_was_removed_or_switched_off_is_no_good_news() {
    let mut person = Person::default();
    person.sees(&needing(&["gone"]));
    assert_eq!(person.sees(&running()), []);
}

#[test]
fn each_threshold_of_a_quota_is_told_once_with_its_reset() {
    let mut person = Person::default();
    assert_eq!(person.sees(&quota(79)), []);
    assert_eq!(
        person.reads(&quota(80)),
        ["work is running low on quota | work: 80 % of its 5-hour limit used, resets 14:20"]
    );
    assert_eq!(person.sees(&quota(94)), []);
    assert_eq!(person.sees(&quota(95)).len(), 1);
    assert_eq!(
        person.reads(&quota(100)),
        ["work has used up a quota | work: 5-hour limit used up, back 14:20"]
    );
    assert_eq!(
        person.reads(&quota(3)),
        ["work has quota again | No account is near a limit."]
    );
}

#[test]
fn a_quota_that_was_only_low_fills_again_in_silence() {
    let mut person = Person::default();
    person.sees(&quota(85));
    assert_eq!(person.sees(&quota(3)), []);
    assert_eq!(
        person.sees(&quota(85)).len(),
        1,
        "the next window is another one"
    );
}

#[test]
fn an_account_that_is_spent_is_told_as_its_quota() {
    let spent = |percent: u8, what: &str| {
        let mut view = quota(percent);
        view.overview.accounts[0].status = exhausted(what, 140);
        view
    };
    let mut person = Person::default();
    let shown = "work has used up a quota | work: quota used up, back 14:20 (try again in 2h)";
    assert_eq!(person.reads(&spent(96, "try again in 2h")), [shown]);
    assert_eq!(
        person.sees(&spent(96, "try again in 1h")),
        [],
        "other words are no other state"
    );
    let windowed = "work has used up a quota | work: 5-hour limit used up, back 14:20";
    assert_eq!(
        Person::default().reads(&spent(100, "try again in 2h")),
        [windowed]
    );
}

#[test]
fn who_is_spent_is_not_mixed_with_who_runs_low() {
    let mut view = quota(85);
    let mut person = Person::default();
    person.sees(&view);
    view.overview
        .accounts
        .push(account("home", exhausted("no more", 140)));
    view.overview.settle();
    let shown = person.sees(&view);
    assert_eq!(shown[0].summary, "home has used up a quota");
    assert_eq!(
        shown[0].body,
        "home: quota used up, back 14:20 (no more)\nwork: 85 % of its 5-hour limit used, resets 14:20"
    );
}

#[test]
fn rate_limits_of_a_minute_are_no_news() {
    let mut view = quota(100);
    view.overview.accounts[0].quota = vec![five_hour_quota(100, 1)];
    assert_eq!(Person::default().sees(&view), []);
}

#[test]
fn a_window_near_its_reset_is_not_called_back() {
    let mut person = Person::default();
    person.sees(&quota(100));
    assert_eq!(person.sees_at(&quota(100), 139), []);
}

#[test]
fn an_expiry_is_told_a_week_and_a_day_ahead() {
    let mut person = Person::default();
    let mut view = running();
    view.overview.accounts[0].expires_on = Some(after(8 * 24 * 60));
    assert_eq!(person.sees(&view), []);
    assert_eq!(
        next_review_at(&view, &person.settings, &noon()),
        Some(after(24 * 60))
    );
    assert_eq!(
        person.sees_at(&view, 24 * 60)[0].summary,
        "work expires soon"
    );
    assert_eq!(person.sees_at(&view, 3 * 24 * 60), []);
    assert_eq!(
        person.sees_at(&view, 7 * 24 * 60)[0].body,
        "work: expires tomorrow 12:00"
    );
    assert_eq!(
        person.sees_at(&view, 8 * 24 * 60)[0].summary,
        "work has expired"
    );
    assert_eq!(person.sees_at(&view, 9 * 24 * 60), []);
    view.overview.accounts[0].expires_on = Some(after(60 * 24 * 60));
    assert_eq!(
        person.sees_at(&view, 7 * 24 * 60),
        [],
        "the user renewed it and knows"
    );
}

#[test]
fn a_taken_port_is_told_until_it_is_free() {
    let mut person = Person::default();
    let shown = person.sees(&taken());
    assert!(
        shown[0].body.contains("Port 8045 belongs to python3 (77)"),
        "{}",
        shown[0].body
    );
    assert_eq!(
        person.sees(&with_port(running(), PortStatus::Starting)),
        [],
        "a new try is no change"
    );
    assert_eq!(person.sees(&taken()), []);
    assert_eq!(
        person.reads(&running()),
        ["Aerostat has its port | It runs on 127.0.0.1:8045."]
    );
}

#[test]
fn a_port_that_cannot_be_moved_to_is_told_with_what_still_works() {
    let not_moved = || {
        let port = PortStatus::Running {
            port: 8045,
            is_exposed: false,
            refused: Some(in_use(9000, program("nc", 7))),
        };
        with_port(running(), port)
    };
    let mut person = Person::default();
    let line = "Port 9000 is in use by nc (7); set `port` or stop it. Until then 127.0.0.1:8045 keeps serving.";
    assert_eq!(
        person.reads(&not_moved()),
        [format!("Aerostat cannot open port 9000 | {line}")]
    );
    assert_eq!(person.sees(&not_moved()), []);
    let moved = with_port(running(), open_port(9000, false));
    assert_eq!(
        person.reads(&moved),
        ["Aerostat has its port | It runs on 127.0.0.1:9000."]
    );
}

#[test]
fn a_port_that_the_system_refuses_is_told() {
    let failed = with_port(running(), refused_by_system(80));
    assert_eq!(
        Person::default().reads(&failed),
        ["Aerostat cannot open port 80 | Port 80 cannot be opened; it is tried again"]
    );
}

#[test]
fn who_stops_serving_is_not_told_that_it_is_back() {
    let mut person = Person::default();
    person.sees(&taken());
    assert_eq!(person.sees(&with_port(running(), PortStatus::Stopped)), []);
}

#[test]
fn a_resting_pool_is_told_where_the_rest_is_long() {
    let cooling =
        |minutes| with(|overview| overview.accounts[0].status = cooling("slow down", minutes));
    let mut person = Person::default();
    assert_eq!(person.sees(&cooling(0)), []);
    let shown = person.sees(&cooling(20));
    assert_eq!(
        shown[0].body,
        "No account can serve until 12:20; requests are refused until then."
    );
    assert_eq!(
        person.sees(&cooling(25)),
        [],
        "a later end is the same cooldown"
    );
    assert_eq!(person.sees(&running()).len(), 1);
}

#[test]
fn one_event_is_one_notice() {
    let mut view = running();
    view.overview.accounts[0].status = exhausted("You exceeded your quota", 140);
    view.overview.settle();
    let mut person = Person::default();
    let shown = "work has used up a quota | work: quota used up, back 14:20 (You exceeded your quota)\n\
                 No account can serve until 14:20; requests are refused until then.";
    assert_eq!(person.reads(&view), [shown]);
    assert_eq!(
        person.reads(&running()),
        ["work has quota again | No account is near a limit."]
    );
}

#[test]
fn a_quota_window_that_was_reset_is_no_second_end() {
    let mut spent = quota(100);
    spent.overview.accounts[0].status = exhausted("no more", 140);
    spent.overview.settle();
    let mut person = Person::default();
    assert_eq!(person.sees(&spent).len(), 1);
    // The provider has not reported the new window yet.
    let shown = person.sees_at(&quota(100), 140);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].summary, "work has quota again");
    assert_eq!(person.sees_at(&running(), 141), []);
}

#[test]
fn an_account_that_serves_before_its_window_is_reset_is_back_once() {
    let mut spent = quota(100);
    spent.overview.accounts[0].status = exhausted("no more", 100);
    spent.overview.settle();
    let mut person = Person::default();
    assert_eq!(person.sees(&spent).len(), 1);
    // The refusal named an earlier end than the window.
    let back: Vec<_> = person.sees_at(&quota(100), 100);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].summary, "work can serve again");
    assert_eq!(person.sees_at(&quota(100), 120), []);
    assert_eq!(person.sees_at(&running(), 141), [], "its window is reset");
    spent.overview.accounts[0].status = exhausted("no more", 300);
    spent.overview.settle();
    let again = person.sees_at(&spent, 150);
    assert_eq!(again.len(), 1, "that is another event");
}

#[test]
fn an_account_that_is_refused_again_after_it_was_back_is_news() {
    let mut spent = quota(100);
    spent.overview.accounts[0].status = exhausted("no more", 100);
    spent.overview.settle();
    let mut person = Person::default();
    person.sees(&spent);
    assert_eq!(person.sees_at(&quota(100), 100).len(), 1);
    spent.overview.accounts[0].status = exhausted("no more", 139);
    spent.overview.settle();
    assert_eq!(person.sees_at(&spent, 110).len(), 1);
}

#[test]
fn a_quota_that_was_told_by_its_window_is_not_told_again_by_the_refusal() {
    let mut person = Person::default();
    assert_eq!(person.sees(&quota(100)).len(), 1);
    let mut refused = quota(100);
    refused.overview.accounts[0].status = exhausted("no more", 140);
    refused.overview.settle();
    assert_eq!(person.sees(&refused), []);
    let back = person.sees_at(&running(), 141);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].summary, "work has quota again");
}

#[test]
fn an_end_that_was_a_guess_is_told_once_it_is_shown() {
    let spent =
        |minutes| with(|overview| overview.accounts[0].status = exhausted("no credit", minutes));
    let guessed = || with(|overview| overview.accounts[0].awaits_proof = true);
    let mut person = Person::default();
    assert_eq!(person.sees(&spent(10)).len(), 1);
    for round in 1..5 {
        assert_eq!(person.sees_at(&guessed(), round * 60), []);
        assert_eq!(
            person.sees_at(&spent(round * 60 + 20), round * 60 + 1),
            [],
            "refused again"
        );
    }
    assert_eq!(person.sees_at(&guessed(), 400), []);
    let back = person.sees_at(&running(), 401);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].summary, "work has quota again");
}

#[test]
fn a_quota_that_ends_into_another_cooldown_is_told_with_the_end_of_that() {
    let spent = with(|overview| overview.accounts[0].status = exhausted("no more", 60));
    let limited = with(|overview| overview.accounts[0].status = cooling("slow down", 90));
    let mut person = Person::default();
    assert_eq!(person.sees(&spent).len(), 1);
    assert_eq!(person.sees_at(&limited, 60), []);
    assert_eq!(person.sees_at(&running(), 90).len(), 1);
    assert_eq!(person.sees_at(&running(), 91), []);
}

#[test]
fn one_of_several_that_comes_back_is_told_and_then_the_other() {
    let both = |work, home| {
        with(|overview| {
            overview.accounts = vec![account("work", work), account("home", home)];
        })
    };
    let mut person = Person::default();
    let spent = |minutes| exhausted("no more", minutes);
    assert_eq!(person.sees(&both(spent(60), spent(90))).len(), 1);
    let first = person.sees_at(&both(AccountStatus::Ready, spent(90)), 60);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].summary, "work can serve again");
    let second = person.sees_at(&both(AccountStatus::Ready, AccountStatus::Ready), 90);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].summary, "home has quota again");
}

#[test]
fn a_window_is_looked_at_again_when_it_is_reset() {
    let settings = NotificationSettings::default();
    assert_eq!(
        next_review_at(&quota(85), &settings, &noon()),
        Some(after(140))
    );
    assert_eq!(next_review_at(&quota(3), &settings, &noon()), None);
}

#[test]
fn a_sign_in_is_made_and_a_key_is_entered() {
    let mut view = needing(&["me"]);
    view.overview.accounts[0].form = CredentialForm::OAuth;
    let shown = Person::default().sees(&view);
    assert_eq!(shown[0].summary, "me needs you to sign in");
    assert_eq!(shown[0].buttons[0], Button::SignIn("me".to_owned()));
    view.overview.accounts.push(account("alpha", signed_out()));
    let shown = Person::default().sees(&view);
    assert_eq!(shown[0].summary, "me and alpha need you");
    assert_eq!(shown[0].buttons, [Button::OpenDashboard, Button::Mute]);
}

#[test]
fn a_provider_without_an_account_is_no_news() {
    let view = with(|overview| overview.accounts.push(offer("lab")));
    assert_eq!(Person::default().sees(&view), []);
}

#[test]
fn a_network_that_is_not_served_is_told_until_it_is() {
    let refused = with(|overview| {
        overview.status.lan_refused = Some(Said::quoted("the LAN is not served"));
    });
    let mut person = Person::default();
    assert_eq!(
        person.reads(&refused),
        ["The local network is not served | The LAN is not served"]
    );
    let served = with_port(running(), open_port(8045, true));
    assert_eq!(
        person.reads(&served),
        ["The local network is served | Other machines can connect to port 8045 with a key."]
    );
    person.sees(&refused);
    assert_eq!(
        person.sees(&running()),
        [],
        "who no longer asks for it has it as they want"
    );
}

#[test]
fn every_rejected_configuration_is_told() {
    let rejected =
        |why: &str| with(|overview| overview.status.config_error = Some(Said::quoted(why)));
    let mut person = Person::default();
    let shown = "The changed configuration is not used | line 3: no such key\nThe last good one stays active.";
    assert_eq!(person.reads(&rejected("line 3: no such key")), [shown]);
    assert_eq!(person.sees(&rejected("line 3: no such key")), []);
    assert_eq!(person.sees(&rejected("line 4: no such key")).len(), 1);
    assert_eq!(
        person.sees(&running())[0].summary,
        "The configuration is active again"
    );
}

#[test]
fn a_topic_that_is_off_is_silent_and_tells_no_end() {
    let mut person = Person::default();
    person.settings.topics.remove(&Topic::SignIn);
    assert_eq!(person.sees(&needing(&["work"])), []);
    assert_eq!(person.sees(&running()), []);
}

#[test]
fn a_pause_holds_back_what_is_still_true_at_its_end() {
    let mut person = Person::default();
    let muted = |view: View| View {
        muted_until: Some(after(60)),
        ..view
    };
    assert_eq!(person.sees(&muted(needing(&["work"]))), []);
    assert_eq!(person.sees_at(&muted(needing(&["work"])), 59), []);
    assert_eq!(person.sees_at(&muted(needing(&["work"])), 60).len(), 1);
}

#[test]
fn what_came_and_went_in_a_pause_is_never_told() {
    let mut person = Person::default();
    assert_eq!(
        person.sees(&View {
            muted_until: Some(after(60)),
            ..taken()
        }),
        []
    );
    assert_eq!(person.sees_at(&running(), 61), []);
}

#[test]
fn what_got_worse_in_a_pause_is_told_after_it() {
    let mut person = Person::default();
    person.sees(&quota(85));
    assert_eq!(
        person.sees(&View {
            muted_until: Some(after(60)),
            ..quota(100)
        }),
        []
    );
    assert_eq!(person.sees_at(&quota(100), 61).len(), 1);
}

#[test]
fn buttons_say_what_can_be_done() {
    let mut person = Person::default();
    let one = person.sees(&needing(&["work"]));
    assert_eq!(
        one[0].buttons,
        [
            Button::EnterKey("work".to_owned()),
            Button::OpenDashboard,
            Button::Mute
        ]
    );
    assert_eq!(
        one[0].advice,
        "Enter the key with `aerostat account login work`."
    );
    let two = person.sees(&needing(&["work", "home"]));
    assert_eq!(two[0].buttons, [Button::OpenDashboard, Button::Mute]);
}

#[test]
fn german_notices_say_the_same() {
    let read = |view: &View, was: &View| {
        let settings = NotificationSettings::default();
        let state = NotificationState::default();
        let (state, mut notices) = review(&state, was, &settings, &mittag());
        if was != view {
            notices = review(&state, view, &settings, &mittag()).1;
        }
        let texts = notices.into_iter().map(|notice| {
            let Notice {
                summary,
                body,
                advice,
                ..
            } = notice;
            format!("{summary} | {body} | {advice}")
        });
        texts.collect::<Vec<_>>()
    };
    let new = |view: &View| read(view, view);
    assert_eq!(
        new(&needing(&["work"])),
        [
            "work braucht einen neuen Schlüssel | der Anbieter lehnt die Erneuerung ab | \
             Schlüssel eingeben mit `aerostat account login work`."
        ]
    );
    assert_eq!(
        new(&needing(&["a", "b"])),
        [
            "a und b brauchen neue Schlüssel | a: der Anbieter lehnt die Erneuerung ab\n\
             b: der Anbieter lehnt die Erneuerung ab | `aerostat account list` zeigt Näheres."
        ]
    );
    assert_eq!(
        new(&quota(85)),
        [
            "work: Kontingent fast ausgeschöpft | work: 85 % des Limits 5-hour verbraucht, neu ab 14:20 | \
             `aerostat account list` zeigt Näheres."
        ]
    );
    assert_eq!(
        new(&taken()),
        [
            "Aerostat kann Port 8045 nicht öffnen | Port 8045 ist von python3 (77) belegt. Das beenden oder \
             einen anderen `port` einstellen; Aerostat versucht es von selbst wieder. | `aerostat status` zeigt Näheres."
        ]
    );
    assert_eq!(
        read(&running(), &taken()),
        ["Aerostat hat seinen Port | Es läuft auf 127.0.0.1:8045. | "]
    );
    let cooled = with(|overview| overview.accounts = vec![account("work", cooling("", 16))]);
    assert_eq!(
        new(&cooled),
        [
            "work pausiert | Bis 12:16 ist kein Konto verfügbar; Anfragen werden bis dahin abgelehnt. | \
             `aerostat account list` zeigt Näheres."
        ]
    );
}

fn in_both(english: &str, german: &str) -> Said {
    Said::in_each(|language| match language {
        Language::English => english.to_owned(),
        Language::German => german.to_owned(),
    })
}

#[test]
fn no_german_notice_is_worded_as_the_english_one() {
    let locked = AccountStatus::NeedsUser(NeedsUser::VaultLocked {
        detail: Said::quoted("x"),
    });
    let views = [
        needing(&["a", "b"]),
        quota(85),
        quota(100),
        taken(),
        with_port(running(), refused_by_system(80)),
        with(|overview| overview.accounts = vec![account("work", locked)]),
        with(|overview| overview.accounts = vec![account("work", exhausted("", 140))]),
        with(|overview| overview.accounts[0].expires_on = Some(after(60))),
        with(|overview| overview.status.lan_refused = Some(in_both("off", "aus"))),
        with(|overview| overview.status.config_error = Some(in_both("line 1", "Zeile 1"))),
    ];
    for view in views {
        let told = |now: &LocalTime| {
            let settings = NotificationSettings::default();
            let (_, notices) = review(&NotificationState::default(), &view, &settings, now);
            assert!(!notices.is_empty(), "{view:?}");
            notices
        };
        for (english, german) in told(&noon()).iter().zip(told(&mittag())) {
            assert_eq!(
                (english.topic, &english.buttons),
                (german.topic, &german.buttons)
            );
            assert_ne!(english.summary, german.summary);
            assert_ne!(english.body, german.body);
            assert_ne!(english.advice, german.advice);
        }
    }
}
