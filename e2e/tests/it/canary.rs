//! A person leaves no trace outside the table of people, and none at all once they are erased.
//!
//! Texts that occur nowhere else are planted wherever somebody says something about themselves, everything is used, and
//! then all that the platform keeps is searched for them. A text that belongs there is searched for in the same way, so
//! that a search that finds nothing because it does not look is noticed.

use ff_e2e::{Answer, Api, Platform, Traces};
use ff_testkit::eventually;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::spine::{make_flag, see};
use crate::{PATIENCE, SHOP};

const ORG: &str = "/api/v1/orgs/demo";
/// From where the person comes, and from where somebody is not recognised, which stays in the security log for its time.
const ADDRESS: &str = "2001:db8:51ce::77";
const STRANGER: &str = "2001:db8:bad::1";

/// What is planted.
struct Canary {
    email: String,
    name: String,
    later_name: String,
    agent: String,
    password: String,
    attribute: String,
    /// May be found: it is in the key of a flag, and the user key of an event.
    control: String,
}

impl Canary {
    fn new() -> Self {
        let text = |what: &str| format!("{what}{}", Uuid::new_v4().simple());
        Self {
            email: format!("{}@canary.example", text("mail")),
            name: text("name"),
            later_name: text("later"),
            agent: text("agent"),
            password: text("password "),
            attribute: text("private"),
            control: text("control"),
        }
    }

    /// What the table of people may hold until the person is erased.
    fn known(&self) -> [&str; 4] {
        [&self.email, &self.later_name, &self.agent, ADDRESS]
    }

    /// What nothing may hold, ever.
    fn secret(&self) -> [&str; 2] {
        [&self.password, &self.attribute]
    }
}

/// The person, with what their programs say of themselves.
struct Person<'a> {
    canary: &'a Canary,
    client: Client,
    control: String,
}

impl Person<'_> {
    fn request(&self, method: Method, path: &str, from: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.control))
            .header("User-Agent", &self.canary.agent)
            .header("X-Forwarded-For", from)
    }

    async fn say(&self, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
        let mut request = self.request(method, path, ADDRESS).json(&body);
        if !token.is_empty() {
            request = request.bearer_auth(token).header("FF-Comment", "as%20planned");
        }
        answered(request).await
    }

    async fn sign_in(&self, password: &str, from: &str) -> (u16, Value) {
        let body = json!({"email": self.canary.email, "password": password});
        answered(self.request(Method::POST, "/api/v1/sessions", from).json(&body)).await
    }
}

