//! The settings: each setting's form once right and once wrong, and a file that changes meanwhile.

use aerostat::config::keys::{KEYS, Key, ValueKind};

use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::raw::Answer;

fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).finish()
}

async fn save(browser: &Browser, pairs: &[(&str, &str)]) -> Answer {
    browser
        .send(&browser.form("settings/save", &form(pairs)))
        .await
}

/// The second step of a change that was shown.
async fn confirm(
    browser: &Browser,
    action: &str,
    pairs: &[(&str, &str)],
    shown: &Answer,
) -> Answer {
    let digest = digest(&shown.text());
    let mut pairs = pairs.to_vec();
    pairs.push(("shown_file", &digest));
    browser.send(&browser.form(action, &form(&pairs))).await
}

fn digest(page: &str) -> String {
    let (_, after) = page
        .split_once("name=\"shown_file\" value=\"")
        .unwrap_or_else(|| panic!("nothing is shown: {page}"));
    after.chars().take_while(|c| *c != '"').collect()
}

async fn settings(browser: &Browser) -> String {
    browser.send(&browser.page_at("settings")).await.text()
}

fn file(agent: &Agent) -> String {
    std::fs::read_to_string(agent.home().join("config.toml")).unwrap()
}

/// A value that the key takes and that is not its default, and one that it does not take.
fn right_and_wrong(key: &Key) -> (String, Option<String>) {
    let words = |words: &[&str]| {
        let default = key.default.unwrap_or_default();
        let other = words.iter().find(|word| !default.contains(**word));
        (*other.expect("two words at least")).to_owned()
    };
    match (key.path, &key.kind) {
        ("network.proxy", _) => (
            "http://proxy.lan:3128".into(),
            Some("ftp://me:hunter2@x".into()),
        ),
        ("allowed_hosts", _) => ("box.lan, nas.lan".into(), Some("http://x/".into())),
        ("cors_origins", _) => ("https://a.example".into(), Some("x".into())),
        (_, ValueKind::Bool) => (
            key.default
                .map_or("", |on| if on == "true" { "" } else { "true" })
                .into(),
            None,
        ),
        (_, ValueKind::Count { max, .. }) => (max.to_string(), Some((max + 1).to_string())),
        (_, ValueKind::Bytes { .. }) => ("100 MiB".into(), Some("1 apple".into())),
        (_, ValueKind::BytesUpTo { .. }) => ("100 KiB".into(), Some("1 TiB".into())),
        (_, ValueKind::OneOf(list)) => (words(list), Some("\"><b>".into())),
        (_, ValueKind::ListOf(ValueKind::Count { max, .. })) => {
            ("3, 2".into(), Some((max + 1).to_string()))
        }
        (_, ValueKind::ListOf(ValueKind::OneOf(list))) => (words(list), Some("nonsense".into())),
        (_, _) => ("x".into(), None),
    }
}

#[tokio::test]
async fn every_setting_takes_what_is_right_and_says_what_would_be() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let page = settings(&browser).await;
    let keys = KEYS
        .iter()
        .filter(|key| !key.path.contains(['*', '[']) && key.path != "version");
    for key in keys {
        let was = format!("was:{}", key.path);
        assert!(
            page.contains(&format!("name=\"{was}\"")),
            "{} has a field",
            key.path
        );
        let (right, wrong) = right_and_wrong(key);
        let shown = save(&browser, &[(&was, "other"), (key.path, &right)]).await;
        let text = shown.text();
        assert_eq!(shown.status, 200, "{}: {text}", key.path);
        assert!(
            text.contains("Nothing is changed yet."),
            "{}: {text}",
            key.path
        );
        assert!(
            text.contains(&format!("<code>{}</code>", key.path)),
            "{}: {text}",
            key.path
        );
        let Some(wrong) = wrong else { continue };
        let refused = save(&browser, &[(&was, "other"), (key.path, &wrong)]).await;
        let text = refused.text();
        assert_eq!(refused.status, 422, "{}: {text}", key.path);
        assert!(
            text.contains(&format!("id=\"e-{}\"", key.path)),
            "{}: {text}",
            key.path
        );
        assert!(
            text.contains("aria-invalid=\"true\""),
            "{}: {text}",
            key.path
        );
        assert!(
            !text.contains("hunter2") && !text.contains("\"><b>"),
            "{}",
            key.path
        );
    }
    assert_eq!(file(&agent), "port = 0\n", "nothing was confirmed");
}

