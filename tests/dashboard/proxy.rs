//! The API proxy's page: what is open to whom, keys with their limits, rules and what a name becomes.

use crate::support::agent::Agent;
use crate::support::browser::Browser;
use crate::support::raw::{Answer, Request};

const CONFIG: &str = "port = 0
# Kept.
[providers.lab]
protocol = \"openai_chat\"
base_url = \"http://127.0.0.1:9\"
models = [\"llama3\"]
[providers.off]
protocol = \"openai_chat\"
base_url = \"http://127.0.0.1:9\"
enabled = false
[[models]]
name = \"fast\"
use = [\"lab/llama3\", \"off/x\"]
";
const HOSTILE: &str = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE";
const DEMO: &str = r#"{"model":"demo","messages":[{"role":"user","content":"hi"}]}"#;

async fn text(browser: &Browser, path: &str) -> String {
    let answer = browser.send(&browser.page_at(path)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

async fn post(browser: &Browser, form: &str, fields: &str) -> Answer {
    browser.send(&browser.form(form, fields)).await
}

fn verdict(page: &str) -> &str {
    let (_, after) = page
        .split_once("<h1 aria-live=\"polite\">")
        .expect("a verdict");
    after.split("</h1>").next().unwrap_or_default()
}

/// The value of a hidden field.
fn hidden<'p>(page: &'p str, name: &str) -> &'p str {
    let field = format!("name=\"{name}\" value=\"");
    let (_, after) = page.split_once(&field).unwrap_or_else(|| panic!("{page}"));
    after.split('"').next().unwrap_or_default()
}

#[tokio::test]
async fn a_try_says_what_a_translation_would_lose() {
    let agent = Agent::start(CONFIG);
    let browser = Browser::enter(&agent).await;
    let page = text(&browser, "proxy?try=fast").await;
    let (_, losses) = page
        .split_once("What would be lost of the usual settings")
        .unwrap_or_else(|| panic!("{page}"));
    let (losses, _) = losses.split_once("</details>").expect("its end");
    let (_, anthropic) = losses.split_once("<code>anthropic</code>").expect("a row");
    assert!(anthropic.contains("<code>top_k</code>"), "{losses}");
    assert!(!losses.contains("<code>openai_chat</code>"), "{losses}");
}

#[tokio::test]
async fn rules_are_moved_after_the_difference_was_seen() {
    let two = format!("{CONFIG}[[models]]\nname = \"slow\"\nuse = \"lab/llama3\"\n");
    let agent = Agent::start(&two);
    let browser = Browser::enter(&agent).await;
    let file = || std::fs::read_to_string(agent.home().join("config.toml")).unwrap();
    let page = text(&browser, "proxy").await;
    assert!(page.contains("Move the rule slow up"), "{page}");

    let fields = "at=1&name=slow&to=earlier";
    let shown = post(&browser, "proxy/move-rule", fields).await.text();
    assert!(shown.contains("<ins"), "{shown}");
    assert_eq!(file(), two, "nothing is written yet");
    let confirmed = format!("{fields}&shown_file={}", hidden(&shown, "shown_file"));
    let done = post(&browser, "proxy/move-rule", &confirmed).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let after = file();
    assert!(after.find("\"slow\"") < after.find("\"fast\""), "{after}");

    let late = post(&browser, "proxy/move-rule", fields).await;
    assert_eq!(late.status, 422, "the rule there is another one now");
    let stuck = post(&browser, "proxy/move-rule", "at=0&name=slow&to=earlier").await;
    assert_eq!(stuck.status, 422, "{}", stuck.text());
}

#[tokio::test]
async fn what_is_open_is_said_and_a_change_is_shown_before_it_is_written() {
    let agent = Agent::start(CONFIG);
    let browser = Browser::enter(&agent).await;
    let page = text(&browser, "proxy").await;
    assert_eq!(verdict(&page), "Programs on this computer, without a key.");

    let fields = "auth_mode=strict&port=0&allowed_hosts=&cors_origins=";
    let shown = post(&browser, "proxy/access", fields).await.text();
    assert!(shown.contains("Every request needs a key."), "{shown}");
    assert!(
        shown.contains("+ auth_mode = &quot;strict&quot;"),
        "{shown}"
    );
    let file = || std::fs::read_to_string(agent.home().join("config.toml")).unwrap();
    assert_eq!(file(), CONFIG, "nothing is written yet");

    let confirmed = format!("{fields}&shown_file={}", hidden(&shown, "shown_file"));
    let done = post(&browser, "proxy/access", &confirmed).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert!(file().contains("auth_mode = \"strict\"") && file().contains("# Kept."));
    let page = text(&browser, "proxy").await;
    assert_eq!(verdict(&page), "Programs on this computer, with a key.");
    // The listener follows the file a moment after the page.
    let mut refused = agent.post("/v1/chat/completions", DEMO).await;
    for _ in 0..500 {
        if refused.status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        refused = agent.post("/v1/chat/completions", DEMO).await;
    }
    assert_eq!(refused.status, 401, "{}", refused.text());

    let late = post(
        &browser,
        "proxy/access",
        &format!(
            "auth_mode=off&port=0&shown_file={}",
            hidden(&shown, "shown_file")
        ),
    )
    .await;
    assert!(late.text().contains("changed elsewhere meanwhile"));
    assert!(file().contains("strict"), "an edit from elsewhere stays");
}

#[tokio::test]
async fn a_wrong_setting_keeps_what_was_typed_and_says_why_beside_it() {
    let agent = Agent::start(CONFIG);
    let browser = Browser::enter(&agent).await;
    let fields = format!("auth_mode=auto&port=99999&allowed_hosts={HOSTILE}&cors_origins=");
    let refused = post(&browser, "proxy/access", &fields).await;
    let page = refused.text();
    assert_eq!(refused.status, 422, "{page}");
    assert!(page.contains("value=\"99999\" spellcheck=\"false\" autocomplete=\"off\" aria-invalid=\"true\" aria-describedby=\"port-error\""), "{page}");
    assert!(page.contains("id=\"port-error\""), "{page}");
    assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script>alert"), "{page}");
}

#[tokio::test]
async fn a_key_is_made_shown_once_used_limited_and_revoked() {
    let agent = Agent::start("port = 0\nauth_mode = \"strict\"\n");
    let browser = Browser::enter(&agent).await;
    let made = post(&browser, "proxy/create-key", "name=ci&requests_day=1").await;
    let page = made.text();
    assert_eq!(made.status, 200, "{page}");
    let (_, key) = page.split_once("data-copy=\"sk-").expect("the key");
    let key = format!("sk-{}", key.split('"').next().unwrap_or_default());
    assert!(!text(&browser, "proxy").await.contains(&key), "once alone");

    let call = Request::post("/v1/chat/completions", DEMO)
        .header("authorization", &format!("Bearer {key}"));
    assert_eq!(agent.send(&call).await.status, 200);
    assert_eq!(agent.send(&call).await.status, 429);
    let page = text(&browser, "proxy").await;
    assert!(page.contains("1 of 1 requests a day"), "{page}");
    assert!(page.contains("used up"), "{page}");
    let refused = "key=ci&amp;ending=refused&amp;since=today\">1</a>";
    assert!(page.contains(refused), "{page}");

    let set = post(&browser, "proxy/set-key", "name=ci&dollars_month=5%2C50").await;
    assert_eq!(set.status, 303, "{}", set.text());
    assert_eq!(
        agent.send(&call).await.status,
        200,
        "the day's limit is gone"
    );
    let page = text(&browser, "proxy?key=ci").await;
    assert!(page.contains("of $5.50 a month"), "{page}");
    assert!(
        page.contains("name=\"dollars_month\" type=\"text\" value=\"5.50\""),
        "{page}"
    );

    assert_eq!(
        post(&browser, "proxy/revoke-key", "name=ci").await.status,
        303
    );
    assert_eq!(agent.send(&call).await.status, 401);
    let again = post(&browser, "proxy/revoke-key", "name=ci").await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("no key <code>ci</code>"));
}

#[tokio::test]
async fn wrong_limits_are_said_beside_their_fields() {
    let agent = Agent::start("port = 0\n");
    let browser = Browser::enter(&agent).await;
    assert_eq!(
        post(&browser, "proxy/create-key", "name=ci").await.status,
        200
    );
    let wrong = [
        ("create-key", "name=a+b", "name"),
        ("create-key", "name=ci", "name"),
        ("create-key", "name=x&models=a**", "models"),
        ("set-key", "name=ci&expires=2020-01-01", "expires"),
        ("set-key", "name=ci&requests_minute=0", "requests_minute"),
        (
            "set-key",
            "name=ci&tokens_day=1&dollars_day=1%2C000",
            "dollars_day",
        ),
    ];
    for (form, fields, field) in wrong {
        let answer = post(&browser, &format!("proxy/{form}"), fields).await;
        let page = answer.text();
        assert_eq!(answer.status, 422, "{fields}: {page}");
        assert!(
            page.contains(&format!("id=\"{form}-{field}-error\"")),
            "{fields}: {page}"
        );
        assert_eq!(page.matches("aria-invalid=\"true\"").count(), 1, "{page}");
        assert!(
            !page.contains("--"),
            "no option of the command line: {page}"
        );
    }
    let hostile = post(&browser, "proxy/create-key", &format!("name={HOSTILE}"))
        .await
        .text();
    assert!(
        !hostile.contains("<script>alert") && !hostile.contains('\u{202e}'),
        "{hostile}"
    );
}

#[tokio::test]
async fn a_name_is_tried_and_said_what_it_becomes() {
    let agent = Agent::start(CONFIG);
    let browser = Browser::enter(&agent).await;
    let page = text(&browser, "proxy?try=fast").await;
    assert!(page.contains("The rule fast matches fast."), "{page}");
    assert!(page.contains("<code>lab/llama3</code>"), "{page}");
    assert!(page.contains("openai_chat: passes unchanged"), "{page}");
    assert!(page.contains("translated to openai_chat"), "{page}");
    assert!(
        page.contains("Left out: off/x, because off is switched off."),
        "{page}"
    );
    assert!(page.contains(">free<"), "a server of one's own: {page}");

    let unknown = text(&browser, "proxy?try=llama4").await;
    assert!(
        unknown.contains("No rule and no provider has llama4"),
        "{unknown}"
    );
    let hostile = text(
        &browser,
        &format!("proxy?try={HOSTILE}&key={HOSTILE}&models={HOSTILE}&client={HOSTILE}"),
    )
    .await;
    assert!(
        !hostile.contains("<script>alert") && !hostile.contains('\u{202e}'),
        "{hostile}"
    );
    let models = text(&browser, "proxy?models=lab").await;
    assert!(models.contains("proxy?try=lab/llama3#rules"), "{models}");
}

#[tokio::test]
async fn a_rule_is_added_and_removed_after_its_difference_was_seen() {
    let agent = Agent::start(CONFIG);
    let browser = Browser::enter(&agent).await;
    let wrong = post(&browser, "proxy/add-rule", "name=a*b*&targets=lab%2Fllama3").await;
    let page = wrong.text();
    assert_eq!(wrong.status, 422, "{page}");
    assert!(
        page.contains("id=\"rule-error\"") && page.contains("value=\"a*b*\""),
        "{page}"
    );

    let fields = "name=slow&targets=lab%2Fllama3";
    let shown = post(&browser, "proxy/add-rule", fields).await.text();
    let confirmed = format!("{fields}&shown_file={}", hidden(&shown, "shown_file"));
    assert_eq!(
        post(&browser, "proxy/add-rule", &confirmed).await.status,
        303
    );
    assert!(
        text(&browser, "proxy?try=slow")
            .await
            .contains("The rule slow matches slow.")
    );

    let fields = "at=0&name=fast";
    let shown = post(&browser, "proxy/remove-rule", fields).await.text();
    assert!(shown.contains("- name = &quot;fast&quot;"), "{shown}");
    let confirmed = format!("{fields}&shown_file={}", hidden(&shown, "shown_file"));
    assert_eq!(
        post(&browser, "proxy/remove-rule", &confirmed).await.status,
        303
    );
    let page = text(&browser, "proxy?try=fast").await;
    assert!(page.contains("No rule and no provider has fast"), "{page}");
}

#[tokio::test]
async fn a_program_is_connected_and_disconnected_after_its_change_was_shown() {
    let agent = Agent::start(CONFIG);
    let folder = agent.home().join(".claude");
    std::fs::create_dir(&folder).unwrap();
    let settings = folder.join("settings.json");
    let own = "{\n  \"env\": { \"SOME_TOKEN\": \"hunter2-hunter2\" }\n}\n";
    std::fs::write(&settings, own).unwrap();
    let file = || std::fs::read_to_string(&settings).unwrap();

    let browser = Browser::enter(&agent).await;
    let page = text(&browser, "proxy").await;
    assert!(page.contains("Claude Code"), "{page}");
    let shown = post(&browser, "proxy/connect-client", "client=claude-code")
        .await
        .text();
    assert_eq!(verdict(&shown), "Nothing is changed yet.");
    assert!(shown.contains("ANTHROPIC_BASE_URL"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(file(), own);

    let confirm = |page: &str| {
        let digest = hidden(page, "shown_change").to_owned();
        format!("client=claude-code&shown_change={digest}")
    };
    let done = post(&browser, "proxy/connect-client", &confirm(&shown)).await;
    assert_eq!(verdict(&done.text()), "Claude Code is connected.");
    assert!(file().contains(&agent.base_url()));

    // A change that was shown is made to no other file.
    let shown = post(&browser, "proxy/disconnect-client", "client=claude-code")
        .await
        .text();
    std::fs::write(&settings, file().replace("{\n", "{\n\n")).unwrap();
    let late = post(&browser, "proxy/disconnect-client", &confirm(&shown))
        .await
        .text();
    assert!(late.contains("changed elsewhere meanwhile"), "{late}");
    assert!(file().contains("ANTHROPIC_BASE_URL"));
    let done = post(&browser, "proxy/disconnect-client", &confirm(&late)).await;
    assert_eq!(verdict(&done.text()), "Claude Code is disconnected.");
    assert_eq!(file(), own.replace("{\n", "{\n\n"));
}
