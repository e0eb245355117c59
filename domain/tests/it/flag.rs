//! Flags: their life, their details and their variations. Targeting is in `targeting`.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    Flag, FlagCommand, FlagError, FlagEvent, Item, ProjectCommand, UserId,
    flag::{CreateFlag, FlagDetails, Lifetime},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{created, facts, from, key, live, new_flag, pointers, replaced, rule};

pub(crate) fn given(events: impl IntoIterator<Item = FlagEvent>) -> AggregateTestExecutor<Flag> {
    TestFramework::with(facts()).given(std::iter::once(created()).chain(events).collect())
}

fn create(new: CreateFlag) -> Result<Vec<FlagEvent>, FlagError> {
    TestFramework::<Flag>::with(facts())
        .given_no_previous_events()
        .when(FlagCommand::Create(Box::new(new)))
        .inspect_result()
}

fn add(variation: Value) -> FlagCommand {
    FlagCommand::AddVariation(from(variation))
}

fn change(variation: &str, name: Option<&str>, value: Option<Value>) -> FlagCommand {
    FlagCommand::ChangeVariation { key: variation.to_owned(), name: name.map(str::to_owned), value }
}

fn remove(variation: &str) -> FlagCommand {
    FlagCommand::RemoveVariation { key: variation.to_owned() }
}

fn turn_on(environment: &str) -> FlagCommand {
    FlagCommand::TurnOn { environment: key(environment) }
}

fn on(environment: &str) -> FlagEvent {
    FlagEvent::TurnedOn { environment: key(environment) }
}

fn off(environment: &str) -> FlagEvent {
    FlagEvent::TurnedOff { environment: key(environment) }
}

fn places(error: FlagError) -> Vec<String> {
    let FlagError::Invalid(problems) = &error else { panic!("{error:?}") };
    pointers(problems).iter().map(|(pointer, _)| (*pointer).to_owned()).collect()
}

#[test]
fn it_is_created_once() {
    assert_eq!(create(new_flag()), Ok(vec![created()]));
    for events in [vec![], vec![FlagEvent::Archived {}]] {
        given(events)
            .when(FlagCommand::Create(Box::new(new_flag())))
            .then_expect_error(FlagError::AlreadyExists(key("checkout")));
    }
    TestFramework::<Flag>::with(facts())
        .given_no_previous_events()
        .when(turn_on("dev"))
        .then_expect_error(FlagError::NotFound);
}

#[test]
fn each_mistake_in_a_new_flag_names_its_place() {
    let variations = |json: Value| CreateFlag { variations: from(json), ..new_flag() };
    let red = json!({"key": "red", "value": "#f00"});
    let green = json!({"key": "green", "value": "#0f0"});
    let cases = [
        (CreateFlag { name: String::new(), ..new_flag() }, "/name"),
        (CreateFlag { tags: ["a ".to_owned()].into(), ..new_flag() }, "/tags/0"),
        (variations(json!([])), "/variations"),
        (variations(json!([red, green, {"key": " b", "value": "x"}])), "/variations/2/key"),
        (variations(json!([red, green, {"key": "b", "value": 7}])), "/variations/2/value"),
        (
            variations(json!([red, green, {"key": "b", "name": " ", "value": "x"}])),
            "/variations/2/name",
        ),
        (
            variations(json!([red, green, {"key": "b", "value": "x".repeat(65_536)}])),
            "/variations/2/value",
        ),
        (
            CreateFlag {
                initial: from(json!({"off_variation": "none", "default_variation": "red"})),
                ..new_flag()
            },
            "/initial/off_variation",
        ),
        (
            CreateFlag {
                initial: from(json!({"off_variation": "red", "default_variation": "none"})),
                ..new_flag()
            },
            "/initial/default_variation",
        ),
    ];
    for (new, pointer) in cases {
        let places = places(create(new).unwrap_err());
        assert!(places.iter().any(|place| place == pointer), "{pointer}: {places:?}");
    }
    let twice = places(create(variations(json!([red, green, red]))).unwrap_err());
    assert!(twice.iter().all(|place| place.starts_with("/variations/2")), "{twice:?}");
}

#[test]
fn a_value_is_of_the_flag_s_type() {
    let cases = [
        ("boolean", json!(true), json!("true")),
        ("string", json!("1"), json!(1)),
        ("number", json!(1.5), json!("1.5")),
        ("json", json!([1]), json!(1)),
        ("json", json!({}), json!(null)),
    ];
    for (kind, good, bad) in cases {
        let with = |value: Value| CreateFlag {
            kind: from(json!(kind)),
            variations: from(
                json!([{"key": "red", "value": value}, {"key": "green", "value": value}]),
            ),
            ..new_flag()
        };
        assert!(create(with(good.clone())).is_ok(), "{kind} {good}");
        assert_eq!(
            places(create(with(bad.clone())).unwrap_err()),
            ["/variations/0/value", "/variations/1/value"],
            "{kind} {bad}"
        );
    }
}