async fn answered(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn invite(api: &Api, email: &str, role: &str) -> Answer {
    let body = json!({"email": email, "roles": [{"role": role}]});
    let invited = api.post(&format!("{ORG}/invitations"), Some(body)).await.unwrap();
    assert_eq!(invited.status, 201, "{}", invited.body);
    invited
}

/// Everything that somebody does, and everything that goes wrong with it. Answers their tokens and their id.
async fn live(platform: &Platform, api: &Api, person: &Person<'_>) -> (Vec<String>, String) {
    let canary = person.canary;
    let mut tokens = Vec::new();
    let invitation = invite(api, &canary.email, "editor").await.body;
    let token = text(&invitation["token"]);
    tokens.push(token.to_owned());
    let look = json!({"token": token});
    let (status, seen) = person.say(Method::POST, "/api/v1/invitations/look", "", look).await;
    assert_eq!((status, text(&seen["email"])), (200, &*canary.email), "{seen}");
    let accept = json!({"token": token, "name": canary.name, "password": canary.password});
    let path = "/api/v1/invitations/accept";
    let (status, _) = person.say(Method::POST, path, "", accept.clone()).await;
    assert_eq!(status, 201);
    let (status, _) = person.say(Method::POST, path, "", accept).await;
    assert_eq!(status, 404);
    // Once more, for an e-mail that is taken now.
    let again = invite(api, &canary.email, "viewer").await.body;
    let accept = json!({"token": again["token"], "name": canary.name, "password": canary.password});
    assert_eq!(person.say(Method::POST, path, "", accept).await.0, 409);

    for wrong in ["wrong", &canary.name, ""] {
        assert_eq!(person.sign_in(wrong, STRANGER).await.0, 401);
    }
    let (status, session) = person.sign_in(&canary.password, ADDRESS).await;
    assert_eq!(status, 201, "{session}");
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let (status, next) = person.say(Method::POST, "/api/v1/sessions/refresh", "", refresh).await;
    assert_eq!(status, 201, "{next}");
    for session in [&session, &next] {
        tokens.push(text(&session["access_token"]).to_owned());
        tokens.push(text(&session["refresh_token"]).to_owned());
    }
    let bearer = text(&next["access_token"]);
    let rename = json!({"name": canary.later_name});
    let (status, me) = person.say(Method::PATCH, "/api/v1/me", bearer, rename).await;
    assert_eq!((status, text(&me["name"])), (200, &*canary.later_name));
    let accept = json!({"token": again["token"]});
    let path = "/api/v1/me/invitations/accept";
    assert_eq!(person.say(Method::POST, path, bearer, accept).await.0, 200);
    let reset = json!({"email": canary.email});
    // Without a mail server nobody is looked for, so whose record it is cannot be known.
    let forgotten = person.request(Method::POST, "/api/v1/password-resets", STRANGER).json(&reset);
    assert_eq!(answered(forgotten).await.0, 202);

    // What a person does, and what they may not.
    let flag = json!({
        "key": canary.control, "name": canary.control, "type": "boolean",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "initial": {"off_variation": "off", "default_variation": "on"},
    });
    let flags = format!("{SHOP}/flags");
    assert_eq!(person.say(Method::POST, &flags, bearer, flag).await.0, 201);
    let on = format!("{flags}/{}/environments/production/on", canary.control);
    assert_eq!(person.say(Method::POST, &on, bearer, json!({})).await.0, 200);
    let scopes = json!([{"role": "viewer"}]);
    let purpose = json!({"kind": "personal_token", "scopes": scopes});
    let issue = json!({"name": "mine", "purpose": purpose});
    let (status, issued) = person.say(Method::POST, &format!("{ORG}/keys"), bearer, issue).await;
    assert_eq!(status, 201, "{issued}");
    let key = text(&issued["key"]).to_owned();
    assert_eq!(person.say(Method::GET, &flags, &key, Value::Null).await.0, 200);
    tokens.push(key);
    let rename = json!({"name": canary.name});
    assert_eq!(person.say(Method::PATCH, ORG, bearer, rename.clone()).await.0, 428);
    let forbidden = json!({"email": canary.email, "roles": []});
    let path = format!("{ORG}/invitations");
    assert_eq!(person.say(Method::POST, &path, bearer, forbidden).await.0, 403);
    // Nobody can make of these what they were meant to be, and an error may quote them.
    for (path, body) in [
        ("/api/v1/sessions", json!({"e-mail": canary.email, "password": canary.password})),
        ("/api/v1/sessions", json!({"email": {"of": canary.email}, "password": canary.password})),
        ("/api/v1/sessions", json!({"email": format!("\u{0}{}", canary.email), "password": "x"})),
        ("/api/v1/password-resets", json!({"email": canary.email, "name": canary.name})),
        ("/api/v1/invitations/look", json!({"token": canary.email})),
    ] {
        let request = person.request(Method::POST, path, STRANGER).json(&body);
        assert!((400..500).contains(&answered(request).await.0), "{path}");
    }
    let elsewhere = format!("/api/v1/orgs/{}", canary.name);
    assert_eq!(person.say(Method::GET, &elsewhere, bearer, Value::Null).await.0, 404);
    let query = format!("/api/v1/me?email={}", canary.email);
    person.say(Method::GET, &query, bearer, Value::Null).await;

    let event = json!({
        "type": "exposure", "id": Uuid::new_v4(), "at": jiff::Timestamp::now().to_string(),
        "user_key": canary.control, "flag": canary.control, "variation": "on",
        "attributes": {"mail": canary.attribute, "plan": "free"}, "private": ["mail"],
    });
    platform.ingest().unwrap().deliver(&json!({"events": [event]})).await.unwrap();
    (tokens, text(&me["id"]).to_owned())
}

/// Waits until all that was sent has arrived where it is kept.
async fn settle(platform: &Platform, canary: &Canary) {
    let key = platform.value("FF_DEMO_SERVER_KEY").unwrap();
    see(platform, &key, &canary.control, json!(true)).await;
    eventually(PATIENCE, || async {
        let traces = Traces::of(platform).await.map_err(|error| format!("{error:#}"))?;
        let arrived = |place: &str| !traces.of_text(&canary.control, place).is_empty();
        let missing: Vec<_> =
            ["nats/FF_EVENTS", "nats/FF_CONFIG", "nats/FF_TELEMETRY", "postgres/", "clickhouse/"]
                .into_iter()
                .chain(["files/.local/data/nats", "files/.local/data/edge"])
                .filter(|place| !arrived(place))
                .collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("not yet in {missing:?}")) }
    })
    .await;
}