#[tokio::test]
async fn a_change_is_shown_written_and_taken_back_with_its_comments() {
    let before = "# mine\nport = 0\n\n[scheduling]\nmax_attempts = 3 # few\n";
    let agent = Agent::start(before);
    let browser = Browser::enter(&agent).await;
    assert!(
        settings(&browser)
            .await
            .contains("2 settings differ from their defaults.")
    );

    let theme = [
        ("was:dashboard.theme", "system"),
        ("dashboard.theme", "dark"),
    ];
    let shown = save(&browser, &theme).await;
    assert!(
        shown.text().contains("+ theme = &quot;dark&quot;"),
        "{}",
        shown.text()
    );
    let written = confirm(&browser, "settings/save", &theme, &shown).await;
    assert_eq!(written.status, 303, "{}", written.text());
    assert_eq!(
        file(&agent),
        format!("{before}\n[dashboard]\ntheme = \"dark\"\n")
    );
    let page = settings(&browser).await;
    assert!(
        page.contains("data-theme=\"dark\""),
        "it is in force at once: {page}"
    );
    assert!(
        page.contains("3 settings differ from their defaults."),
        "{page}"
    );

    let reset = [("reset", "scheduling.max_attempts")];
    let shown = save(&browser, &reset).await;
    assert!(
        shown.text().contains("- max_attempts = 3 # few"),
        "{}",
        shown.text()
    );
    confirm(&browser, "settings/save", &reset, &shown).await;
    assert_eq!(
        file(&agent),
        "# mine\nport = 0\n\n[scheduling]\n\n[dashboard]\ntheme = \"dark\"\n"
    );
}

#[tokio::test]
async fn an_edit_from_elsewhere_is_not_overwritten() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let days = [("was:record.keep_days", "30"), ("record.keep_days", "7")];
    let shown = save(&browser, &days).await;
    assert!(
        shown.text().contains("deleted once they are 7 days old"),
        "{}",
        shown.text()
    );
    let meanwhile = "port = 0\n\n[record]\nkeep_failed_days = 60\n";
    std::fs::write(agent.home().join("config.toml"), meanwhile).unwrap();
    let late = confirm(&browser, "settings/save", &days, &shown).await;
    assert_eq!(late.status, 200, "{}", late.text());
    assert!(
        late.text().contains("was changed elsewhere meanwhile"),
        "{}",
        late.text()
    );
    assert_eq!(file(&agent), meanwhile);
    let written = confirm(&browser, "settings/save", &days, &late).await;
    assert_eq!(written.status, 303);
    assert_eq!(file(&agent), format!("{meanwhile}keep_days = 7\n"));
}

#[tokio::test]
async fn what_opens_the_port_is_said_before() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let open = [
        ("was:allow_lan_access", "false"),
        ("allow_lan_access", "true"),
        ("was:auth_mode", "off"),
        ("auth_mode", "auto"),
    ];
    let text = save(&browser, &open).await.text();
    assert!(
        text.contains("Other machines of your network can call, with a key."),
        "{text}"
    );
    assert!(
        text.contains("Every request but health checks needs a key."),
        "{text}"
    );
}

