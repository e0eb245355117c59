//! A control plane of a test's own, and a client that reads its own writes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ff_auth::{Authorizer as _, Cost, Principal, Scope, SystemAuthorizer};
use ff_commands::{CommandMeta, Executable, Executor, ExecutorOptions, Target};
use ff_control::{Control, ControlOptions};
use ff_domain::{
    Membership, MembershipCommand, MembershipId, OrganizationId, OrganizationKey, UserId,
};
use ff_eventlog::{Actor, ActorKind, Causation, CausationKind, JetStreamLog, LogOptions, Via};
use ff_identity::People;
use ff_limits::Quota;
use ff_projections::{
    ProjectionName, Projector, ProjectorOptions, Queries, QueryError, migrate::migrate_up,
};
use ff_testkit::eventually;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const EMAIL: &str = "Owner@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "a secret for tests that is more than long enough";

/// A control plane with its servers, and someone signed in.
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) pool: PgPool,
    /// The people of this control plane.
    pub(crate) people: People,
    /// Commands past the control plane, as the platform itself.
    commands: Executor<JetStreamLog>,
    token: Mutex<String>,
    seen: AtomicU64,
    shutdown: CancellationToken,
    _servers: Box<dyn Send + Sync>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl World {
    /// With one owner, who has founded nothing yet.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With other options.
    pub(crate) async fn with(change: impl FnOnce(&mut ControlOptions)) -> Self {
        let (nats, database) =
            tokio::join!(ff_testkit::nats::server(), ff_testkit::postgres::database());
        let (nats_url, url) = (nats.url.clone(), database.url.clone());
        Self::over(&nats_url, &url, database.pool.clone(), Box::new((nats, database)), change).await
    }

    /// On these servers.
    pub(crate) async fn over(
        nats: &str,
        database: &str,
        pool: PgPool,
        servers: Box<dyn Send + Sync>,
        change: impl FnOnce(&mut ControlOptions),
    ) -> Self {
        migrate_up(&pool).await.unwrap();
        let shutdown = CancellationToken::new();
        let mut options = ControlOptions::new(
            "127.0.0.1:0".parse().unwrap(),
            LogOptions::url(nats),
            database.parse().unwrap(),
            SecretString::from(SECRET),
        );
        options.password_cost = Cost::MIN;
        change(&mut options);
        let control = Control::open(options).await.unwrap();
        let base = format!("http://{}", control.address());
        let people = control.people();
        people.bootstrap_owner(EMAIL, "Olive Owner", PASSWORD.into()).await.unwrap();
        tokio::spawn(control.serve(shutdown.clone()));
        let log = JetStreamLog::connect(LogOptions::url(nats)).await.unwrap();
        let commands = Executor::new(log.clone(), ExecutorOptions::default());
        let readers = pool.clone();
        let options = ProjectorOptions::default();
        tokio::spawn(Projector::run(log, pool.clone(), options, shutdown.clone()));
        let queries = Queries::new(readers);
        eventually(Duration::from_secs(60), || async {
            for name in ProjectionName::ALL {
                queries.position(name).await?;
            }
            Ok::<_, QueryError>(())
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let world = Self {
            base,
            http,
            pool,
            people,
            commands,
            token: Mutex::default(),
            seen: AtomicU64::new(0),
            shutdown,
            _servers: servers,
        };
        let token = world.sign_in(EMAIL, PASSWORD).await;
        *world.token.lock().unwrap() = token;
        world
    }

    /// With organization `acme`, project `web`, its environments `production` and `staging`, and the flag
    /// `checkout`, a boolean that is off everywhere.
    pub(crate) async fn furnished() -> Self {
        let world = Self::start().await;
        world.furnish().await;
        world
    }

    pub(crate) async fn furnish(&self) {
        let made = [
            ("/orgs", json!({"key": "acme", "name": "Acme"})),
            ("/orgs/acme/projects", json!({"key": "web", "name": "Web"})),
            (
                "/orgs/acme/projects/web/environments",
                json!({"key": "production", "name": "Production", "production": true}),
            ),
            ("/orgs/acme/projects/web/environments", json!({"key": "staging", "name": "Staging"})),
            ("/orgs/acme/projects/web/flags", flag("checkout")),
        ];
        for (path, body) in made {
            self.post(path, body).await.is(201);
        }
    }

    /// An experiment on `checkout` in production that the metric `orders` decides about, with more in its design.
    pub(crate) async fn draft(&self, key: &str, design: Value) -> Reply {
        let metrics = "/orgs/acme/projects/web/metrics";
        let made = self.post(metrics, metric("orders", "bought")).await;
        assert!([201, 409].contains(&made.status.as_u16()), "{}", made.body);
        let mut body = json!({
            "key": key, "name": key, "environment": "production", "flag": "checkout", "design": design,
        });
        body["design"]["metrics"] = json!({"primary": ["orders"]});
        self.post("/orgs/acme/projects/web/experiments", body).await.is(201)
    }

    pub(crate) fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    /// The access token of somebody.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> String {
        let body = json!({"email": email, "password": password});
        let reply = self.send(self.open(Method::POST, "/sessions").json(&body)).await.is(201);
        reply.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Somebody new with [`PASSWORD`], who belongs to no organization, and their access token.
    pub(crate) async fn person(&self, email: &str, name: &str) -> (Uuid, String) {
        let id = self.people.create(email, name, PASSWORD.into()).await.unwrap();
        (id, self.sign_in(email, PASSWORD).await)
    }

    /// Somebody new whom only this organization's identity provider answers for, and their access token.
    pub(crate) async fn managed(&self, org: &str, email: &str) -> (Uuid, String) {
        let person = self.person(email, "Managed").await;
        let organization = OrganizationId::of(&OrganizationKey::parse(org).unwrap());
        let sql = "UPDATE identity.users SET organization = $2, password_hash = NULL WHERE id = $1";
        let done = sqlx::query(sql).bind(person.0).bind(organization.0).execute(&self.pool).await;
        assert_eq!(done.unwrap().rows_affected(), 1);
        person
    }

    /// Makes somebody a member past all rights, and waits until that is in force: `roles` is a list of
    /// `{role, project?, environment?}`.
    pub(crate) async fn member(&self, org: &str, (user, token): &(Uuid, String), roles: Value) {
        let organization = OrganizationId::of(&OrganizationKey::parse(org).unwrap());
        let user = UserId(*user);
        let roles = serde_json::from_value(roles).unwrap();
        let command = MembershipCommand::Grant { organization, user, roles };
        let id = MembershipId::of(organization, user);
        self.execute(Target::<Membership>::new(organization, id), command).await;
        eventually(Duration::from_secs(20), || async {
            let reply = self.as_(token).get(&format!("/orgs/{org}")).await;
            if reply.status == 200 { Ok(()) } else { Err(reply) }
        })
        .await;
    }

    /// Somebody new who is a member of `acme` with these roles, and their access token.
    pub(crate) async fn colleague(&self, email: &str, roles: Value) -> (Uuid, String) {
        let person = self.person(email, "A Colleague").await;
        self.member("acme", &person, roles).await;
        person
    }

    /// A command of the platform itself, past the control plane.
    pub(crate) async fn execute<A: Executable>(&self, target: Target<A>, command: A::Command) {
        let scope = Scope::organization(target.org.0);
        let permission = A::permission(&command).unwrap();
        let grant = SystemAuthorizer.authorize(&Principal::system(), permission, &scope).unwrap();
        let meta = CommandMeta {
            command_id: Uuid::now_v7(),
            correlation_id: Uuid::now_v7(),
            causation: Causation { kind: CausationKind::Command, id: "test".to_owned() },
            actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
            via: Via::Api,
            comment: None,
            at: Timestamp::now(),
        };
        let done = self.commands.execute(&grant, target, command, meta, None).await.unwrap();
        self.seen.fetch_max(done.position.get(), Ordering::Relaxed);
    }

    /// An aggregate as the log has it.
    pub(crate) async fn load<A: Executable>(&self, org: OrganizationId, id: A::Id) -> A {
        self.commands.load::<A>(org, id).await.unwrap().0
    }

    /// The same requests, of whoever holds this token.
    pub(crate) fn as_<'a>(&'a self, token: &'a str) -> Somebody<'a> {
        Somebody { world: self, token }
    }

    /// A request without credentials; `path` is below `/api/v1`, or whole if it says so.
    pub(crate) fn open(&self, method: Method, path: &str) -> RequestBuilder {
        let whole = ["/api", "/healthz", "/readyz", "/metrics"].iter().any(|p| path.starts_with(p));
        let prefix = if whole { "" } else { "/api/v1" };
        self.http.request(method, format!("{}{prefix}{path}", self.base))
    }

    /// A request of the one who is signed in, who wants to see what they did.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_by(&self.token(), method, path)
    }

    /// The same, of whoever holds `bearer`.
    pub(crate) fn request_by(&self, bearer: &str, method: Method, path: &str) -> RequestBuilder {
        let seen = self.seen.load(Ordering::Relaxed);
        let sees = method == Method::GET && seen > 0;
        let request = self.open(method, path).bearer_auth(bearer);
        if sees { request.header("FF-Min-Position", seen) } else { request }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if let Some(position) = headers.get("ff-position") {
            let position = position.to_str().unwrap().parse().unwrap();
            self.seen.fetch_max(position, Ordering::Relaxed);
        }
        Reply { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.as_(&self.token()).get(path).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.as_(&self.token()).post(path, body).await
    }

    /// A POST that says all in its path.
    pub(crate) async fn act(&self, path: &str) -> Reply {
        self.as_(&self.token()).act(path).await
    }

    /// A change of what is at a version.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &str,
        version: u64,
        body: Value,
    ) -> Reply {
        self.as_(&self.token()).change(method, path, version, body).await
    }
}

/// Whoever holds a token.
#[derive(Clone, Copy)]
pub(crate) struct Somebody<'a> {
    world: &'a World,
    token: &'a str,
}

