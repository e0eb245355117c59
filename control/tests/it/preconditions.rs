//! Versions and idempotency keys: nobody's work is overwritten unseen, nothing is done twice.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, flag};

const FLAGS: &str = "/orgs/acme/projects/web/flags";
const FLAG: &str = "/orgs/acme/projects/web/flags/checkout";

#[tokio::test]
async fn what_overwrites_needs_the_version_that_it_overwrites() {
    let world = World::furnished().await;
    let targeting = json!({"off_variation": "off", "default": {"variation": "off"}});
    let experiment = world.draft("colour", json!({})).await;
    let layer = json!({"key": "shared", "name": "Shared"});
    world.post("/orgs/acme/projects/web/layers", layer).await.is(201);
    let definition = json!({"kind": {"type": "count", "event": "e"}, "better": "higher"});
    let below = |path: &str| format!("/orgs/acme/projects/web/{path}");
    let table = [
        (Method::PATCH, below("experiments/colour"), json!({"name": "n"})),
        (Method::PUT, below("experiments/colour/design"), experiment.body["design"].clone()),
        (Method::PATCH, below("metrics/orders"), json!({"name": "n"})),
        (Method::PUT, below("metrics/orders/definition"), definition),
        (Method::PATCH, below("layers/shared"), json!({"name": "n"})),
        (Method::PATCH, FLAG.to_owned(), json!({"name": "n"})),
        (Method::PUT, format!("{FLAG}/environments/staging/targeting"), targeting),
        (Method::DELETE, format!("{FLAG}/variations/on"), Value::Null),
        (Method::PATCH, "/orgs/acme".to_owned(), json!({"name": "n"})),
        (Method::PATCH, "/orgs/acme/projects/web".to_owned(), json!({"name": "n"})),
        (
            Method::PATCH,
            "/orgs/acme/projects/web/environments/staging".to_owned(),
            json!({"name": "n"}),
        ),
    ];
    for (method, path, body) in table {
        let bare = world.request(method.clone(), &path).json(&body);
        world.send(bare).await.problem(428, "FF-1007");
        let star = world.request(method.clone(), &path).header("If-Match", "*").json(&body);
        world.send(star).await.problem(428, "FF-1007");
        let stale = world.change(method, &path, 7, body).await;
        stale.problem(412, "FF-2002");
        // The draft is in the project's references, which is a change of the project.
        let now = if path.ends_with("/projects/web") { "\"2\"" } else { "\"1\"" };
        assert_eq!(stale.header("etag"), now, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_overwrite_takes_a_version_if_given() {
    let world = World::furnished().await;
    let on = format!("{FLAG}/environments/staging/on");
    for (path, expected, status) in [
        (&on, "\"2\"", 412),
        (&on, "\"1\"", 200),
        (&format!("{FLAG}/archive"), "\"1\"", 412),
        (&format!("{FLAG}/archive"), "\"2\"", 200),
        (&format!("{FLAG}/restore"), "\"2\"", 412),
    ] {
        let request = world.request(Method::POST, path).header("If-Match", expected);
        world.send(request).await.is(status);
    }
}

#[tokio::test]
async fn so_do_the_steps_of_an_experiment() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    let experiment = "/orgs/acme/projects/web/experiments/colour";
    for (path, expected, status) in [
        (&format!("{experiment}/start"), "\"2\"", 412),
        (&format!("{experiment}/start"), "\"1\"", 200),
        (&format!("{experiment}/pause"), "\"1\"", 412),
        (&format!("{experiment}/stop"), "\"2\"", 200),
        (&format!("{experiment}/archive"), "\"2\"", 412),
        (&format!("{experiment}/archive"), "\"3\"", 200),
        (&"/orgs/acme/projects/web/metrics/orders/archive".to_owned(), "\"2\"", 412),
    ] {
        let request = world.request(Method::POST, path).header("If-Match", expected);
        world.send(request).await.is(status);
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_command_whatever_its_layout() {
    let world = World::furnished().await;
    let send = |body: String| {
        let request = world
            .request(Method::POST, FLAGS)
            .header("Idempotency-Key", "k")
            .header("Content-Type", "application/json")
            .body(body);
        world.send(request)
    };
    let first = send(flag("one").to_string()).await.is(201);
    let again = send(format!("  {:#}", flag("one"))).await.is(201);
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("ff-position"), again.header("ff-position"));
    assert_eq!(again.header("idempotency-replayed"), "true");

    let mut renamed = flag("one");
    renamed["name"] = json!("Other");
    for other in [renamed, flag("two")] {
        let reply = send(other.to_string()).await;
        assert_eq!(reply.problem(422, "FF-1014"), ["Idempotency-Key:"]);
    }
    world.get(&format!("{FLAGS}/two")).await.problem(404, "FF-1006");
}

#[tokio::test]
async fn a_refused_command_leaves_its_key_free() {
    let world = World::furnished().await;
    let send = |body: Value| {
        let request = world.request(Method::POST, FLAGS).header("Idempotency-Key", "k");
        world.send(request.json(&body))
    };
    send(flag("checkout")).await.problem(409, "FF-1201");
    send(flag("mended")).await.is(201);
}

#[tokio::test]
async fn one_command_sent_many_times_at_once_is_done_once() {
    let world = World::furnished().await;
    let replies = futures::future::join_all((0..20).map(|_| {
        let request = world.request(Method::POST, FLAGS).header("Idempotency-Key", "k");
        world.send(request.json(&flag("one")))
    }))
    .await;
    let positions: std::collections::BTreeSet<_> =
        replies.into_iter().map(|reply| reply.is(201).header("ff-position").to_owned()).collect();
    assert_eq!(positions.len(), 1);
    assert_eq!(world.get(&format!("{FLAGS}/one")).await.version(), 1);
}
