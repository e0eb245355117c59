//! Events, good and bad.

use serde_json::{Value, json};

use super::*;

const ID: &str = "0b9c2c8e-6d0f-4a53-9f0e-3f6d2a1b7c4d";

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn exposure() -> Value {
    json!({"type": "exposure", "id": ID, "at": "2026-06-01T00:00:00Z", "user_key": "u", "flag": "f",
        "variation": "on"})
}

fn metric() -> Value {
    json!({"type": "metric", "id": ID, "at": "2026-06-01T00:00:00Z", "user_key": "u", "metric": "m"})
}

fn rejected(event: &str) -> (String, String) {
    let rejection = Event::read(event, now()).expect_err(event);
    let document = serde_json::to_value(rejection).unwrap();
    let text = |name: &str| document[name].as_str().unwrap().to_owned();
    (text("pointer"), text("code"))
}

#[test]
fn a_good_event_is_read() {
    let mut event = exposure();
    event["rule"] = json!("e:1");
    event["experiment"] = json!("e");
    event["position"] = json!("281474976710663");
    event["user_key"] = json!("\u{e9}\"\n");
    event["later"] = json!({"sdk": [1]});
    let text = event.to_string();
    let Ok(Event::Exposure(read)) = Event::read(&text, now()) else { panic!("{text}") };
    assert_eq!(read.id.to_string(), ID);
    assert_eq!((&*read.user_key, read.config), ("\u{e9}\"\n", 281_474_976_710_663));
    assert_eq!((read.rule.as_deref(), read.experiment.as_deref()), (Some("e:1"), Some("e")));

    let text = metric().to_string();
    let Ok(Event::Metric(read)) = Event::read(&text, now()) else { panic!("{text}") };
    assert_eq!((&*read.metric, read.value), ("m", 1.0));
}

#[test]
fn a_bad_member_is_named() {
    let long = |length: usize| json!("x".repeat(length));
    let many: serde_json::Map<String, Value> =
        (0..65).map(|number| (number.to_string(), json!(1))).collect();
    let deep = (0..9).fold(json!(1), |inner, _| json!([inner]));
    for (member, value, pointer, code) in [
        ("type", json!("click"), "/type", "FF-4124"),
        ("type", json!(null), "/type", "FF-4122"),
        ("id", json!("7"), "/id", "FF-4125"),
        ("id", json!(Uuid::nil()), "/id", "FF-4125"),
        ("id", json!(7), "/id", "FF-4123"),
        ("at", json!("yesterday"), "/at", "FF-4126"),
        ("at", long(1000), "/at", "FF-4129"),
        ("at", json!(1_700_000_000), "/at", "FF-4123"),
        ("at", json!("2026-06-02T00:00:01Z"), "/at", "FF-4127"),
        ("at", json!("2025-04-26T23:59:59Z"), "/at", "FF-4128"),
        ("user_key", json!(""), "/user_key", "FF-4129"),
        ("user_key", long(10 * 1024), "/user_key", "FF-4129"),
        ("user_key", json!(["u"]), "/user_key", "FF-4123"),
        ("flag", json!(null), "/flag", "FF-4122"),
        ("flag", json!("a b"), "/flag", "FF-4130"),
        ("flag", long(129), "/flag", "FF-4129"),
        ("variation", json!("-on"), "/variation", "FF-4130"),
        ("experiment", json!({}), "/experiment", "FF-4123"),
        ("rule", json!("a\u{7}"), "/rule", "FF-4130"),
        ("position", json!("-1"), "/position", "FF-4133"),
        ("position", json!(1.5), "/position", "FF-4133"),
        ("attributes", json!([]), "/attributes", "FF-4123"),
        ("attributes", Value::Object(many), "/attributes", "FF-4132"),
        ("attributes", json!({"a/b": deep}), "/attributes/a~1b", "FF-4132"),
        ("attributes", json!({"a": "x".repeat(2049)}), "/attributes/a", "FF-4129"),
        ("attributes", json!({"": 1}), "/attributes/", "FF-4129"),
        ("attributes", json!({"\u{0}": 1}), "/attributes/\u{0}", "FF-4130"),
        ("private", json!("email"), "/private", "FF-4123"),
        ("private", json!([1]), "/private/0", "FF-4123"),
        ("filler", long(65 * 1024), "", "FF-4121"),
    ] {
        let mut event = exposure();
        event[member] = value;
        let expected = (pointer.to_owned(), code.to_owned());
        assert_eq!(rejected(&event.to_string()), expected, "{member}");
    }
}

#[test]
fn a_value_is_a_finite_number_of_a_sensible_size() {
    for (value, code) in [
        ("1e308", "FF-4131"),
        ("1e999", "FF-4131"),
        ("-1000000000001", "FF-4131"),
        ("\"NaN\"", "FF-4123"),
        ("\"1\"", "FF-4123"),
        ("true", "FF-4123"),
        ("[1]", "FF-4123"),
    ] {
        let event = metric().to_string().replacen('{', &format!("{{\"value\":{value},"), 1);
        assert_eq!(rejected(&event), ("/value".to_owned(), code.to_owned()), "{value}");
    }
    for (value, number) in [("-1e12", -1e12), ("0", 0.0), ("1E-400", 0.0), ("2.5", 2.5)] {
        let event = metric().to_string().replacen('{', &format!("{{\"value\":{value},"), 1);
        let Ok(Event::Metric(read)) = Event::read(&event, now()) else { panic!("{value}") };
        assert_eq!(read.value, number);
    }
}

#[test]
fn what_is_no_event_is_said_to_be_none() {
    let twice = exposure().to_string().replacen('{', "{\"flag\":\"f\",", 1);
    let surrogate = exposure().to_string().replace("\"u\"", r#""\ud800""#);
    for event in ["", "7", "[]", "null", "{", "{\"type\":}", &twice] {
        assert_eq!(rejected(event), (String::new(), "FF-4120".to_owned()), "{event}");
    }
    assert_eq!(rejected(&surrogate), ("/user_key".to_owned(), "FF-4120".to_owned()));
}

#[test]
fn an_event_nests_up_to_a_depth() {
    let event = |depth: usize| {
        let deep = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        exposure().to_string().replacen('{', &format!("{{\"x\":{deep},"), 1)
    };
    assert!(Event::read(&event(64), now()).is_ok());
    for depth in [65, 30_000] {
        assert_eq!(rejected(&event(depth)), (String::new(), "FF-4132".to_owned()), "{depth}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[\\[\\]{}\",:0-9a-z\\\\ ]*") {
        let _ = Event::read(&text, now());
    }
}
