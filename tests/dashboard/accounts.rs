//! The pages of accounts: each form, each wrong input, hostile names, and a sign-in with the browser.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::accounts::files_with;
use crate::support::agent::{Agent, Setup};
use crate::support::browser::Browser;
use crate::support::raw::{Answer, Request, exchange};
use crate::support::{Dialect, upstream};

const KEY: &str = "sk-lab-taken";
const ACCESS: &str = "access-of-the-lab";
const REFRESH: &str = "refresh-of-the-lab";
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x>\u{202e}";

/// A provider and its authorization server. It refuses keys that contain `refused`, and codes that
/// do.
struct Provider {
    address: String,
    tasks: JoinSet<()>,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream));
            }
        });
        Self { address, tasks }
    }

    fn config(&self) -> String {
        let address = &self.address;
        let provider = |name: &str, auth: &str| {
            format!(
                "[providers.{name}]\nprotocol = \"openai_chat\"\nbase_url = \"http://{address}/v1\"\nauth = \"{auth}\"\n"
            )
        };
        format!(
            "port = 0\n{}{}[providers.signed.oauth]\nauthorize_url = \"http://{address}/authorize\"\ntoken_url = \"http://{address}/token\"\nclient_id = \"mine\"\n",
            provider("lab", "bearer"),
            provider("signed", "oauth"),
        )
    }
}

async fn serve(mut stream: TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let (status, body) = answer(&String::from_utf8_lossy(&request));
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .split_once("content-length:")
        .map_or("0", |(_, rest)| rest);
    let length = length.lines().next().unwrap_or("0").trim();
    body.len() >= length.parse().unwrap_or(0)
}

fn answer(request: &str) -> (u16, String) {
    let error = |status, message: &str| {
        let body = serde_json::json!({"error": {"message": message, "type": "x"}});
        (status, body.to_string())
    };
    if request.starts_with("POST /token") {
        return match request.contains("refused") {
            true => (
                400,
                r#"{"error":"invalid_grant","error_description":"<b>no"}"#.to_owned(),
            ),
            false => {
                let tokens = serde_json::json!({
                    "access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600, "refresh_token": REFRESH
                });
                (200, tokens.to_string())
            }
        };
    }
    if request.contains("refused") {
        return error(401, &format!("no such key {HOSTILE}"));
    }
    if request.starts_with("GET /v1/models") {
        return (200, r#"{"object":"list","data":[{"id":"lab-1","object":"model"},{"id":"<i>","object":"model"}]}"#.to_owned());
    }
    error(429, &format!("slow down {HOSTILE}"))
}

/// An agent whose vault is sealed with a key file, and a browser at it.
pub(super) struct Rig {
    pub(super) agent: Agent,
    pub(super) browser: Browser,
    home: Arc<TempDir>,
    _outside: TempDir,
    provider: Provider,
}

impl Rig {
    async fn start() -> Self {
        Self::with("").await
    }

    /// With these lines below in `config.toml`.
    pub(super) async fn with(more: &str) -> Self {
        let provider = Provider::start().await;
        let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = outside.path().join("key");
        std::fs::write(
            &key,
            [7_u8; 16]
                .repeat(2)
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ at as u8)
                .collect::<Vec<_>>(),
        )
        .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key, mode).unwrap();
        std::fs::write(home.path().join("config.toml"), provider.config() + more).unwrap();
        let home = Arc::new(home);
        let setup = Setup::default().env("AEROSTAT_VAULT_KEY_FILE", key.to_str().unwrap());
        let setup = setup.env("LAB_KEY", upstream::key(Dialect::Chat));
        let agent = setup.start_in(Arc::clone(&home)).unwrap();
        let browser = Browser::enter(&agent).await;
        Self {
            agent,
            browser,
            home,
            _outside: outside,
            provider,
        }
    }

    async fn page(&self, path: &str) -> String {
        self.browser.send(&self.browser.page_at(path)).await.text()
    }

    async fn send(&self, form: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.browser
            .send(&self.browser.form(form, &body.finish()))
            .await
    }

    /// Sends a form that is carried out; where it leads.
    #[track_caller]
    fn led(answer: &Answer) -> String {
        assert_eq!(answer.status, 303, "{}", answer.text());
        let location = answer.header("location").unwrap();
        location.splitn(3, '/').nth(2).unwrap().to_owned()
    }

    pub(super) async fn adds(&self, name: &str) {
        let fields = [
            ("provider", "lab"),
            ("name", name),
            ("key", KEY),
            ("how", "entered"),
        ];
        let added = self.send("accounts/add", &fields).await;
        assert_eq!(Self::led(&added), format!("accounts/{name}"));
    }
}