impl Somebody<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.world.request_by(self.token, method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.world.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.world.send(self.request(Method::POST, path).json(&body)).await
    }

    /// A POST that says all in its path.
    pub(crate) async fn act(&self, path: &str) -> Reply {
        self.world.send(self.request(Method::POST, path)).await
    }

    /// A change of what is at a version.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &str,
        version: u64,
        body: Value,
    ) -> Reply {
        let request = self.request(method, path).header("If-Match", format!("\"{version}\""));
        let request = if body.is_null() { request } else { request.json(&body) };
        self.world.send(request).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {:?}", self.body, self.headers);
        self
    }

    /// The header, as text.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }

    /// The version in the `ETag`.
    #[track_caller]
    pub(crate) fn version(&self) -> u64 {
        self.header("etag").trim_matches('"').parse().unwrap()
    }

    /// Checks that it is a problem document with this code, and hands out its pointers.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Vec<&str> {
        assert_eq!(self.status, status, "{} {:?}", self.body, self.headers);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:ff:error:{code}"));
        assert!(self.body["title"].is_string() && self.body["detail"].is_string());
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

/// A boolean flag.
pub(crate) fn flag(key: &str) -> Value {
    json!({
        "key": key, "name": key, "type": "boolean",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "initial": {"off_variation": "off", "default_variation": "on"},
    })
}

/// Whether a user has such an event.
pub(crate) fn metric(key: &str, event: &str) -> Value {
    let kind = json!({"type": "binomial", "event": event});
    json!({"key": key, "name": key, "definition": {"kind": kind, "better": "higher"}})
}

/// So many requests that a test can use them up.
pub(crate) fn quota(requests: u32) -> Quota {
    Quota::new(requests, Duration::from_secs(3600))
}
