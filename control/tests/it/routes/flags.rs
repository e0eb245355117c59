//! Flags, from their making to their history.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, flag};

const ALL: &str = "/orgs/acme/projects/web/flags";
const CHECKOUT: &str = "/orgs/acme/projects/web/flags/checkout";

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_kill_switch_is_one_call() {
    let world = World::furnished().await;
    let path = format!("{CHECKOUT}/environments/production");
    let before = world.get(&path).await.is(200);
    assert_eq!((&before.body["enabled"], before.version()), (&json!(false), 1));
    let on = world.act(&format!("{path}/on")).await.is(200);
    assert_eq!((&on.body["enabled"], on.version()), (&json!(true), 2));
    let again = world.act(&format!("{path}/on")).await.is(200);
    assert_eq!(again.version(), 2);
    assert_eq!(world.get(ALL).await.body["items"][0]["enabled_in"], json!(["production"]));
    let off = world.post(&format!("{path}/off"), json!({})).await.is(200);
    assert_eq!((&off.body["enabled"], off.version()), (&json!(false), 3));
    assert_eq!(world.get(&path).await.body["enabled"], false);
    world.act(&format!("{CHECKOUT}/environments/none/on")).await.problem(404, "FF-1204");
}

#[tokio::test]
async fn targeting_is_replaced_and_its_rules_get_names() {
    let world = World::furnished().await;
    let path = format!("{CHECKOUT}/environments/production/targeting");
    let targeting = json!({
        "off_variation": "off", "default": {"variation": "off"},
        "targets": [{"variation": "on", "keys": ["ada"]}],
        "rules": [
            {"if": {"attribute": "country", "operator": "eq", "value": "US"},
             "then": {"rollout": {"variations": [{"key": "on", "weight": 33.333}, {"key": "off", "weight": 66.667}]}}},
            {"id": "mine", "then": {"variation": "on"}},
        ],
    });
    let put = |version: &'static str| {
        world
            .request(Method::PUT, &path)
            .header("If-Match", version)
            .header("Idempotency-Key", "t")
            .json(&targeting)
    };
    let replaced = world.send(put("\"1\"")).await.is(200);
    let rules = replaced.body["targeting"]["rules"].as_array().unwrap();
    let id: uuid::Uuid = rules[0]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 8);
    assert_eq!(rules[1]["id"], "mine");
    let repeated = world.send(put("\"1\"")).await.is(200);
    assert_eq!(repeated.body, replaced.body);
    assert_eq!(repeated.header("idempotency-replayed"), "true");
    let found = world.get(&format!("{CHECKOUT}/environments/production")).await.is(200);
    assert_eq!(found.body["targeting"], replaced.body["targeting"]);
}

