//! A certified OpenID Connect provider, a process of its own, and as much of a browser as a login at it needs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use reqwest::{Client, Response, header, redirect::Policy};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use url::Url;

use crate::must;

/// The one client that it knows.
pub const CLIENT: &str = "feature-flags";
/// That client's secret.
pub const SECRET: &str = "a client secret of tests";

/// A provider where `ada` (verified `ada@example.com`; `engineering`, `everybody`), `grace` (not verified
/// `grace@example.com`; `everybody`) and `alan` (verified `alan@elsewhere.test`) log in with any password.
#[derive(Debug)]
pub struct IdentityProvider {
    /// What it calls itself, and where it is.
    pub issuer: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl IdentityProvider {
    /// A provider of this test's own.
    ///
    /// # Panics
    /// Without node, or without what `npm ci --prefix testkit/provider` installs.
    pub async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("provider");
        assert!(
            folder.join("node_modules").exists(),
            "run `npm ci --prefix testkit/provider` first"
        );
        let process = Command::new("node")
            .args(["provider.mjs", CLIENT, SECRET])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut process = must(process, "start node");
        let input = process.stdin.take().expect("its input is a pipe");
        let output = process.stdout.take().expect("its output is a pipe");
        let mut output = BufReader::new(output).lines();
        let issuer = must(output.next_line().await, "hear from the identity provider");
        let issuer = issuer.expect("the identity provider says where it is");
        Self { issuer, input, output, _process: process }
    }

    /// Sends people back to these addresses only.
    ///
    /// # Panics
    /// When it has ended.
    pub async fn register(&mut self, redirect_uris: &[&str]) {
        let list: Vec<_> = redirect_uris.iter().map(|uri| format!("\"{uri}\"")).collect();
        self.tell(&format!("{{\"redirect_uris\": [{}]}}", list.join(","))).await;
    }

    /// Says these claims (JSON, on one line) of somebody from now on.
    ///
    /// # Panics
    /// When it has ended, or does not understand.
    pub async fn say(&mut self, person: &str, claims: &str) {
        self.tell(&format!("{{\"person\": \"{person}\", \"claims\": {claims}}}")).await;
    }

    async fn tell(&mut self, line: &str) {
        let told = self.input.write_all(format!("{line}\n").as_bytes()).await;
        must(told, "tell the identity provider something");
        let answer = must(self.output.next_line().await, "hear from the identity provider");
        assert_eq!(answer.as_deref(), Some("done"), "{line}");
    }
}

/// As much of a browser as a login needs: cookies, redirects, forms.
#[derive(Debug)]
pub struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
}

/// What the person does at the provider.
#[derive(Debug, Clone, Copy)]
pub enum Visitor<'a> {
    /// Logs in under this name and agrees.
    LogsIn(&'a str),
    /// Goes back.
    Cancels,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// A browser that was nowhere yet.
    #[must_use]
    pub fn new() -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build();
        Self { http: must(http, "make an HTTP client"), cookies: BTreeMap::new() }
    }

    /// Opens `url` and does what is asked for until the provider sends the browser to `home`; that address is not opened.
    ///
    /// # Panics
    /// When the provider asks for something else.
    pub async fn log_in(&mut self, url: &Url, visitor: Visitor<'_>, home: &Url) -> Url {
        let mut answer = self.open(url.clone()).await;
        for _ in 0..12 {
            let here = answer.url().clone();
            if let Some(to) = answer.headers().get(header::LOCATION) {
                let to = to.to_str().expect("an address is ASCII");
                let to = must(here.join(to), "read where the provider redirects to");
                if to.path() == home.path() && to.host() == home.host() && to.port() == home.port()
                {
                    return to;
                }
                answer = self.open(to).await;
                continue;
            }
            assert!(answer.status().is_success(), "{} at {}", answer.status(), here.path());
            let page = must(answer.text().await, "read a page of the provider");
            let there = |mark| must(here.join(&after(&page, mark)), "read a page of the provider");
            answer = match visitor {
                Visitor::Cancels => self.open(there("href=\"")).await,
                Visitor::LogsIn(name) => {
                    let form = if page.contains("name=\"login\"") {
                        format!("prompt=login&login={name}&password=x")
                    } else {
                        "prompt=consent".to_owned()
                    };
                    self.send(self.http.post(there("action=\"")).body(form)).await
                }
            };
        }
        panic!("the provider never came to an end");
    }

    async fn open(&mut self, url: Url) -> Response {
        self.send(self.http.get(url)).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request
            .header(header::COOKIE, pairs.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .send()
            .await;
        let answer = must(answer, "reach the identity provider");
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|cookie| cookie.split(';').next());
            let pair = pair.and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a cookie has a name and a value");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

fn after(page: &str, mark: &str) -> String {
    let (_, rest) = page.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {page}"));
    rest.split('"').next().unwrap_or_default().replace("&amp;", "&")
}
