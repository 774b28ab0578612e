use super::super::view::samples::{
    account, after, cooling, exhausted, in_use, mittag, noon, offer, open_port, program,
    refused_by_system, running, signed_out, with, with_port,
};
use super::*;
use crate::control::Cause;
use crate::language::Said;
use crate::status::{PortOwner, PortStatus};

/// The menu as a person reads it.
fn shown(view: &View) -> String {
    lines(&menu(view, &noon()), 0)
}

fn lines(items: &[Item], depth: usize) -> String {
    items
        .iter()
        .map(|item| format!("{}{}\n", "    ".repeat(depth), words_of(item, depth)))
        .collect::<String>()
}

fn words_of(item: &Item, depth: usize) -> String {
    let off = |is_enabled: &bool| if *is_enabled { "" } else { " (greyed)" };
    match item {
        Item::Line { text, .. } => format!("({text})"),
        Item::Button {
            text, is_enabled, ..
        } => format!("{text}{}", off(is_enabled)),
        Item::Tick {
            text,
            is_on,
            is_enabled,
            ..
        } => format!(
            "[{}] {text}{}",
            if *is_on { "x" } else { " " },
            off(is_enabled)
        ),
        Item::Separator { .. } => "---".to_owned(),
        Item::Sub { text, items, .. } => format!("{text} >\n{}", lines(items, depth + 1))
            .trim_end()
            .to_owned(),
    }
}

fn full() -> View {
    let accounts = [
        ("work", AccountStatus::Ready),
        ("R&D_team", cooling("slow down", 3)),
        ("spare", exhausted("You exceeded your quota", 140)),
        ("old", AccountStatus::Disabled),
        ("home", signed_out()),
    ];
    let view = with(|overview| {
        overview.wants_key = true;
        overview.accounts = accounts
            .map(|(name, status)| account(name, status))
            .to_vec();
        overview.problems = vec![ProblemFacts {
            request_id: "r1".to_owned(),
            at: noon().time,
            model: "gpt-5".to_owned(),
            status: 429,
            message: "all 3 accounts of `openai` cool down until 14:20: work has used up its 5-hour limit, spare is rate limited"
                .to_owned(),
            advice: None,
            cause: Some(Cause::AllAtLimit),
        }];
    });
    View {
        muted_until: Some(after(60)),
        autostart: AutostartView::On,
        ..view
    }
}