#[tokio::test]
async fn what_is_wrong_in_targeting_has_a_place() {
    let world = World::furnished().await;
    let path = format!("{CHECKOUT}/environments/production/targeting");
    let with = |rule: Value| json!({"off_variation": "off", "default": {"variation": "off"}, "rules": [rule]});
    let rollout =
        json!({"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 40}]});
    for (body, place) in [
        (json!({"off_variation": "none", "default": {"variation": "off"}}), "/off_variation"),
        (with(json!({"then": {"variation": "none"}})), "/rules/0/then/variation"),
        (with(json!({"then": {"rollout": rollout}})), "/rules/0/then/rollout/variations"),
        (
            with(
                json!({"if": {"attribute": "a", "operator": "matches", "value": "("}, "then": {"variation": "on"}}),
            ),
            "/rules/0/if/value",
        ),
    ] {
        let reply = world.change(Method::PUT, &path, 1, body.clone()).await;
        assert_eq!(reply.problem(422, "FF-1207"), [place], "{body}");
    }
    let itself = json!({
        "off_variation": "off", "default": {"variation": "off"},
        "prerequisites": [{"flag": "checkout", "variations": ["on"]}],
    });
    assert_eq!(world.change(Method::PUT, &path, 1, itself).await.status, 422);
}

#[tokio::test]
async fn variations_come_change_and_go() {
    let world = World::furnished().await;
    let path = format!("{CHECKOUT}/variations");
    let refused = world.post(&path, json!({"key": "third", "value": "text"})).await;
    assert_eq!(refused.problem(422, "FF-1207"), ["/value"]);
    let third = json!({"key": "10% more", "value": true});
    let added = world.post(&path, third).await.is(201);
    assert_eq!(added.body["variations"].as_array().unwrap().len(), 3);
    let third = format!("{path}/10%25%20more");
    let renamed = world.change(Method::PATCH, &third, 2, json!({"name": "More"})).await.is(200);
    assert_eq!(renamed.body["variations"][2]["name"], "More");
    let removed = world.change(Method::DELETE, &third, 3, Value::Null).await.is(200);
    assert_eq!(removed.body["variations"].as_array().unwrap().len(), 2);
    let served = world.change(Method::DELETE, &format!("{path}/on"), 4, Value::Null).await;
    served.problem(409, "FF-1206");
    let unknown = world.change(Method::DELETE, &third, 4, Value::Null).await;
    unknown.problem(404, "FF-1205");
}

#[tokio::test]
async fn details_change_and_what_is_left_out_stays() {
    let world = World::furnished().await;
    let me = world.get("/me").await.body["id"].clone();
    let all = json!({
        "name": "Checkout", "description": "The new one", "tags": ["b", "a"], "owner": me,
        "lifetime": "permanent", "client_side": true,
    });
    let changed = world.change(Method::PATCH, CHECKOUT, 1, all).await.is(200);
    assert_eq!(changed.body["tags"], json!(["a", "b"]));
    let named = world.change(Method::PATCH, CHECKOUT, 2, json!({"name": "Cashier"})).await.is(200);
    assert_eq!((&named.body["owner"], &named.body["lifetime"]), (&me, &json!("permanent")));
    let nobody = world.change(Method::PATCH, CHECKOUT, 3, json!({"owner": null})).await.is(200);
    assert_eq!(nobody.body["owner"], json!(null));
    let null = world.change(Method::PATCH, CHECKOUT, 4, json!({"name": null})).await;
    assert_eq!(null.problem(422, "FF-1001"), ["/name"]);
}

#[tokio::test]
async fn flags_are_found_by_what_they_are() {
    let world = World::furnished().await;
    let me = world.get("/me").await.body["id"].as_str().unwrap().to_owned();
    let theme = json!({
        "key": "theme", "name": "Colours", "type": "string", "lifetime": "permanent",
        "tags": ["ui", "shop"], "owner": me, "client_side": true,
        "variations": [{"key": "dark", "value": "d"}],
        "initial": {"off_variation": "dark", "default_variation": "dark"},
    });
    world.post(ALL, theme).await.is(201);
    world.post(ALL, flag("old")).await.is(201);
    world.act(&format!("{ALL}/old/archive")).await.is(200);
    for (query, expected) in [
        (String::new(), vec!["checkout", "theme"]),
        ("search=COLO".to_owned(), vec!["theme"]),
        ("tag=ui&tag=shop".to_owned(), vec!["theme"]),
        ("tag=ui&tag=none".to_owned(), vec![]),
        ("type=boolean".to_owned(), vec!["checkout"]),
        ("state=archived".to_owned(), vec!["old"]),
        ("state=all".to_owned(), vec!["checkout", "old", "theme"]),
        ("lifetime=permanent".to_owned(), vec!["theme"]),
        (format!("owner={me}"), vec!["theme"]),
        ("client_side=false".to_owned(), vec!["checkout"]),
        ("sort=updated&limit=1".to_owned(), vec!["theme"]),
    ] {
        let list = world.get(&format!("{ALL}?{query}")).await.is(200).body;
        assert_eq!(keys(&list), expected, "{query}");
    }
    for bad in ["type=int", "state=gone", "lifetime=x", "sort=x", "owner=x", "client_side=1", "x=1"]
    {
        let place = format!("?{}", bad.split('=').next().unwrap());
        let reply = world.get(&format!("{ALL}?{bad}")).await;
        assert_eq!(reply.problem(400, "FF-1009"), [place]);
    }
}

#[tokio::test]
async fn an_archived_flag_is_kept_and_comes_back() {
    let world = World::furnished().await;
    let archived = world.act(&format!("{CHECKOUT}/archive")).await.is(200);
    assert_eq!(archived.body["archived"], true);
    world.act(&format!("{CHECKOUT}/environments/production/on")).await.problem(409, "FF-1202");
    world.post(ALL, flag("checkout")).await.problem(409, "FF-1201");
    assert_eq!(world.get(CHECKOUT).await.is(200).body["archived"], true);
    world.act(&format!("{CHECKOUT}/restore")).await.is(200);
    assert_eq!(world.get(CHECKOUT).await.body["archived"], false);
    world.act(&format!("{CHECKOUT}/restore")).await.problem(409, "FF-1203");
}

#[tokio::test]
async fn the_past_can_be_seen() {
    let world = World::furnished().await;
    let first = world.get(CHECKOUT).await.is(200);
    let then = first.body["position"].as_str().unwrap().to_owned();
    world.change(Method::PATCH, CHECKOUT, 1, json!({"name": "Later"})).await.is(200);
    let past = world.get(&format!("{CHECKOUT}?as_of={then}")).await.is(200);
    assert_eq!((&past.body["name"], &past.body["version"]), (&json!("checkout"), &json!(1)));
    assert_eq!(past.body["position"], *then);
    assert!(!past.headers.contains_key("etag"));
    world.get(&format!("{CHECKOUT}?as_of=1")).await.problem(404, "FF-1006");
    let odd = world.get(&format!("{CHECKOUT}?as_of=yesterday")).await;
    assert_eq!(odd.problem(400, "FF-1009"), ["?as_of"]);

    let history = world.get(&format!("{CHECKOUT}/history")).await.is(200).body;
    let events: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|e| &e["event"]["type"]).collect();
    assert_eq!(events, ["flag.created", "flag.renamed"]);
    assert_eq!(history["items"][0]["position"], *then);
    world.get(&format!("{ALL}/none/history")).await.problem(404, "FF-1006");
}

#[tokio::test]
async fn an_evaluation_is_explained() {
    let world = World::furnished().await;
    let pro = json!({"attribute": "plan", "operator": "eq", "value": "pro"});
    let segment = json!({"key": "pros", "name": "Pros", "members": {"rules": [pro]}});
    world.post("/orgs/acme/projects/web/segments", segment).await.is(201);
    world.post(ALL, flag("base")).await.is(201);
    world.act(&format!("{ALL}/base/environments/production/on")).await.is(200);
    let there = format!("{CHECKOUT}/environments/production");
    let targeting = json!({
        "off_variation": "off", "default": {"variation": "off"},
        "prerequisites": [{"flag": "base", "variations": ["on"]}],
        "rules": [{"id": "r1", "if": {"operator": "in_segment", "value": ["pros"]}, "then": {"variation": "on"}}],
    });
    world.change(Method::PUT, &format!("{there}/targeting"), 1, targeting).await.is(200);
    let on = world.act(&format!("{there}/on")).await.is(200);

    let explain = |context: Value| {
        let body = json!({"context": context});
        world.send(
            world
                .request(Method::POST, &format!("{there}/explain"))
                .header("FF-Min-Position", on.header("ff-position"))
                .json(&body),
        )
    };
    let pro = explain(json!({"targetingKey": "ada", "plan": "pro"})).await.is(200).body;
    assert_eq!((&pro["value"], &pro["reason"]), (&json!(true), &json!("TARGETING_MATCH")));
    assert_eq!((&pro["rule"], &pro["flag"]), (&json!("r1"), &json!("checkout")));
    assert!(pro["steps"].to_string().contains("pros"));
    let free = explain(json!({"targetingKey": "bob", "plan": "free"})).await.is(200).body;
    assert_eq!((&free["value"], &free["reason"]), (&json!(false), &json!("DEFAULT")));

    // As it was before it was turned on, and before there was such a rule.
    world.act(&format!("{there}/off")).await.is(200);
    let was = |as_of: Value| {
        let context = json!({"targetingKey": "ada", "plan": "pro"});
        let body = json!({"context": context, "as_of": as_of});
        let request = world.request(Method::POST, &format!("{there}/explain"));
        world.send(request.json(&body))
    };
    let position = on.header("ff-position");
    let past = was(json!(position)).await.is(200).body;
    assert_eq!((&past["value"], &past["rule"]), (&json!(true), &json!("r1")));
    assert_eq!(past["position"], json!(position));
    let earlier: u64 = position.parse().unwrap();
    let earlier = was(json!((earlier - 1).to_string())).await.is(200).body;
    assert_eq!((&earlier["value"], &earlier["reason"]), (&json!(false), &json!("DISABLED")));
    was(json!("1")).await.problem(404, "FF-1006");
    assert_eq!(was(json!(1)).await.problem(422, "FF-1001"), ["/as_of"]);

    let odd = explain(json!({"targetingKey": {}})).await;
    assert_eq!(odd.problem(422, "FF-1001"), ["/context/targetingKey"]);
    let nowhere = format!("{CHECKOUT}/environments/none/explain");
    world.post(&nowhere, json!({"context": {}})).await.problem(404, "FF-1006");
}
