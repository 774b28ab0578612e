//! A browser at the dashboard: it follows the one-time link and keeps the cookie.

use std::net::SocketAddr;

use super::agent::{Agent, Setup};
use super::raw::{Answer, Request, exchange};

/// A session at one agent's dashboard.
pub struct Browser {
    pub address: SocketAddr,
    /// The first segment of all paths.
    pub segment: String,
    pub cookie: String,
    /// What every form carries.
    pub form_token: String,
}

impl Browser {
    pub async fn enter(agent: &Agent) -> Self {
        let link = Setup::default().arg("open").arg("--print");
        let output = link.command(agent.home()).output();
        let output = output.expect("the program can be started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let link = said
            .split_whitespace()
            .find_map(|word| word.strip_prefix("http://"))
            .unwrap_or_else(|| panic!("no link: {said}"));
        let (authority, target) = link.split_once('/').expect("the link has a path");
        let address = authority.parse().expect("an address");
        let entered = exchange(address, &Request::get(&format!("/{target}"))).await;
        let cookie = entered
            .header("set-cookie")
            .unwrap_or_else(|| panic!("{}", entered.text()));
        let mut browser = Self {
            address,
            segment: target.split('/').next().expect("a segment").to_owned(),
            cookie: cookie.split(';').next().expect("a cookie").to_owned(),
            form_token: String::new(),
        };
        let page = browser.send(&browser.page()).await.text();
        browser.form_token = form_token(&page);
        browser
    }

    /// Another page than the first.
    pub fn page_at(&self, path: &str) -> Request {
        Request::get(&format!("/{}/{path}", self.segment)).header("cookie", &self.cookie)
    }

    pub fn page(&self) -> Request {
        Request::get(&format!("/{}/", self.segment)).header("cookie", &self.cookie)
    }

    pub fn form(&self, name: &str, fields: &str) -> Request {
        Request::new("POST", &format!("/{}/{name}", self.segment))
            .header("cookie", &self.cookie)
            .header("origin", &format!("http://{}", self.address))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={}&{fields}", self.form_token))
    }

    pub async fn send(&self, request: &Request) -> Answer {
        exchange(self.address, request).await
    }
}

/// The token in the first form of a page.
fn form_token(page: &str) -> String {
    let (_, after) = page
        .split_once("name=\"token\" value=\"")
        .unwrap_or_else(|| panic!("no form: {page}"));
    after.chars().take_while(|c| *c != '"').collect()
}
