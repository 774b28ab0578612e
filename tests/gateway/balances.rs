//! What a provider's call for balances tells reaches the choice of accounts and those who look.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::Dialect::Chat;
use crate::support::agent::{Agent, Setup};
use crate::support::upstream::answers;

/// A provider that serves chats and tells balances by the key that asks.
struct Teller {
    base_url: String,
    /// `path key` of each request.
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Teller {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        let seen = asked.clone();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = respond(stream, &seen).await;
            }
        });
        Self {
            base_url,
            asked,
            _serving: serving,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn respond(mut stream: TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let key = text
        .lines()
        .find_map(|line| line.strip_prefix("authorization: Bearer "))
        .unwrap_or_default();
    asked.lock().unwrap().push(format!("{path} {key}"));
    let body = match path.as_str() {
        "/user/balance" => {
            let left = if key == "poor" { "0.00" } else { "12.50" };
            json!({"is_available": key != "poor", "balance_infos": [{"currency": "USD", "total_balance": left}]})
                .to_string()
        }
        _ => {
            let literal = answers::literal(Chat, "text.json").unwrap();
            String::from_utf8_lossy(&literal).into_owned()
        }
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    body.len() >= length
}

fn accounts(agent: &Agent) -> Value {
    let setup = Setup::default().arg("account").arg("list").arg("--json");
    let output = setup.command(agent.home()).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_balance_is_asked_for_after_use_and_seen_in_the_list() {
    let teller = Teller::start().await;
    let config = format!(
        "port = 0\n[providers.deepseek]\nbase_url = \"{}\"\nkey_env = \"KEY\"\n",
        teller.base_url
    );
    let agent = Setup::config(config).env("KEY", "rich").start().unwrap();
    let body = r#"{"model":"deepseek/m","messages":[{"role":"user","content":"hi"}]}"#;
    for _ in 0..3 {
        let answer = agent.post("/v1/chat/completions", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let account = &accounts(&agent)[0];
        let quota = &account["quota"];
        if quota[0]["window"] == "balance_usd_cents" {
            assert_eq!(quota[0]["remaining"], 1250);
            break;
        }
        assert!(Instant::now() < deadline, "{account}");
        sleep(Duration::from_millis(20)).await;
    }
    let asked = teller.asked();
    let balances = asked.iter().filter(|asked| *asked == "/user/balance rich");
    assert_eq!(balances.count(), 1, "{asked:?}");
}