#[test]
fn everything_is_there_in_its_order() {
    insta::assert_snapshot!(shown(&full()), @r#"
    (Running · 1 of 4 can serve)
    ! home needs a new key: the provider refused to refresh…
    Stop serving
    ---
    Open dashboard
    Copy base URL >
        OpenAI: http://127.0.0.1:8045/v1
        Anthropic: http://127.0.0.1:8045
        Gemini: http://127.0.0.1:8045
        API key
    Connect a program…
    ---
    Accounts (5, 1 needs attention) >
        [x] work — Ready
        [x] R&&D_team — Rate limit: slow down, back 12:03
        [x] spare — Quota used up, back 14:20
        [ ] old — Off
        ! home — Enter a new key…
        ---
        Add account…
    Scheduling: Balance >
        [ ] Cache first: wait for the conversation's account
        [x] Balance: keep the account, switch when it is limited
        [ ] Performance: spread by load
        [ ] Drain: use accounts in their order
    Recent problem: gpt-5 (429) >
        (All 3 accounts of `openai` cool down until 14:20: work)
        (has used up its 5-hour limit, spare is rate limited.)
        More in dashboard…
    ---
    [x] Start at login
    [x] Notifications paused until 13:00
    ---
    Quit
    "#);
}

#[test]
fn a_fresh_agent_without_accounts_has_the_same_menu() {
    insta::assert_snapshot!(shown(&View { autostart: AutostartView::Unavailable, ..with(|overview| overview.accounts.clear()) }), @r#"
    (Running on 127.0.0.1:8045)
    Stop serving
    ---
    Open dashboard
    Copy base URL >
        OpenAI: http://127.0.0.1:8045/v1
        Anthropic: http://127.0.0.1:8045
        Gemini: http://127.0.0.1:8045
    Connect a program…
    ---
    Accounts (none yet) >
        Add account…
    Scheduling: Balance >
        [ ] Cache first: wait for the conversation's account
        [x] Balance: keep the account, switch when it is limited
        [ ] Performance: spread by load
        [ ] Drain: use accounts in their order
    ---
    [ ] Start at login (greyed)
    [ ] Pause notifications for an hour
    ---
    Quit
    "#);
}

#[test]
fn the_state_line_says_what_is_wrong() {
    let states = [
        (PortStatus::Starting, "Starting…", "Stop serving"),
        (PortStatus::Stopped, "Stopped", "Start serving"),
        (PortStatus::Draining, "Stopping…", "Start serving"),
        (
            PortStatus::Unavailable(in_use(8045, PortOwner::Unknown)),
            "Port 8045 is in use",
            "Stop serving",
        ),
        (
            PortStatus::Unavailable(in_use(8045, program("python3", 77))),
            "Port 8045 is in use by python3 (77)",
            "Stop serving",
        ),
        (
            refused_by_system(80),
            "Port 80 cannot be opened",
            "Stop serving",
        ),
        (
            open_port(1, true),
            "Running on port 1, open to the local network",
            "Stop serving",
        ),
    ];
    for (port, headline, toggle) in states {
        let items = menu(&with_port(running(), port), &noon());
        assert_eq!(items[0], line("state", headline));
        assert_eq!(
            items.iter().find(|item| item.id() == "toggle"),
            Some(&button("toggle", toggle))
        );
    }
}

#[test]
fn of_many_accounts_those_that_need_a_person_come_first() {
    let view = with(|overview| {
        overview.accounts = (0..12)
            .map(|number| account(&format!("a{number}"), AccountStatus::Ready))
            .collect();
        overview.accounts[11].status = signed_out();
        overview.accounts[9].status = cooling("slow down", 20);
        overview.accounts[10].status = cooling("slow down", 3);
    });
    let Item::Sub { items, text, .. } = accounts(&view, &noon()) else {
        panic!("it is a submenu")
    };
    assert_eq!(text, "Accounts (12, 1 needs attention)");
    let ids: Vec<_> = items.iter().map(Item::id).collect();
    assert_eq!(
        ids[..4],
        ["sign-in:a11", "account:a10", "account:a9", "account:a0"]
    );
    assert_eq!(
        ids[9..],
        ["account:a6", "more", "separator-4", "add-account"]
    );
}

#[test]
fn there_is_one_level_below_the_top_and_no_id_twice() {
    let items = menu(&full(), &noon());
    let below = items
        .iter()
        .filter_map(|item| {
            if let Item::Sub { items, .. } = item {
                Some(items)
            } else {
                None
            }
        })
        .flatten();
    assert!(below.clone().all(|item| !matches!(item, Item::Sub { .. })));
    let mut ids: Vec<_> = items.iter().chain(below).map(Item::id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_click_means_what_the_item_says() {
    let view = full();
    let cases = [
        ("toggle", Some(Action::Stop)),
        ("connect", Some(Action::ConnectProgram)),
        (
            "copy:gemini",
            Some(Action::Copy(Copyable::BaseUrl(ClientFamily::Gemini))),
        ),
        (
            "account:work",
            Some(Action::DisableAccount("work".to_owned())),
        ),
        ("account:old", Some(Action::EnableAccount("old".to_owned()))),
        ("account:gone", None),
        ("need:home", Some(Action::SignIn("home".to_owned()))),
        ("need:(config)", None),
        ("sign-in:home", Some(Action::SignIn("home".to_owned()))),
        ("mode:drain", Some(Action::SetMode("drain".to_owned()))),
        ("autostart", Some(Action::SetAutostart(false))),
        ("mute", Some(Action::Unmute)),
        ("state", None),
    ];
    for (id, expected) in cases {
        assert_eq!(action(&view, id), expected, "{id}");
    }
}

#[test]
fn everything_that_can_be_clicked_does_something() {
    let view = full();
    let items = menu(&view, &noon());
    let below = items.iter().flat_map(|item| {
        if let Item::Sub { items, .. } = item {
            items.as_slice()
        } else {
            &[]
        }
    });
    let clickable = items
        .iter()
        .chain(below)
        .filter(|item| matches!(item, Item::Button { .. } | Item::Tick { .. }));
    for item in clickable {
        assert!(action(&view, item.id()).is_some(), "{}", item.id());
    }
}

#[test]
fn what_was_copied_says_so() {
    let Item::Sub { items, .. } = copy_menu(
        &View {
            copied: Some(Copyable::BaseUrl(ClientFamily::Gemini)),
            ..running()
        },
        noon().texts(),
    ) else {
        panic!("it is a submenu")
    };
    assert_eq!(
        items[2],
        button("copy:gemini", "Gemini: http://127.0.0.1:8045 — copied")
    );
}

#[test]
fn what_needs_a_person_leads_to_where_it_is_done() {
    let top = |view: &View| {
        let items = menu(view, &noon());
        let needed: Vec<_> = items
            .iter()
            .take_while(|item| item.id() != "toggle")
            .skip(1)
            .map(|item| (words_of(item, 0), action(view, item.id())))
            .collect();
        needed
    };
    assert_eq!(top(&running()), []);
    let rejected = with(|overview| {
        overview.status.config_error =
            Some(Said::quoted("config.toml:4:8: port: expected a number"));
    });
    let words = "! Fix config.toml:4:8: port: expected a number…".to_owned();
    assert_eq!(top(&rejected), [(words, Some(Action::OpenConfig))]);
    let lost = with(|overview| {
        let error = "config.toml in `/h`: it is gone or empty, and without it no key would be asked for; put it back, or write `auth_mode = \"off\"` into it";
        overview.status.config_error = Some(Said::quoted(error));
    });
    let shown = top(&lost);
    assert!(
        shown[0]
            .0
            .starts_with("! Fix config.toml in `/h`: it is gone or empty"),
        "{shown:?}"
    );
    assert_eq!(shown[0].1, Some(Action::OpenConfig));
    assert_eq!(
        menu(&lost, &noon())[0],
        line("state", "Configuration not used")
    );
    let refused =
        with(|overview| overview.status.lan_refused = Some(Said::quoted("no key is asked for")));
    let words = "! No key is asked for…".to_owned();
    assert_eq!(top(&refused), [(words, Some(Action::OpenConfig))]);
    let taken = PortStatus::Unavailable(in_use(8045, program("python3", 77)));
    let words = "! Stop python3 (77) on port 8045, or set another `port`…".to_owned();
    assert_eq!(
        top(&with_port(running(), taken)),
        [(words, Some(Action::OpenConfig))]
    );
    let locked = with(|overview| {
        let detail = Said::quoted("the keyring is locked");
        overview.accounts[0].status = AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail });
    });
    let words = "! Unlock the vault of work: the keyring is locked…".to_owned();
    assert_eq!(top(&locked), [(words, Some(Action::UnlockVault))]);
    let many = with(|overview| {
        for name in ["a", "b", "c"] {
            overview.accounts.push(account(name, signed_out()));
        }
    });
    let shown = top(&many);
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0].1, Some(Action::SignIn("a".to_owned())));
    assert_eq!(
        shown[1],
        (
            "! 2 more need you: see the dashboard…".to_owned(),
            Some(Action::OpenDashboard)
        )
    );
}

