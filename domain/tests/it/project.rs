//! Projects, and what flags and segments mention.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{Item, Project, ProjectCommand, ProjectError, ProjectEvent, References};
use serde_json::{Value, json};

use crate::fixture::{after, from, key, organization};

fn created() -> ProjectEvent {
    from(json!({"type": "project.created", "data": {
        "organization": organization(), "key": "shop", "name": "Shop", "description": ""}}))
}

fn flag(name: &str) -> Item {
    Item::Flag(key(name))
}

fn segment(name: &str) -> Item {
    Item::Segment(key(name))
}

fn references(json: Value) -> References {
    from(json)
}

/// Mentions of `on` of a flag in `prod`.
fn waits_for(other: &str) -> References {
    references(json!({"flags": {"prod": {other: ["on"]}}}))
}

fn includes(other: &str) -> References {
    references(json!({"segments": [other]}))
}

fn mentions(item: Item, references: References) -> ProjectEvent {
    ProjectEvent::ReferencesReplaced { item, references }
}

fn set(item: Item, references: References) -> ProjectCommand {
    ProjectCommand::SetReferences { item, references }
}

fn given(events: impl IntoIterator<Item = ProjectEvent>) -> AggregateTestExecutor<Project> {
    TestFramework::with(()).given(std::iter::once(created()).chain(events).collect())
}

#[test]
fn it_is_created_once_and_changes_its_details() {
    let create = ProjectCommand::Create {
        organization: organization(),
        key: key("shop"),
        name: "Shop".to_owned(),
        description: String::new(),
    };
    let framework = || TestFramework::<Project>::with(());
    framework().given_no_previous_events().when(create.clone()).then_expect_events(vec![created()]);
    given([]).when(create).then_expect_error(ProjectError::AlreadyExists(key("shop")));

    let change = |name: Option<&str>, description: Option<&str>| ProjectCommand::ChangeDetails {
        name: name.map(str::to_owned),
        description: description.map(str::to_owned),
    };
    given([]).when(change(Some("Store"), Some("Sells"))).then_expect_events(vec![
        ProjectEvent::Renamed { name: "Store".to_owned() },
        ProjectEvent::Described { description: "Sells".to_owned() },
    ]);
    given([]).when(change(Some("Shop"), Some(""))).then_expect_events(vec![]);
    let error = given([]).when(change(Some(" "), None)).inspect_result().unwrap_err();
    assert!(matches!(error, ProjectError::Invalid(_)), "{error:?}");
    framework()
        .given_no_previous_events()
        .when(change(None, None))
        .then_expect_error(ProjectError::NotFound);
}

#[test]
fn a_circle_of_flags_is_told_as_the_way_round() {
    let events = [mentions(flag("b"), waits_for("c")), mentions(flag("c"), waits_for("d"))];
    let answer = given(events.clone()).when(set(flag("d"), waits_for("b")));
    let error = answer.inspect_result().unwrap_err();
    let ProjectError::Cycle(way) = &error else { panic!("{error:?}") };
    assert_eq!(way, &[flag("d"), flag("b"), flag("c"), flag("d")]);
    assert_eq!(
        error.to_string(),
        "flag `d` would depend on itself: flag `d` → flag `b` → flag `c` → flag `d`"
    );
    let own = given(events.clone()).when(set(flag("a"), waits_for("a"))).inspect_result();
    assert_eq!(own, Err(ProjectError::Cycle(vec![flag("a"), flag("a")])));
    let fine = waits_for("b");
    given(events)
        .when(set(flag("a"), fine.clone()))
        .then_expect_events(vec![mentions(flag("a"), fine)]);
}

#[test]
fn a_circle_exists_within_one_environment_only() {
    let elsewhere = references(json!({"flags": {"dev": {"a": ["on"]}}}));
    given([mentions(flag("a"), waits_for("b"))])
        .when(set(flag("b"), elsewhere.clone()))
        .then_expect_events(vec![mentions(flag("b"), elsewhere)]);
}

#[test]
fn a_circle_of_segments_is_refused() {
    let events = [mentions(segment("a"), includes("b")), mentions(segment("b"), includes("c"))];
    let error = given(events).when(set(segment("c"), includes("a"))).inspect_result();
    let way = vec![segment("c"), segment("a"), segment("b"), segment("c")];
    assert_eq!(error, Err(ProjectError::Cycle(way)));
}

#[test]
fn a_flag_and_a_segment_of_one_key_are_two_things() {
    given([mentions(flag("a"), includes("a"))])
        .when(set(segment("b"), includes("a")))
        .then_expect_events(vec![mentions(segment("b"), includes("a"))]);
    given([mentions(flag("b"), includes("a"))])
        .when(ProjectCommand::Retire { item: flag("a") })
        .then_expect_events(vec![ProjectEvent::ItemRetired { item: flag("a") }]);
}

