//! Who may do what, over HTTP: every operation of the OpenAPI document against `matrix.txt`, which says what is expected.
//!
//! The table is written by hand. A new operation needs a row, and a row an operation. To add one, write its name, the eight
//! statuses (or `public` and one), the method, a path with things that [`Cast`] has, and a body that is well formed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ff_auth::{SessionOf, TokenKey, TokenKeys, TokenService};
use ff_identity::Origin;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::document::{document, operations};
use crate::world::{SECRET, World, flag, quota};

const TABLE: &str = include_str!("matrix.txt");

/// Who asks, in the order of the columns.
const COLUMNS: [&str; 8] =
    ["none", "expired", "closed", "viewer", "elsewhere", "stranger", "token", "owner"];

/// A row of the table.
struct Row {
    operation: &'static str,
    expected: Vec<u16>,
    public: bool,
    method: Method,
    path: &'static str,
    body: &'static str,
}

fn rows() -> Vec<Row> {
    let table = TABLE.split_once("\noperation ").expect("the table has a head").1;
    let lines = table.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(row).collect()
}

fn row(line: &'static str) -> Row {
    let fail = || panic!("not a row: {line}");
    let (operation, mut rest) = line.split_once(' ').unwrap_or_else(fail);
    let mut next = || {
        let (word, after) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        rest = after;
        word
    };
    let first = next();
    let public = first == "public";
    let expected: Vec<u16> = if public {
        vec![next().parse().unwrap(); COLUMNS.len()]
    } else {
        std::iter::once(first)
            .chain((1..COLUMNS.len()).map(|_| next()))
            .map(|s| s.parse().unwrap())
            .collect()
    };
    let (method, path) = (next().parse().unwrap(), next());
    Row { operation, expected, public, method, path, body: rest }
}

/// The people of the table, and the things in its paths.
struct Cast {
    world: World,
    tokens: TokenService,
    ids: BTreeMap<&'static str, String>,
    owner: Uuid,
    viewer: Uuid,
    elsewhere: Uuid,
    stranger: Uuid,
    closed: String,
    revoked: String,
}

impl Cast {
    async fn assemble() -> Self {
        let world = World::with(|options| options.quotas.sign_in = quota(100_000)).await;
        world.furnish().await;
        world.draft("colour", json!({})).await;
        let web = "/orgs/acme/projects/web";
        let owner: Uuid = world.get("/me").await.body["id"].as_str().unwrap().parse().unwrap();
        for (path, body) in [
            (format!("{web}/layers"), json!({"key": "shared", "name": "Shared"})),
            (format!("{web}/segments"), json!({"key": "beta", "name": "Beta"})),
            ("/orgs/acme/projects".to_owned(), json!({"key": "api", "name": "API"})),
            ("/orgs/acme/projects/api/flags".to_owned(), flag("other")),
            (
                "/orgs/acme/roles".to_owned(),
                json!({"key": "releaser", "name": "Releaser", "permissions": ["flag.toggle"]}),
            ),
            ("/orgs/acme/service-accounts".to_owned(), json!({"key": "robot", "name": "Robot"})),
        ] {
            world.post(&path, body).await.is(201);
        }
        let (viewer, _) = world.colleague("viewer@example.com", json!([{"role": "viewer"}])).await;
        let (elsewhere, _) = world
            .colleague("elsewhere@example.com", json!([{"role": "viewer", "project": "api"}]))
            .await;
        let (member, _) = world.colleague("member@example.com", json!([{"role": "viewer"}])).await;
        let (managed, _) = world.managed("acme", "managed@example.com").await;
        let (stranger, token) = world.person("stranger@example.com", "Stranger").await;
        world.as_(&token).post("/orgs", json!({"key": "other", "name": "Other"})).await.is(201);

        let issue = async |purpose: Value| {
            let body = json!({"name": "x", "purpose": purpose});
            world.post("/orgs/acme/keys", body).await.is(201)
        };
        let key =
            issue(json!({"kind": "sdk_server", "project": "web", "environment": "production"}))
                .await;
        let token = issue(json!({"kind": "api_token", "role": "admin"})).await;
        let revoked = token.body["key"].as_str().unwrap().to_owned();
        world.as_(&revoked).get("/orgs/acme").await.is(200);
        let path = format!("/orgs/acme/keys/{}", token.body["id"].as_str().unwrap());
        world.change(Method::DELETE, &path, token.version(), Value::Null).await.is(200);
        let secret = SecretString::from(SECRET);
        let tokens = TokenService::new(TokenKeys::new(TokenKey::secret(&secret).unwrap()));
        let ids = BTreeMap::from([
            (":key", key.body["id"].as_str().unwrap().to_owned()),
            (":member", member.to_string()),
            (":managed", managed.to_string()),
            (":nothing", Uuid::nil().to_string()),
        ]);
        let closed = String::new();
        let mut cast =
            Self { world, tokens, ids, owner, viewer, elsewhere, stranger, closed, revoked };
        cast.closed = cast.signed_in(owner).await;
        let closed = cast.world.as_(&cast.closed);
        cast.world.send(closed.request(Method::DELETE, "/me/sessions/current")).await.is(204);
        cast
    }