#[test]
fn it_is_turned_on_and_off_per_environment() {
    given([]).when(turn_on("dev")).then_expect_events(vec![on("dev")]);
    given([on("dev")]).when(turn_on("dev")).then_expect_events(vec![]);
    given([on("dev")]).when(turn_on("prod")).then_expect_events(vec![on("prod")]);
    let turn_off = || FlagCommand::TurnOff { environment: key("dev") };
    given([on("dev")]).when(turn_off()).then_expect_events(vec![off("dev")]);
    given([]).when(turn_off()).then_expect_events(vec![]);
    given([]).when(turn_on("qa")).then_expect_error(FlagError::UnknownEnvironment(key("qa")));
    let flag = live([on("dev"), on("prod"), off("prod")]);
    let state = flag.state().unwrap();
    assert!(state.environment(&key("dev")).enabled);
    assert!(!state.environment(&key("prod")).enabled);
    assert!(!state.definition(&key("never-touched")).enabled);
    assert_eq!(state.definition(&key("dev")).off_variation, "red");
}

#[test]
fn details_change_one_by_one() {
    let owner = UserId(Uuid::from_u128(7));
    let details = FlagDetails {
        name: Some("Payment".to_owned()),
        description: Some(String::new()),
        tags: Some(["pay".to_owned()].into()),
        owner: Some(Some(owner)),
        lifetime: Some(Lifetime::Permanent),
        client_side: Some(true),
    };
    let events = vec![
        FlagEvent::Renamed { name: "Payment".to_owned() },
        FlagEvent::TagsReplaced { tags: ["pay".to_owned()].into() },
        FlagEvent::OwnerChanged { owner: Some(owner) },
        FlagEvent::LifetimeChanged { lifetime: Lifetime::Permanent },
        FlagEvent::ClientSideChanged { client_side: true },
    ];
    let command = FlagCommand::ChangeDetails(details);
    given([]).when(command.clone()).then_expect_events(events.clone());
    given(events.clone()).when(command).then_expect_events(vec![]);
    let nobody = FlagDetails { owner: Some(None), ..FlagDetails::default() };
    given(events)
        .when(FlagCommand::ChangeDetails(nobody))
        .then_expect_events(vec![FlagEvent::OwnerChanged { owner: None }]);
    let blank = FlagDetails { name: Some(" ".to_owned()), ..FlagDetails::default() };
    let error = given([]).when(FlagCommand::ChangeDetails(blank)).inspect_result().unwrap_err();
    assert_eq!(places(error), ["/name"]);
}

#[test]
fn variations_are_added_and_changed() {
    let black = json!({"key": "black", "name": "Black", "value": "#000"});
    given([])
        .when(add(black.clone()))
        .then_expect_events(vec![FlagEvent::VariationAdded { variation: from(black) }]);
    for (wrong, pointer) in [
        (json!({"key": "red", "value": "#f00"}), "/key"),
        (json!({"key": "a\n", "value": "#f00"}), "/key"),
        (json!({"key": "black", "value": 0}), "/value"),
    ] {
        let error = given([]).when(add(wrong)).inspect_result().unwrap_err();
        let places = places(error);
        assert!(places.iter().any(|place| place == pointer || place.is_empty()), "{places:?}");
    }
    given([]).when(change("red", Some("Red"), Some(json!("#e00")))).then_expect_events(vec![
        FlagEvent::VariationRenamed { key: "red".to_owned(), name: "Red".to_owned() },
        FlagEvent::VariationValueChanged { key: "red".to_owned(), value: json!("#e00") },
    ]);
    given([]).when(change("red", None, Some(json!("#f00")))).then_expect_events(vec![]);
    let error = given([]).when(change("red", None, Some(json!(1)))).inspect_result().unwrap_err();
    assert_eq!(places(error), ["/value"]);
    given([]).when(change("pink", None, None)).then_expect_error(FlagError::UnknownVariation {
        flag: key("checkout"),
        variation: "pink".to_owned(),
    });
}