/// A form that was not carried out: its error stands beside the field.
#[track_caller]
fn is_beside(answer: &Answer, field: &str, words: &str) -> String {
    let page = answer.text();
    assert_eq!(answer.status, 422, "{page}");
    let id = format!("id=\"{field}-error\"");
    assert!(
        page.contains(&format!("aria-describedby=\"{field}-error")),
        "{field}: {page}"
    );
    let (_, error) = page
        .split_once(&id)
        .unwrap_or_else(|| panic!("{id} in {page}"));
    let (error, _) = error.split_once("</p>").unwrap();
    assert!(error.contains(words), "`{words}` in {error}");
    page
}

fn assert_escaped(page: &str) {
    for raw in ["<script>alert", "<img src=x", "\u{202e}", "<b>no", "<i>"] {
        assert!(!page.contains(raw), "{raw:?} in {page}");
    }
}

#[tokio::test]
async fn an_account_is_added_changed_and_removed_on_its_page() {
    let rig = Rig::start().await;
    assert!(rig.page("accounts").await.contains("No accounts yet."));
    let chosen = rig.page("accounts?provider=lab").await;
    assert!(
        chosen.contains("name=\"key\" type=\"password\""),
        "{chosen}"
    );
    rig.adds("work").await;
    let list = rig.page("accounts").await;
    assert!(list.contains("The account can serve."), "{list}");
    assert!(list.contains("Would be asked next."), "{list}");
    assert!(list.contains("limits unknown"), "{list}");
    assert_eq!(files_with(rig.home.path(), KEY), Vec::<String>::new());

    let changes = [
        ("priority", "20"),
        ("concurrency", "3"),
        ("models", "lab-*, other"),
        ("expires", "2999-12-31"),
        ("budgets", "500 requests/day UTC\n9000 tokens/month UTC"),
    ];
    assert_eq!(
        Rig::led(&rig.send("accounts/work/set", &changes).await),
        "accounts/work"
    );
    let page = rig.page("accounts/work").await;
    for shown in [
        "value=\"20\"",
        "value=\"3\"",
        "value=\"lab-*, other\"",
        "value=\"2999-12-31\"",
        "0 of 9,000 used",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let emptied = [
        ("priority", "20"),
        ("concurrency", ""),
        ("models", ""),
        ("expires", ""),
        ("budgets", ""),
    ];
    Rig::led(&rig.send("accounts/work/set", &emptied).await);
    let page = rig.page("accounts/work").await;
    assert!(
        !page.contains("2999-12-31\"") && !page.contains("9,000"),
        "{page}"
    );

    let tested = rig.send("accounts/work/test", &[]).await;
    assert!(
        tested.text().contains("<code>lab</code> takes the account"),
        "{}",
        tested.text()
    );
    assert_escaped(&tested.text());
    Rig::led(&rig.send("accounts/work/disable", &[("from", "list")]).await);
    assert!(
        rig.page("accounts")
            .await
            .contains("All accounts are switched off.")
    );

    let unsure = rig
        .send("accounts/work/remove", &[("figures", "forget")])
        .await;
    assert_eq!(unsure.status, 422);
    assert!(unsure.text().contains("Tick the box"), "{}", unsure.text());
    let sure = [("sure", "1"), ("figures", "forget")];
    assert_eq!(
        Rig::led(&rig.send("accounts/work/remove", &sure).await),
        "accounts"
    );
    assert!(rig.page("accounts").await.contains("No accounts yet."));
    let gone = rig
        .browser
        .send(&rig.browser.page_at("accounts/work"))
        .await;
    assert_eq!(gone.status, 404);
    assert!(!rig.provider.tasks.is_empty());
}

#[tokio::test]
async fn wrong_settings_are_named_beside_their_field_and_kept() {
    let rig = Rig::start().await;
    rig.adds("work").await;
    for (field, typed, words) in [
        ("priority", "soon", "Expected a number"),
        ("priority", "-1", "Expected a number"),
        ("concurrency", "0", "from 1 on"),
        ("expires", "tomorrow", "2027-01-31"),
        ("proxy", "no url", "expected a URL"),
        ("budgets", "9 cats/day", "is no budget"),
        ("budgets", "9 tokens/day Moon/Base", "is no time zone"),
    ] {
        let sent = rig
            .send(
                "accounts/work/set",
                &[("models", "kept-model"), (field, typed)],
            )
            .await;
        let page = is_beside(&sent, &format!("set-{field}"), words);
        assert!(
            page.contains(typed) && page.contains("kept-model"),
            "{typed}: {page}"
        );
        assert!(
            !page.contains(": --"),
            "no option of the command line: {page}"
        );
    }
    let secret = "http://me:hunter2@proxy:1";
    let sent = rig.send("accounts/work/set", &[("proxy", secret)]).await;
    let page = is_beside(&sent, "set-proxy", "without a password");
    assert!(!page.contains("hunter2"), "{page}");
    assert!(
        rig.page("accounts/work").await.contains("value=\"100\""),
        "nothing was changed"
    );
}

#[tokio::test]
async fn what_cannot_be_added_says_why_and_keeps_all_but_secrets() {
    let rig = Rig::start().await;
    let add = async |fields: &[(&str, &str)]| {
        let mut all = vec![("how", "entered")];
        all.extend_from_slice(fields);
        rig.send("accounts/add", &all).await
    };
    let refused = "sk-refused-by-the-lab";
    let sent = add(&[
        ("provider", "lab"),
        ("name", "typed-name"),
        ("key", refused),
    ])
    .await;
    let page = is_beside(&sent, "add-key", "does not take the credential");
    assert!(
        page.contains("value=\"typed-name\"") && !page.contains(refused),
        "{page}"
    );
    assert_escaped(&page);
    is_beside(
        &add(&[("provider", "lab"), ("key", "two words")]).await,
        "add-key",
        "blanks",
    );
    is_beside(&add(&[("provider", "lab")]).await, "add-key", "wants a key");
    let variable = add(&[("provider", "lab"), ("variable", "sk-1 2")]).await;
    is_beside(&variable, "add-variable", "name of a variable");
    let long = "x".repeat(2_000);
    for name in [HOSTILE, &long, "-rf", "a b"] {
        let sent = add(&[("provider", "lab"), ("name", name), ("key", KEY)]).await;
        assert_escaped(&is_beside(&sent, "add-name", "is no account name"));
    }
    for provider in [HOSTILE, &long, ""] {
        let sent = add(&[("provider", provider), ("key", KEY)]).await;
        assert_escaped(&is_beside(&sent, "provider", "no provider"));
    }
    assert!(rig.page("accounts").await.contains("No accounts yet."));
    rig.adds("work").await;
    let again = add(&[("provider", "lab"), ("name", "work"), ("key", KEY)]).await;
    is_beside(&again, "add-name", "is there already");
    let kept = add(&[
        ("provider", "lab"),
        ("name", "kept"),
        ("key", refused),
        ("keep", "1"),
    ])
    .await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    assert!(
        kept.text().contains("stored all the same"),
        "{}",
        kept.text()
    );
    assert!(!rig.agent.stderr().contains(refused));
}

#[tokio::test]
async fn the_order_of_use_is_changed_by_its_buttons() {
    let rig = Rig::start().await;
    for name in ["alpha", "beta", "gamma"] {
        rig.adds(name).await;
    }
    let order = async || {
        let page = rig.page("accounts").await;
        let mut found: Vec<_> = ["alpha", "beta", "gamma"]
            .map(|name| (page.find(&format!("\"accounts/{name}\"")).unwrap(), name))
            .to_vec();
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(order().await, ["alpha", "beta", "gamma"]);
    assert_eq!(
        Rig::led(&rig.send("accounts/gamma/earlier", &[]).await),
        "accounts"
    );
    assert_eq!(order().await, ["gamma", "alpha", "beta"]);
    assert!(
        rig.page("accounts")
            .await
            .contains("gamma comes first by its order.")
    );
    Rig::led(&rig.send("accounts/alpha/later", &[]).await);
    assert_eq!(order().await, ["gamma", "beta", "alpha"]);
    Rig::led(&rig.send("accounts/gamma/later", &[]).await);
    assert_eq!(order().await, ["beta", "gamma", "alpha"]);
    let nobody = rig.send("accounts/delta/earlier", &[]).await;
    assert_ne!(nobody.status, 303, "{}", nobody.text());
}

#[tokio::test]
async fn a_limit_of_a_provider_is_shown_with_its_words_and_cleared() {
    let rig = Rig::start().await;
    rig.adds("work").await;
    let body = r#"{"model":"lab/lab-1","messages":[{"role":"user","content":"hi"}]}"#;
    let refused = rig.agent.post("/v1/chat/completions", body).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let list = rig.page("accounts").await;
    assert!(
        list.contains("rests until") && list.contains("rate limit"),
        "{list}"
    );
    assert!(
        list.contains("failed=1"),
        "its failures are a link away: {list}"
    );
    assert_escaped(&list);
    assert_escaped(&rig.page("accounts/work").await);
    Rig::led(&rig.send("accounts/work/clear", &[("from", "list")]).await);
    let list = rig.page("accounts").await;
    assert!(
        list.contains("The account can serve.") && !list.contains("rests until"),
        "{list}"
    );
}

#[tokio::test]
async fn ten_accounts_are_one_short_page_in_both_languages() {
    let rig = Rig::start().await;
    for at in 0..10 {
        rig.adds(&format!("account-{at}")).await;
    }
    let page = rig.page("accounts").await;
    assert!(page.contains("All 10 accounts can serve."), "{page}");
    assert!(page.len() < 60_000, "{} bytes", page.len());
    assert!(!page.contains("style="), "{page}");
    let german = rig
        .browser
        .page_at("accounts")
        .header("accept-language", "de");
    let german = rig.browser.send(&german).await.text();
    assert!(
        german.contains("Alle 10 Konten sind verfügbar."),
        "{german}"
    );
    assert!(german.contains("Würde als Nächstes gefragt."), "{german}");
}

/// Where the person is sent, what comes back there, and its answer.
struct Person {
    redirect: String,
    state: String,
}

impl Person {
    fn at(page: &str) -> Self {
        let (_, rest) = page
            .split_once("href=\"http://")
            .expect("a link to the provider");
        let (url, _) = rest.split_once('"').unwrap();
        let url = url.replace("&amp;", "&");
        let (_, query) = url.split_once('?').unwrap();
        let of = |name: &str| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
            found.unwrap().1.into_owned()
        };
        Self {
            redirect: of("redirect_uri"),
            state: of("state"),
        }
    }

    /// Comes back with `fields`; the status of the page that is shown then.
    async fn returns(&self, fields: &[(&str, &str)]) -> u16 {
        let rest = self.redirect.strip_prefix("http://").unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", &self.state).extend_pairs(fields);
        let request = Request::get(&format!("/{path}?{}", query.finish()));
        exchange(address.parse().unwrap(), &request).await.status
    }
}

impl Rig {
    async fn starts_sign_in(&self, name: &str) -> String {
        let fields = [("provider", "signed"), ("name", name), ("how", "browser")];
        Self::led(&self.send("accounts/add", &fields).await)
    }

    /// Reloads, as the page itself does, until it waits no more.
    async fn ended(&self, path: &str) -> String {
        for _ in 0..200 {
            let page = self.page(path).await;
            if !page.contains("http-equiv=\"refresh\"") {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the sign-in still waits");
    }
}

#[tokio::test]
async fn a_sign_in_with_the_browser_finishes_by_itself() {
    let rig = Rig::start().await;
    let path = rig.starts_sign_in("team").await;
    let page = rig.page(&path).await;
    assert!(
        page.contains("A sign-in at signed waits for you."),
        "{page}"
    );
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(
        rig.page("accounts").await.contains(&path),
        "the list leads back to it"
    );

    let person = Person::at(&page);
    let stranger = Person {
        state: "guessed".to_owned(),
        redirect: person.redirect.clone(),
    };
    assert_eq!(stranger.returns(&[("code", "x")]).await, 400);
    assert!(
        rig.page(&path).await.contains("http-equiv=\"refresh\""),
        "it still waits"
    );
    assert_eq!(person.returns(&[("code", "good")]).await, 200);
    let page = rig.ended(&path).await;
    assert!(page.contains("team is signed in."), "{page}");
    assert!(rig.page("accounts/team").await.contains("team can serve."));
    for secret in [ACCESS, REFRESH] {
        assert_eq!(files_with(rig.home.path(), secret), Vec::<String>::new());
        assert!(!rig.agent.stderr().contains(secret) && !page.contains(secret));
    }

    let again = Rig::led(&rig.send("accounts/team/sign-in", &[]).await);
    let person = Person::at(&rig.page(&again).await);
    assert_eq!(person.returns(&[("code", "good")]).await, 200);
    assert!(rig.ended(&again).await.contains("team is signed in."));
}

#[tokio::test]
async fn a_sign_in_that_is_declined_or_refused_says_why() {
    let rig = Rig::start().await;
    let path = rig.starts_sign_in("team").await;
    let person = Person::at(&rig.page(&path).await);
    let denied = [("error", "access_denied"), ("error_description", HOSTILE)];
    person.returns(&denied).await;
    let page = rig.ended(&path).await;
    assert!(
        page.contains("The sign-in did not succeed.") && page.contains("access_denied"),
        "{page}"
    );
    assert_escaped(&page);

    let path = rig.starts_sign_in("team").await;
    let person = Person::at(&rig.page(&path).await);
    person.returns(&[("code", "refused")]).await;
    let page = rig.ended(&path).await;
    assert!(page.contains("gave no tokens"), "{page}");
    assert_escaped(&page);
    assert!(rig.page("accounts").await.contains("No accounts yet."));
}

#[tokio::test]
async fn sign_ins_are_few_and_can_be_cancelled() {
    let rig = Rig::start().await;
    let mut paths = Vec::new();
    for at in 0..4 {
        paths.push(rig.starts_sign_in(&format!("team-{at}")).await);
    }
    let fields = [
        ("provider", "signed"),
        ("name", "one-more"),
        ("how", "browser"),
    ];
    let refused = rig.send("accounts/add", &fields).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text().contains("4 sign-ins wait already"),
        "{}",
        refused.text()
    );
    assert!(
        refused.text().contains("value=\"one-more\""),
        "{}",
        refused.text()
    );

    let person = Person::at(&rig.page(&paths[0]).await);
    assert_eq!(
        Rig::led(&rig.send(&format!("{}/cancel", paths[0]), &[]).await),
        "accounts"
    );
    assert!(rig.page(&paths[0]).await.contains("This sign-in is over."));
    let address = person
        .redirect
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert!(closed.is_ok(), "its port is closed");
    rig.starts_sign_in("one-more").await;
}

#[tokio::test]
async fn a_server_without_a_key_is_an_account_by_itself() {
    let own = "[providers.own]\nprotocol = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\nauth = \"none\"\n";
    let rig = Rig::with(own).await;
    assert!(
        rig.page("accounts")
            .await
            .contains("The account can serve.")
    );
    let page = rig.page("accounts/own").await;
    assert!(page.contains("own wants no key."), "{page}");
    assert!(
        rig.page("accounts?provider=own")
            .await
            .contains("own wants no key.")
    );
    let removed = rig.send("accounts/own/remove", &[("sure", "1")]).await;
    assert_eq!(removed.status, 422);
    assert!(
        removed.text().contains("was not added"),
        "{}",
        removed.text()
    );
    let added = [("provider", "own"), ("name", "second"), ("how", "entered")];
    let added = rig.send("accounts/add", &added).await;
    // Nothing answers there: it is stored, and the page says that it could not be tried.
    assert_eq!(added.status, 200, "{}", added.text());
    assert!(
        added.text().contains("could not be tried"),
        "{}",
        added.text()
    );
}