#[test]
fn what_is_used_cannot_be_archived() {
    let events = [mentions(flag("a"), includes("beta")), mentions(segment("s"), includes("beta"))];
    let retire = || ProjectCommand::Retire { item: segment("beta") };
    let error = given(events.clone()).when(retire()).inspect_result().unwrap_err();
    assert_eq!(
        error.to_string(),
        "segment `beta` is used by flag `a`, segment `s`; remove it there first"
    );
    let unused =
        [mentions(flag("a"), References::default()), mentions(segment("s"), includes("x"))];
    given(events.into_iter().chain(unused))
        .when(retire())
        .then_expect_events(vec![ProjectEvent::ItemRetired { item: segment("beta") }]);
}

#[test]
fn what_is_archived_is_not_mentioned_and_mentions_nothing() {
    let retired = ProjectEvent::ItemRetired { item: flag("b") };
    let events = [mentions(flag("b"), waits_for("c")), retired];
    given(events.clone())
        .when(set(flag("a"), waits_for("b")))
        .then_expect_error(ProjectError::Retired(flag("b")));
    // It lets go of what it mentioned.
    given(events.clone())
        .when(ProjectCommand::Retire { item: flag("c") })
        .then_expect_events(vec![ProjectEvent::ItemRetired { item: flag("c") }]);
    let reinstate = ProjectCommand::Reinstate { item: flag("b"), references: waits_for("c") };
    let reinstated = ProjectEvent::ItemReinstated { item: flag("b"), references: waits_for("c") };
    given(events.clone()).when(reinstate.clone()).then_expect_events(vec![reinstated.clone()]);
    given(events.clone().into_iter().chain([ProjectEvent::ItemRetired { item: flag("c") }]))
        .when(reinstate.clone())
        .then_expect_error(ProjectError::Retired(flag("c")));
    // Meanwhile others may have come to depend the other way round.
    let error = given(events.clone().into_iter().chain([
        mentions(flag("c"), waits_for("d")),
        mentions(flag("d"), references(json!({"flags": {"prod": {"b": ["on"]}}}))),
    ]))
    .when(reinstate)
    .inspect_result();
    assert!(matches!(error, Err(ProjectError::Cycle(_))), "{error:?}");
    let project = after::<Project>(std::iter::once(created()).chain(events).chain([reinstated]));
    let Project::Live(state) = project else { panic!("it is live") };
    assert!(state.retired.is_empty());
    assert_eq!(state.used_by(&flag("c")).collect::<Vec<_>>(), [&flag("b")]);
}

#[test]
fn a_variation_that_others_wait_for_stays() {
    let retire = |variation: &str| ProjectCommand::RetireVariations {
        flag: key("base"),
        variations: [key(variation)].into(),
    };
    let events = || [mentions(flag("a"), waits_for("base"))];
    let error = given(events()).when(retire("on")).inspect_result().unwrap_err();
    assert_eq!(
        error.to_string(),
        "variation `on` of flag `base` is used by flag `a`; remove it there first"
    );
    given(events()).when(retire("off")).then_expect_events(vec![ProjectEvent::VariationsRetired {
        flag: key("base"),
        variations: [key("off")].into(),
    }]);
}

#[test]
fn the_same_mentions_are_no_change() {
    given([mentions(flag("a"), waits_for("b"))])
        .when(set(flag("a"), waits_for("b")))
        .then_expect_events(vec![]);
    given([]).when(set(flag("a"), References::default())).then_expect_events(vec![]);
}

#[test]
fn an_item_is_text() {
    for (item, text) in [
        (flag("a.b"), "\"flag:a.b\""),
        (segment("beta"), "\"segment:beta\""),
        (Item::Experiment(key("x")), "\"experiment:x\""),
        (Item::Metric(key("orders")), "\"metric:orders\""),
    ] {
        assert_eq!(serde_json::to_string(&item).unwrap(), text);
        assert_eq!(serde_json::from_str::<Item>(text).unwrap(), item);
    }
    for bad in ["\"flag\"", "\"flag:\"", "\"layer:a\"", "\"flag:a b\"", "7"] {
        assert!(serde_json::from_str::<Item>(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_an_experiment_mentions_stays() {
    let x = Item::Experiment(key("x"));
    let needs: References = from(json!({
        "flags": {"dev": {"a": ["on"]}}, "segments": ["beta"], "metrics": ["orders"]}));
    let metric = Item::Metric(key("orders"));
    for item in [flag("a"), segment("beta"), metric.clone()] {
        given([mentions(x.clone(), needs.clone())])
            .when(ProjectCommand::Retire { item: item.clone() })
            .then_expect_error(ProjectError::StillUsed { item, by: vec![x.clone()] });
    }
    given([ProjectEvent::ItemRetired { item: metric.clone() }])
        .when(set(x.clone(), needs.clone()))
        .then_expect_error(ProjectError::Retired(metric));
    // A flag that waits for the flag of an experiment closes no circle with it.
    given([mentions(x.clone(), needs)])
        .when(set(flag("a"), waits_for("b")))
        .then_expect_events(vec![mentions(flag("a"), waits_for("b"))]);
}