#[test]
fn a_provider_without_an_account_is_an_offer() {
    let view = with(|overview| overview.accounts.push(offer("lab")));
    let Item::Sub { items, text, .. } = accounts(&view, &noon()) else {
        panic!("it is a submenu")
    };
    assert_eq!(text, "Accounts (1)");
    assert!(items.contains(&button("add:lab", "Add an account for lab…")));
    assert_eq!(action(&view, "add:lab"), Some(Action::AddAccount));
    assert_eq!(
        menu(&view, &noon())[0],
        line("state", "Running on 127.0.0.1:8045")
    );
}

/// Menus of all the states that the tests have, which a person may see.
fn states() -> Vec<View> {
    let failure = in_use(8045, program("python3", 77));
    vec![
        full(),
        running(),
        with_port(running(), PortStatus::Stopped),
        with_port(running(), PortStatus::Unavailable(failure)),
        with_port(running(), refused_by_system(80)),
        with(|overview| overview.accounts = vec![offer("lab")]),
    ]
}

/// All texts of a menu.
fn texts_of(items: &[Item]) -> Vec<String> {
    let mut texts = Vec::new();
    for item in items {
        match item {
            Item::Line { text, .. } | Item::Button { text, .. } | Item::Tick { text, .. } => {
                texts.push(text.clone());
            }
            Item::Sub { text, items, .. } => {
                texts.push(text.clone());
                texts.extend(texts_of(items));
            }
            Item::Separator { .. } => {}
        }
    }
    texts
}