    /// An access token of a session that was just opened.
    async fn signed_in(&self, user: Uuid) -> String {
        let now = Timestamp::now();
        let opened = self.world.people.open(user, None, Origin::default(), now).await.unwrap();
        self.token(user, opened.session, now)
    }

    fn token(&self, user: Uuid, session: Uuid, at: Timestamp) -> String {
        let of = SessionOf { user, session, organization: None };
        let issued = self.tokens.issue(of, at, &mut rand::rng()).unwrap();
        issued.token.expose_secret().to_owned()
    }

    /// What somebody shows.
    async fn credentials(&self, who: &str) -> Option<String> {
        Some(match who {
            "none" => return None,
            "expired" => {
                let then = Timestamp::now() - SignedDuration::from_hours(1);
                self.token(self.owner, Uuid::now_v7(), then)
            }
            "closed" => self.closed.clone(),
            "token" => self.revoked.clone(),
            "viewer" => self.signed_in(self.viewer).await,
            "elsewhere" => self.signed_in(self.elsewhere).await,
            "stranger" => self.signed_in(self.stranger).await,
            "owner" => self.signed_in(self.owner).await,
            other => panic!("nobody is called {other}"),
        })
    }

    fn named(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    /// The answer to the request of a row.
    async fn ask(&self, row: &Row, who: &str) -> (u16, Value) {
        let path = self.named(row.path);
        let request = match self.credentials(who).await {
            Some(bearer) => self.world.request_by(&bearer, row.method.clone(), &path),
            None => self.world.open(row.method.clone(), &path),
        };
        let request =
            if row.method == Method::GET { request } else { request.header("If-Match", "\"99\"") };
        let request = if row.body.is_empty() {
            request
        } else {
            request.header("Content-Type", "application/json").body(self.named(row.body))
        };
        let reply = self.world.send(request).await;
        (reply.status.as_u16(), reply.body)
    }
}

/// Whether a path could be one of a template.
fn fits(path: &str, template: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let path = format!("/api/v1{path}");
    let (parts, pattern): (Vec<_>, Vec<_>) =
        (path.split('/').collect(), template.split('/').collect());
    parts.len() == pattern.len()
        && parts
            .iter()
            .zip(&pattern)
            .all(|(part, wanted)| part == wanted || wanted.starts_with('{'))
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let document = document();
    let operations = operations(&document);
    let rows = rows();
    let named: BTreeSet<_> = rows.iter().map(|row| row.operation).collect();
    assert_eq!(named.len(), rows.len(), "an operation has two rows");
    let mut wrong = String::new();
    for (method, path, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap();
        let Some(row) = rows.iter().find(|row| row.operation == id) else {
            let _ = writeln!(wrong, "{id} has no row: {method} {path}");
            continue;
        };
        let open = operation["security"] == json!([]);
        if row.method != *method || !fits(row.path, path) || row.public != open {
            let _ = writeln!(wrong, "{id} is {method} {path}, public: {open}");
        }
    }
    let known: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    for row in rows.iter().filter(|row| !known.contains(row.operation)) {
        let _ = writeln!(wrong, "{} is no operation", row.operation);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn everybody_gets_what_the_table_says() {
    let cast = Cast::assemble().await;
    let mut wrong = String::new();
    for row in rows() {
        for (who, expected) in COLUMNS.iter().zip(&row.expected) {
            let (status, body) = cast.ask(&row, who).await;
            if status != *expected {
                let about = body["detail"].as_str().unwrap_or_default();
                let code = body["code"].as_str().unwrap_or_default();
                let _ = writeln!(
                    wrong,
                    "{} by {who}: {status}, not {expected} ({code} {about} {})",
                    row.operation, body["errors"]
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
