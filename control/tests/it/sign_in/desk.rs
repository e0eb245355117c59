//! A control plane with an organization that is connected to a provider, and people who come in through it.

use std::time::Duration;

use ff_identity::oidc::Reach;
use ff_security::{Recorder, RecorderOptions, Writer, WriterOptions};
use ff_testkit::eventually;
use ff_testkit::identity_provider::{Browser, CLIENT, IdentityProvider, SECRET, Visitor};
use reqwest::{Client, Method, header, redirect::Policy};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::world::{Reply, World};

/// With organization `acme` and all that [`World::furnished`] has. What happens at the door is written down.
pub(crate) struct Desk {
    pub(crate) world: World,
    http: Client,
    _writing: tokio_util::sync::DropGuard,
}

/// A connection of an organization.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) org: String,
    pub(super) id: String,
    pub(super) redirect_uri: Url,
}

/// A login that was sent to the provider.
pub(super) struct Begun {
    pub(super) authorize: Url,
    pub(super) secret: String,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let (nats, database) =
            tokio::join!(ff_testkit::nats::server(), ff_testkit::postgres::database());
        let stop = CancellationToken::new();
        let client = ff_security::connect(&nats.url).await.unwrap();
        let recorder = Recorder::start(client.clone(), RecorderOptions::default());
        let writer = Writer::new(client, database.pool.clone(), WriterOptions::default());
        let listen = format!("127.0.0.1:{}", ff_testkit::ports::free_port());
        let (url, database_url) = (nats.url.clone(), database.url.clone());
        let pool = database.pool.clone();
        let world = World::over(&url, &database_url, pool, Box::new((nats, database)), |options| {
            options.public_url = format!("http://{listen}");
            options.listen = listen.parse().unwrap();
            options.providers.reach = Reach::Internal;
            options.recorder = recorder;
        })
        .await;
        tokio::spawn(writer.run(stop.clone()));
        world.furnish().await;
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { world, http, _writing: stop.drop_guard() }
    }

    /// Connects `acme` to this provider as its owner.
    pub(super) async fn connect(&self, provider: &mut IdentityProvider) -> Connected {
        self.connect_as(&self.world.token(), "acme", provider, draft(&provider.issuer)).await
    }

    pub(super) async fn connect_as(
        &self,
        token: &str,
        org: &str,
        provider: &mut IdentityProvider,
        draft: Value,
    ) -> Connected {
        let path = format!("/orgs/{org}/sign-in-connections");
        let made = self.world.as_(token).post(&path, draft).await.is(201);
        let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
        let connected = Connected {
            org: org.to_owned(),
            id: text("id"),
            redirect_uri: text("redirect_uri").parse().unwrap(),
        };
        provider.register(&[connected.redirect_uri.as_str()]).await;
        connected
    }

    pub(super) async fn fetch(&self, url: &str, cookie: &str) -> Reply {
        let request = self.http.get(url);
        let request = if cookie.is_empty() { request } else { request.header("Cookie", cookie) };
        self.world.send(request).await
    }

    /// The first step, without following it.
    pub(super) async fn start(&self, connected: &Connected, query: &str) -> Reply {
        let Connected { org, id, .. } = connected;
        let base = &self.world.base;
        self.fetch(&format!("{base}/api/v1/sign-in/{org}/{id}/start{query}"), "").await
    }

    pub(super) async fn begin(&self, connected: &Connected, return_to: &str) -> Begun {
        let sent = self.start(connected, &format!("?return_to={return_to}")).await.is(303);
        let secret = cookie(&sent, "__Host-ff_sign_in").unwrap();
        Begun { authorize: sent.header("location").parse().unwrap(), secret }
    }

    /// The last step, with this secret of the browser.
    pub(super) async fn come_back(&self, callback: &Url, secret: &str) -> Reply {
        self.fetch(callback.as_str(), &format!("theme=dark; __Host-ff_sign_in={secret}")).await
    }

    /// All of it, with a browser that may have been there before.
    pub(super) async fn go_through(
        &self,
        connected: &Connected,
        browser: &mut Browser,
        visitor: Visitor<'_>,
    ) -> Reply {
        let begun = self.begin(connected, "/flags?all=1").await;
        let back = browser.log_in(&begun.authorize, visitor, &connected.redirect_uri).await;
        self.come_back(&back, &begun.secret).await
    }

    /// The access token of somebody who is let in.
    pub(super) async fn sign_in(&self, connected: &Connected, name: &str) -> String {
        let visitor = Visitor::LogsIn(name);
        let landed = self.go_through(connected, &mut Browser::new(), visitor).await.is(303);
        assert_eq!(landed.header("location"), format!("{}/flags?all=1", self.world.base));
        cookie(&landed, "__Host-ff_access").unwrap()
    }

    /// Somebody who is not let in, and why.
    pub(super) async fn is_refused(&self, connected: &Connected, name: &str, code: &str) {
        let mut browser = Browser::new();
        let landed = self.go_through(connected, &mut browser, Visitor::LogsIn(name)).await;
        landed.problem(403, code);
        assert_eq!(cookie(&landed, "__Host-ff_access"), None);
    }

    /// Who that is.
    pub(super) async fn me(&self, token: &str) -> Value {
        eventually(Duration::from_secs(20), || async {
            let me = self.world.as_(token).get("/me").await;
            if me.status == 200 { Ok(me.body) } else { Err(me) }
        })
        .await
    }

    /// Waits for so many records of a kind in the security log of `acme`, and reads them, the oldest first.
    pub(super) async fn records(&self, kind: &str, count: usize) -> Vec<Value> {
        eventually(Duration::from_secs(30), || async {
            let path = format!("/orgs/acme/security-log?kind={kind}");
            let mut items = self.world.get(&path).await.is(200).body["items"].clone();
            let items = std::mem::take(items.as_array_mut().unwrap());
            if items.len() >= count { Ok(items.into_iter().rev().collect()) } else { Err(items) }
        })
        .await
    }

    /// Switches the flag `checkout` on in production, if this one may.
    pub(super) async fn toggles(&self, token: &str) -> u16 {
        let path = "/orgs/acme/projects/web/flags/checkout/environments/production/on";
        self.world.as_(token).act(path).await.status.as_u16()
    }

    /// Whether this one sees the flags of `acme`.
    pub(super) async fn sees(&self, token: &str) -> u16 {
        let request = self.world.open(Method::GET, "/orgs/acme/projects/web/flags");
        self.world.send(request.bearer_auth(token)).await.status.as_u16()
    }
}

/// Engineering may edit in `web`, everybody may look at everything, others are not let in.
pub(super) fn draft(issuer: &str) -> Value {
    json!({
        "name": "Staff", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "groups_claim": "groups",
        "group_roles": [
            {"group": "engineering", "roles": [{"role": "editor", "project": "web"}]},
            {"group": "everybody", "roles": [{"role": "viewer"}]},
        ],
        "email_domains": ["example.com"],
    })
}

/// Claims of somebody with a verified e-mail.
pub(super) fn claims(email: &str, groups: &[&str]) -> String {
    json!({"name": "Some Body", "email": email, "email_verified": true, "groups": groups})
        .to_string()
}

/// What an answer sets this cookie to, unless it takes it away.
pub(super) fn cookie(reply: &Reply, name: &str) -> Option<String> {
    let all = reply.headers.get_all(header::SET_COOKIE).iter();
    let pairs =
        all.filter_map(|cookie| cookie.to_str().unwrap().split(';').next()?.split_once('='));
    let mut values = pairs.filter(|(given, value)| *given == name && !value.is_empty());
    values.next().map(|(_, value)| value.to_owned())
}