#[tokio::test]
async fn a_file_that_is_broken_is_shown_and_not_written() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let broken = "port = 0\n[network]\nproxy = \"http://me:hunter2@a:1\nno_proxy = []\n";
    std::fs::write(agent.home().join("config.toml"), broken).unwrap();
    let page = settings(&browser).await;
    assert!(page.contains("config.toml is not used: line 3."), "{page}");
    assert!(page.contains("Line 3, column"), "{page}");
    assert!(
        !page.contains("hunter2") && !page.contains("settings/save"),
        "{page}"
    );
    let refused = save(&browser, &[("was:port", "0"), ("port", "1")]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(file(&agent), broken);
}

#[tokio::test]
async fn rules_and_providers_come_and_go() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    let change = async |action: &str, pairs: &[(&str, &str)]| {
        let shown = browser.send(&browser.form(action, &form(pairs))).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
        assert_eq!(confirm(&browser, action, pairs, &shown).await.status, 303);
        settings(&browser).await
    };
    let lab = [
        ("name", "lab"),
        ("protocol", "anthropic"),
        ("base_url", "http://127.0.0.1:9"),
        ("key_env", ""),
    ];
    let page = change("settings/add-provider", &lab).await;
    assert!(page.contains("<code>http://127.0.0.1:9</code>"), "{page}");
    let rule = [("name", "fast-*"), ("use", "lab/x-*, demo/anthropic")];
    let page = change("settings/add-rule", &rule).await;
    assert!(page.contains("<code>fast-*</code>"), "{page}");

    let bad = browser.form(
        "settings/add-rule",
        &form(&[("name", "<i>"), ("use", "labb/x")]),
    );
    let refused = browser.send(&bad).await;
    let text = refused.text();
    assert_eq!(refused.status, 422, "{text}");
    assert!(
        text.contains("did you mean <code>lab</code>") && text.contains("value=\"&lt;i&gt;\""),
        "{text}"
    );

    let page = change("settings/remove-rule", &[("at", "0"), ("name", "fast-*")]).await;
    assert!(!page.contains("fast-*</code>"), "{page}");
    change("settings/remove-provider", &[("name", "lab")]).await;
    assert_eq!(file(&agent), "port = 0\n");
}

#[tokio::test]
async fn a_search_finds_names_and_effects() {
    let agent = Setup::config("port = 0\n[dashboard]\nlanguage = \"de\"\n")
        .start()
        .unwrap();
    let browser = Browser::enter(&agent).await;
    let found = async |sought: &str| {
        let page = browser.page_at(&format!("settings?q={sought}"));
        browser.send(&page).await.text()
    };
    let page = found("zertifizierung").await;
    assert!(page.contains("name=\"network.ca_file\""), "{page}");
    assert!(!page.contains("name=\"port\""), "{page}");
    let page = found("%3Cb%3E").await;
    assert!(
        page.contains("&lt;b&gt;") && !page.contains("<b>"),
        "{page}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn starting_at_login_is_turned_on_and_off() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    assert!(
        settings(&browser)
            .await
            .contains("Aerostat does not start at login.")
    );
    let turn = async |start: &str| {
        let form = browser.form("settings/autostart", &format!("start={start}"));
        assert_eq!(browser.send(&form).await.status, 303);
        settings(&browser).await
    };
    assert!(
        turn("on")
            .await
            .contains("Aerostat starts when you log in.")
    );
    assert!(
        turn("off")
            .await
            .contains("Aerostat does not start at login.")
    );
}

#[tokio::test]
async fn records_are_deleted_after_a_question() {
    let agent = Agent::start("port = 0\n");
    let body = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#;
    agent.post("/v1/chat/completions", body).await;
    let browser = Browser::enter(&agent).await;
    let delete = browser.form("settings/delete-records", "which=all");
    assert_eq!(browser.send(&delete).await.status, 303);
    let log = browser.send(&browser.page_at("monitoring")).await.text();
    assert!(log.contains("No requests yet."), "{log}");
    let sums = browser.send(&browser.page_at("statistics")).await.text();
    assert!(
        !sums.contains("No requests in 7 days."),
        "sums stay: {sums}"
    );
}