/// The ids of a menu's items, but of the lines of an explanation: they are as many as its words
/// need.
fn ids_of(items: &[Item]) -> Vec<String> {
    let mut ids = Vec::new();
    for item in items
        .iter()
        .filter(|item| !item.id().starts_with("problem-"))
    {
        ids.push(item.id().to_owned());
        if let Item::Sub { items, .. } = item {
            ids.extend(ids_of(items));
        }
    }
    ids
}

#[test]
fn a_menu_has_the_same_items_in_both_languages() {
    for view in states() {
        let (english, german) = (menu(&view, &noon()), menu(&view, &mittag()));
        assert_eq!(ids_of(&english), ids_of(&german));
    }
}

#[test]
fn no_text_of_a_german_menu_is_english_or_too_wide() {
    let english: Vec<String> = states()
        .iter()
        .flat_map(|view| texts_of(&menu(view, &noon())))
        .collect();
    // Names and addresses, and what a provider said.
    let is_the_same_in_both = |text: &String| {
        let said = ["http://", "All 3 accounts", "has used up its"];
        said.iter().any(|said| text.contains(said))
    };
    for view in states() {
        for text in texts_of(&menu(&view, &mittag())) {
            assert!(text.chars().count() <= 80, "{text}");
            let is_english = english.contains(&text) && !is_the_same_in_both(&text);
            assert!(!is_english, "{text}");
        }
    }
}

#[test]
fn german_is_as_a_person_writes_it() {
    insta::assert_snapshot!(lines(&menu(&full(), &mittag()), 0), @r#"
    (Läuft · 1 von 4 Konten verfügbar)
    ! home braucht einen neuen Schlüssel: der Anbieter lehnt die Erneuerung ab…
    Dienst stoppen
    ---
    Übersicht öffnen
    Basis-URL kopieren >
        OpenAI: http://127.0.0.1:8045/v1
        Anthropic: http://127.0.0.1:8045
        Gemini: http://127.0.0.1:8045
        API-Schlüssel
    Programm verbinden…
    ---
    Konten (5, 1 mit Handlungsbedarf) >
        [x] work — Bereit
        [x] R&&D_team — Ratenlimit: „slow down“, pausiert bis 12:03
        [x] spare — Kontingent ausgeschöpft, pausiert bis 14:20
        [ ] old — Aus
        ! home — Neuen Schlüssel eingeben…
        ---
        Konto hinzufügen…
    Verteilung: Ausgewogen >
        [ ] Cache zuerst: auf das Konto der Unterhaltung warten
        [x] Ausgewogen: Konto behalten, am Limit wechseln
        [ ] Leistung: nach Auslastung verteilen
        [ ] Der Reihe nach: ein Konto nach dem anderen
    Letztes Problem: gpt-5 (429) >
        (Alle Konten sind an ihrem Limit.)
        (All 3 accounts of `openai` cool down until 14:20: work)
        (has used up its 5-hour limit, spare is rate limited.)
        Mehr in der Übersicht…
    ---
    [x] Bei Anmeldung starten
    [x] Benachrichtigungen pausiert bis 13:00
    ---
    Beenden
    "#);
}
