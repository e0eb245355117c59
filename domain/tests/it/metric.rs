//! Metrics: their life, their versions, and what makes a definition.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    Item, Metric, MetricCommand, MetricError, MetricEvent, ProjectCommand, References, UserId,
    metric::{CreateMetric, MetricDefinition, MetricDetails},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{after, from, key, pointers, project};

fn new_metric() -> CreateMetric {
    from(json!({"project": project(), "key": "orders", "name": "Orders", "definition": count()}))
}

fn count() -> Value {
    json!({"kind": {"type": "count", "event": "order"}, "better": "higher"})
}

fn created() -> MetricEvent {
    MetricEvent::Created(new_metric())
}

fn given(events: impl IntoIterator<Item = MetricEvent>) -> AggregateTestExecutor<Metric> {
    TestFramework::with(()).given(std::iter::once(created()).chain(events).collect())
}

fn create(new: CreateMetric) -> Result<Vec<MetricEvent>, MetricError> {
    TestFramework::<Metric>::with(())
        .given_no_previous_events()
        .when(MetricCommand::Create(new))
        .inspect_result()
}

fn places(error: MetricError) -> Vec<String> {
    let MetricError::Invalid(problems) = &error else { panic!("{error:?}") };
    pointers(problems).iter().map(|(pointer, _)| (*pointer).to_owned()).collect()
}

#[test]
fn it_is_created_once() {
    assert_eq!(create(new_metric()), Ok(vec![created()]));
    for events in [vec![], vec![MetricEvent::Archived {}]] {
        given(events)
            .when(MetricCommand::Create(new_metric()))
            .then_expect_error(MetricError::AlreadyExists(key("orders")));
    }
    TestFramework::<Metric>::with(())
        .given_no_previous_events()
        .when(MetricCommand::Archive)
        .then_expect_error(MetricError::NotFound);
}

#[test]
fn another_definition_is_another_version() {
    let other: MetricDefinition =
        from(json!({"kind": {"type": "binomial", "event": "order"}, "better": "higher"}));
    let redefined = |version| MetricEvent::Redefined { definition: other.clone(), version };
    let redefine = || MetricCommand::Redefine(other.clone());
    given([]).when(redefine()).then_expect_events(vec![redefined(2)]);
    given([redefined(2)]).when(redefine()).then_expect_events(vec![]);
    given([redefined(2)])
        .when(MetricCommand::Redefine(from(count())))
        .then_expect_events(vec![MetricEvent::Redefined { definition: from(count()), version: 3 }]);
    let metric: Metric = after([created(), redefined(2)]);
    assert_eq!(metric.state().unwrap().version, 2);
    assert_eq!(metric.state().unwrap().definition, other);
    let metric: Metric = after([created()]);
    assert_eq!(metric.state().unwrap().version, 1);
}

#[test]
fn details_change_one_by_one() {
    let owner = UserId(Uuid::from_u128(7));
    let details = MetricDetails {
        name: Some("Purchases".to_owned()),
        description: Some("Of all kinds.".to_owned()),
        tags: Some(["money".to_owned()].into()),
        owner: Some(Some(owner)),
    };
    let events = vec![
        MetricEvent::Renamed { name: "Purchases".to_owned() },
        MetricEvent::Described { description: "Of all kinds.".to_owned() },
        MetricEvent::TagsReplaced { tags: ["money".to_owned()].into() },
        MetricEvent::OwnerChanged { owner: Some(owner) },
    ];
    let command = MetricCommand::ChangeDetails(details);
    given([]).when(command.clone()).then_expect_events(events.clone());
    given(events).when(command).then_expect_events(vec![]);
    let blank = MetricDetails { name: Some(" ".to_owned()), ..MetricDetails::default() };
    let error = given([]).when(MetricCommand::ChangeDetails(blank)).inspect_result().unwrap_err();
    assert_eq!(places(error), ["/name"]);
}

#[test]
fn the_project_is_asked_before_it_goes() {
    given([]).when(MetricCommand::Archive).then_expect_events(vec![MetricEvent::Archived {}]);
    let archived = || given([MetricEvent::Archived {}]);
    archived().when(MetricCommand::Archive).then_expect_events(vec![]);
    archived()
        .when(MetricCommand::Redefine(from(count())))
        .then_expect_error(MetricError::Archived(key("orders")));
    archived().when(MetricCommand::Restore).then_expect_events(vec![MetricEvent::Restored {}]);
    given([])
        .when(MetricCommand::Restore)
        .then_expect_error(MetricError::NotArchived(key("orders")));

    let live: Metric = after([created()]);
    let gone: Metric = after([created(), MetricEvent::Archived {}]);
    let item = Item::Metric(key("orders"));
    assert_eq!(Metric::Absent.project_command(&live), None);
    let retire = ProjectCommand::Retire { item: item.clone() };
    assert_eq!(live.project_command(&gone), Some(retire));
    let reinstate = ProjectCommand::Reinstate { item, references: References::default() };
    assert_eq!(gone.project_command(&live), Some(reinstate));
}