#[test]
fn variations_have_a_limit() {
    let added = |number: usize| FlagEvent::VariationAdded {
        variation: from(json!({"key": format!("v{number}"), "value": "x"})),
    };
    let one_more = || add(json!({"key": "last", "value": "x"}));
    assert!(given((3..99).map(added)).when(one_more()).inspect_result().is_ok());
    let error = given((3..100).map(added)).when(one_more()).inspect_result().unwrap_err();
    assert_eq!(places(error), [""]);
}

#[test]
fn a_variation_that_is_served_stays() {
    given([])
        .when(remove("blue"))
        .then_expect_events(vec![FlagEvent::VariationRemoved { key: "blue".to_owned() }]);
    let rollout = json!({"default": {"rollout": {"variations": [
        {"key": "red", "weight": 99.5}, {"key": "blue", "weight": 0.5}]}}});
    let targets = json!({"targets": [{"variation": "blue", "keys": ["u"]}]});
    let cases = [
        (vec![], "red", "in new environments"),
        (vec![], "green", "in new environments"),
        (vec![replaced("dev", rule(json!({"and": []})))], "blue", "in environment `dev`"),
        (vec![replaced("prod", rollout)], "blue", "in environment `prod`"),
        (vec![replaced("prod", targets)], "blue", "in environment `prod`"),
        (vec![replaced("dev", json!({"off_variation": "blue"}))], "blue", "in environment `dev`"),
    ];
    for (events, variation, place) in cases {
        given(events).when(remove(variation)).then_expect_error(FlagError::VariationServed {
            variation: variation.to_owned(),
            places: vec![place.to_owned()],
        });
    }
    given([]).when(remove("pink")).then_expect_error(FlagError::UnknownVariation {
        flag: key("checkout"),
        variation: "pink".to_owned(),
    });
}

#[test]
fn the_archive_keeps_it_as_it_was() {
    let archived = FlagEvent::Archived {};
    given([on("dev")]).when(FlagCommand::Archive).then_expect_events(vec![archived.clone()]);
    given([archived.clone()]).when(FlagCommand::Archive).then_expect_events(vec![]);
    for command in [turn_on("dev"), remove("blue"), add(json!({"key": "x", "value": "x"}))] {
        given([archived.clone()])
            .when(command)
            .then_expect_error(FlagError::Archived(key("checkout")));
    }
    given([archived.clone()])
        .when(FlagCommand::Restore)
        .then_expect_events(vec![FlagEvent::Restored {}]);
    given([]).when(FlagCommand::Restore).then_expect_error(FlagError::NotArchived(key("checkout")));
    assert_eq!(live([on("dev"), archived.clone(), FlagEvent::Restored {}]), live([on("dev")]));
    assert_eq!(
        live([archived.clone(), on("dev")]),
        live([archived]),
        "nothing happens to it there"
    );
}

#[test]
fn what_it_mentions_must_be_there_when_it_comes_back() {
    let gone = replaced("dev", json!({"prerequisites": [{"flag": "gone", "variations": ["on"]}]}));
    let events = [gone, FlagEvent::Archived {}];
    let error = given(events).when(FlagCommand::Restore).inspect_result().unwrap_err();
    assert_eq!(places(error), ["/environments/dev/prerequisites/0"]);
}

#[test]
fn the_project_is_asked_when_mentions_change() {
    let item = Item::Flag(key("checkout"));
    let bare = live([]);
    let waiting =
        live([replaced("dev", json!({"prerequisites": [{"flag": "base", "variations": ["on"]}]}))]);
    let references = waiting.state().unwrap().references();
    assert_eq!(references, from(json!({"flags": {"dev": {"base": ["on"]}}})));
    let set = |references| ProjectCommand::SetReferences { item: item.clone(), references };
    assert_eq!(Flag::Absent.project_command(&bare), None);
    assert_eq!(bare.project_command(&waiting), Some(set(references.clone())));
    assert_eq!(waiting.project_command(&bare), Some(set(from(json!({})))));
    assert_eq!(bare.project_command(&live([on("dev")])), None);
    let fewer = live([FlagEvent::VariationRemoved { key: "blue".to_owned() }]);
    assert_eq!(
        bare.project_command(&fewer),
        Some(ProjectCommand::RetireVariations {
            flag: key("checkout"),
            variations: [key("blue")].into()
        })
    );
    assert_eq!(fewer.project_command(&bare), None, "one more variation harms nobody");
    let Flag::Live(state) = waiting.clone() else { panic!("it is live") };
    let archived = Flag::Archived(state);
    let retire = ProjectCommand::Retire { item: item.clone() };
    assert_eq!(waiting.project_command(&archived), Some(retire));
    let reinstate = ProjectCommand::Reinstate { item, references };
    assert_eq!(archived.project_command(&waiting), Some(reinstate));
}