fn assert_nowhere<'a>(traces: &Traces, texts: impl IntoIterator<Item = &'a str>, but: &[&str]) {
    for text in texts {
        let mut places = traces.of_text(text, "");
        places.retain(|place| !but.iter().any(|allowed| place.starts_with(allowed)));
        let lines: Vec<_> = places.iter().map(|place| traces.lines(text, place)).collect();
        assert!(places.is_empty(), "{text} is in {places:?}: {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_leaves_no_trace_but_an_id() {
    let filter = "info,ff_control=trace,ff_identity=trace,ff_security=trace,ff_front=trace,\
                  ff_ingest=trace,ff_commands=trace,ff_projections=trace,ff_edge=trace";
    let platform = Platform::start_with(&[
        ("FF_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
        ("FF_LOG_FILTER", filter),
    ])
    .unwrap();
    let api = platform.api().await.unwrap();
    let canary = Canary::new();
    let control = platform.value("FF_CONTROL_URL").unwrap();
    let client = Client::builder().build().unwrap();
    let person = Person { canary: &canary, client, control };
    let (tokens, id) = live(&platform, &api, &person).await;
    settle(&platform, &canary).await;

    let traces = Traces::of(&platform).await.unwrap();
    // The search sees what is there, in each kind of place.
    for place in ["nats/FF_EVENTS", "postgres/identity.users", "postgres/security.log"] {
        assert!(traces.places().any(|found| found == place), "{place} was passed over");
    }
    let logs = traces.of_text("listening", "files/.local/log/");
    assert!(!logs.is_empty(), "no log was read: {:?}", traces.places().collect::<Vec<_>>());
    for text in canary.known() {
        assert!(!traces.of_text(text, "postgres/identity.").is_empty(), "{text}");
    }
    assert!(!traces.of_text(&id, "nats/FF_EVENTS").is_empty());
    // And nothing where it does not belong. An address passes through the queue of the security log.
    let people = canary.known().into_iter().filter(|text| *text != ADDRESS);
    assert_nowhere(&traces, people.chain([canary.name.as_str()]), &["postgres/identity."]);
    let queue = "files/.local/data/nats/jetstream/";
    assert_nowhere(
        &traces,
        [ADDRESS, STRANGER],
        &["postgres/identity.", "postgres/security.", queue],
    );
    assert_nowhere(
        &traces,
        canary.secret().into_iter().chain(tokens.iter().map(String::as_str)),
        &[],
    );

    let (status, session) = person.sign_in(&canary.password, ADDRESS).await;
    assert_eq!(status, 201, "{session}");
    let bearer = text(&session["access_token"]);
    let proof = json!({"password": canary.password});
    let (status, problem) = person.say(Method::DELETE, "/api/v1/me", bearer, proof).await;
    assert_eq!(status, 204, "{problem}");
    assert_eq!(person.sign_in(&canary.password, STRANGER).await.0, 401);
    // Their own token has died with them, and says so.
    let key = tokens.last().unwrap();
    assert_eq!(person.say(Method::GET, &format!("{SHOP}/flags"), key, Value::Null).await.0, 401);
    eventually(PATIENCE, || async {
        let traces = Traces::of(&platform).await.map_err(|error| format!("{error:#}"))?;
        // The queue is empty, and what came of it is written.
        let erased = !traces.of_text("person.erased", "postgres/security.log").is_empty();
        if erased { Ok(()) } else { Err("not yet in the security log".to_owned()) }
    })
    .await;

    let traces = Traces::of(&platform).await.unwrap();
    assert_nowhere(&traces, canary.known().into_iter().filter(|text| *text != ADDRESS), &[]);
    assert_nowhere(&traces, [canary.name.as_str()].into_iter().chain(canary.secret()), &[]);
    assert_nowhere(&traces, [ADDRESS], &[queue]);
    assert_nowhere(&traces, [STRANGER], &["postgres/security.", queue]);
    for place in ["nats/FF_EVENTS", "postgres/identity.users"] {
        assert!(!traces.of_text(&id, place).is_empty(), "the id stays in {place}");
    }
    let audit = api.get(&format!("{ORG}/audit?limit=50")).await.unwrap();
    assert_eq!(audit.status, 200);
    let did = |item: &Value| item["actor"]["id"] == id.as_str();
    assert!(audit.body["items"].as_array().unwrap().iter().any(did), "{}", audit.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_helps_people_keeps_them_out_and_erases_them() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let email = "eve@canary.example";
    let token = invite(&api, email, "viewer").await.body["token"].clone();
    let control = platform.value("FF_CONTROL_URL").unwrap();
    let post = async |path: &str, body: Value| {
        answered(Client::new().post(format!("{control}/api/v1{path}")).json(&body)).await
    };
    let sign_in = async |password: &str| {
        post("/sessions", json!({"email": email, "password": password})).await.0
    };
    let (old, new) = ("a first long password", "a second long password");
    let accept = json!({"token": token, "name": "Eve", "password": old});
    assert_eq!(post("/invitations/accept", accept).await.0, 201);
    let ff = |arguments: &[&str]| {
        let output = platform.ff(&[&["people"], arguments].concat()).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said + &String::from_utf8_lossy(&output.stderr))
    };

    let (done, listed) = ff(&["list"]);
    assert!(done && listed.contains("demo@example.com"), "{listed}");
    let line = listed.lines().find(|line| line.contains(email)).unwrap().to_owned();
    assert!(line.contains("active") && line.ends_with("Eve"), "{line}");
    let id = line.split_whitespace().next().unwrap();

    let (done, said) = ff(&["reset-link", email]);
    assert!(done, "{said}");
    let link = said.lines().find_map(|line| line.split_once("/reset#")).unwrap().1;
    let reset = json!({"token": link.trim(), "new_password": new});
    assert_eq!(post("/password-resets/complete", reset).await.0, 204);
    assert_eq!((sign_in(old).await, sign_in(new).await), (401, 201));

    assert!(ff(&["disable", id]).0);
    assert_eq!(sign_in(new).await, 401);
    assert!(!ff(&["reset-link", email]).0);
    assert!(ff(&["enable", email]).0);
    assert_eq!(sign_in(new).await, 201);

    let (done, said) = ff(&["erase", "demo@example.com"]);
    assert!(!done && said.contains("`demo` would be left without an owner"), "{said}");
    let (done, said) = ff(&["erase", email]);
    assert!(done && said.contains("no member of demo any more"), "{said}");
    assert_eq!(sign_in(new).await, 401);
    // What was cut short goes on where it was, so that doing it again is no error.
    let (done, said) = ff(&["erase", id]);
    assert!(done && said.contains("0 tokens"), "{said}");
    let (done, listed) = ff(&["list"]);
    assert!(
        done && !listed.contains(email) && listed.contains(&format!("{id}  erased")),
        "{listed}"
    );
    let (done, said) = ff(&["erase", email]);
    assert!(!done && said.contains("nobody has this e-mail or id"), "{said}");
    make_flag(&api, "life-goes-on").await;
}