#[test]
fn each_mistake_names_its_place() {
    let good = [
        json!({"kind": {"type": "mean", "event": "order"}, "better": "higher", "unit": "EUR",
            "cap": {"type": "value", "value": "0.000001"}, "window_hours": 9600}),
        json!({"kind": {"type": "quantile", "event": "load", "percentile": 99.9},
            "better": "lower", "unit": "ms", "covariate_days": 90}),
        json!({"kind": {"type": "retention", "event": "visit", "from_day": 7, "to_day": 14},
            "better": "higher"}),
        json!({"kind": {"type": "funnel", "steps": ["cart", "pay"]}, "better": "higher"}),
        json!({"kind": {"type": "ratio", "numerator": {"event": "a", "take": "sum"},
            "denominator": {"event": "a", "take": "count"}}, "better": "higher",
            "cap": {"type": "percentile", "percentile": 99}}),
    ];
    for definition in good {
        let new = CreateMetric { definition: from(definition.clone()), ..new_metric() };
        assert!(create(new).is_ok(), "{definition}");
    }
    let event = |kind: &str| json!({"type": kind, "event": "e"});
    let same = json!({"event": "a", "take": "sum"});
    let bad = [
        (json!({"kind": {"type": "count", "event": ""}}), "/kind/event"),
        (json!({"kind": {"type": "count", "event": " a"}}), "/kind/event"),
        (json!({"kind": {"type": "mean", "event": "x".repeat(129)}}), "/kind/event"),
        (json!({"kind": {"type": "funnel", "steps": ["a"]}}), "/kind/steps"),
        (json!({"kind": {"type": "funnel", "steps": ["a", "\n"]}}), "/kind/steps/1"),
        (
            json!({"kind": {"type": "quantile", "event": "e", "percentile": 100}}),
            "/kind/percentile",
        ),
        (json!({"kind": {"type": "quantile", "event": "e", "percentile": 0}}), "/kind/percentile"),
        (
            json!({"kind": {"type": "retention", "event": "e", "from_day": 7, "to_day": 7}}),
            "/kind/to_day",
        ),
        (
            json!({"kind": {"type": "retention", "event": "e", "from_day": 7, "to_day": 401}}),
            "/kind/to_day",
        ),
        (
            json!({"kind": {"type": "ratio", "numerator": same, "denominator": same}}),
            "/kind/denominator",
        ),
        (json!({"unit": "x".repeat(33)}), "/unit"),
        (json!({"cap": {"type": "value", "value": "0"}}), "/cap/value"),
        (json!({"cap": {"type": "percentile", "percentile": 100}}), "/cap/percentile"),
        (json!({"kind": event("binomial"), "cap": {"type": "value", "value": "1"}}), "/cap"),
        (json!({"window_hours": 0}), "/window_hours"),
        (json!({"window_hours": 9601}), "/window_hours"),
        (
            json!({"kind": {"type": "retention", "event": "e", "from_day": 1, "to_day": 2},
                "window_hours": 24}),
            "/window_hours",
        ),
        (json!({"covariate_days": 91}), "/covariate_days"),
    ];
    for (parts, pointer) in bad {
        let mut definition = count();
        let Value::Object(parts) = parts else { unreachable!() };
        definition.as_object_mut().unwrap().extend(parts);
        let definition: MetricDefinition = from(definition);
        let error = given([]).when(MetricCommand::Redefine(definition.clone())).inspect_result();
        assert_eq!(places(error.unwrap_err()), [pointer]);
        let error = create(CreateMetric { definition, ..new_metric() }).unwrap_err();
        assert_eq!(places(error), [format!("/definition{pointer}")]);
    }
}

#[test]
fn a_definition_names_its_events() {
    let events = |kind: Value| {
        let definition: MetricDefinition = from(json!({"kind": kind, "better": "lower"}));
        definition.events().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(events(json!({"type": "count", "event": "a"})), ["a"]);
    assert_eq!(events(json!({"type": "funnel", "steps": ["b", "a", "b"]})), ["a", "b"]);
    let ratio = json!({"type": "ratio", "numerator": {"event": "n", "take": "sum"},
        "denominator": {"event": "d", "take": "count"}});
    assert_eq!(events(ratio), ["d", "n"]);
}
