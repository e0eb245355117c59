//! Segments.

use std::collections::BTreeSet;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    Item, ProjectCommand, Segment, SegmentCommand, SegmentError, SegmentEvent, SegmentKey,
    segment::{LISTED_MAX, Members, SegmentDetails},
};
use serde_json::{Value, json};

use crate::fixture::{after, from, key, pointers, segment};

fn given(events: Vec<SegmentEvent>) -> AggregateTestExecutor<Segment> {
    let known: BTreeSet<SegmentKey> = [key("staff")].into();
    TestFramework::with(known).given(events)
}

fn created(members: Value) -> SegmentEvent {
    SegmentEvent::Created(segment("beta", members))
}

fn members(json: Value) -> SegmentCommand {
    SegmentCommand::ReplaceMembers(from(json))
}

fn staff() -> Value {
    json!({"rules": [{"operator": "in_segment", "value": ["staff"]}]})
}

fn problems(members: Members) -> Vec<(String, String)> {
    let answer = given(vec![created(json!({}))]).when(SegmentCommand::ReplaceMembers(members));
    let error = answer.inspect_result().unwrap_err();
    assert_eq!(error.code(), "FF-1304");
    let SegmentError::Invalid(problems) = error else { panic!("{error:?}") };
    problems.into_iter().map(|problem| (problem.pointer, problem.detail)).collect()
}

#[test]
fn it_is_created_once() {
    let new = segment("beta", staff());
    given(vec![])
        .when(SegmentCommand::Create(new.clone()))
        .then_expect_events(vec![created(staff())]);
    given(vec![created(json!({}))])
        .when(SegmentCommand::Create(new))
        .then_expect_error(SegmentError::AlreadyExists(key("beta")));
    given(vec![]).when(SegmentCommand::Archive).then_expect_error(SegmentError::NotFound);
}

#[test]
fn a_new_one_s_members_stand_below_members() {
    let new = segment("beta", json!({"rules": [{"operator": "in_segment", "value": ["gone"]}]}));
    let error = given(vec![]).when(SegmentCommand::Create(new)).inspect_result().unwrap_err();
    let SegmentError::Invalid(problems) = error else { panic!("{error:?}") };
    let detail = "the project has no segment `gone`, or it is archived";
    assert_eq!(pointers(&problems), [("/members/rules/0", detail)]);
}

#[test]
fn members_are_replaced_as_a_whole() {
    let json = json!({"included": ["a"], "excluded": ["b"], "rules": staff()["rules"]});
    let replaced = SegmentEvent::MembersReplaced { members: from(json.clone()) };
    given(vec![created(json!({}))])
        .when(members(json.clone()))
        .then_expect_events(vec![replaced.clone()]);
    given(vec![created(json!({})), replaced.clone()])
        .when(members(json))
        .then_expect_events(vec![]);
    let Segment::Live(state) = after::<Segment>([created(json!({})), replaced]) else {
        panic!("it is live")
    };
    let definition = state.definition();
    assert_eq!((definition.included, definition.excluded), (vec!["a".into()], vec!["b".into()]));
    assert_eq!(definition.rules.len(), 1);
}

#[test]
fn each_mistake_names_its_place() {
    let rule = |condition: Value| from(json!({"rules": [{"and": []}, condition]}));
    let cases: Vec<(Members, &str, &str)> = vec![
        (
            from(json!({"included": ["a", "b"], "excluded": ["b"]})),
            "/excluded",
            "`b` is included too",
        ),
        (
            rule(json!({"attribute": "base", "operator": "flag_is", "value": ["on"]})),
            "/rules/1",
            "a segment cannot depend on a flag",
        ),
        (
            rule(json!({"operator": "in_segment", "value": ["beta"]})),
            "/rules/1",
            "a segment cannot mention itself",
        ),
        (
            rule(json!({"not": {"operator": "in_segment", "value": ["gone"]}})),
            "/rules/1",
            "the project has no segment `gone`",
        ),
        (
            rule(json!({"attribute": "a", "operator": "matches", "value": "("})),
            "/rules/1/value",
            "no usable regular expression",
        ),
        (
            rule(json!({"attribute": "a", "operator": "semver_gt", "value": "x"})),
            "/rules/1/value",
            "no semantic version",
        ),
    ];
    for (members, pointer, detail) in cases {
        let found = problems(members);
        assert!(
            found.iter().any(|(at, what)| at == pointer && what.starts_with(detail)),
            "{pointer} {detail}: {found:?}"
        );
    }
}

#[test]
fn lists_have_a_limit() {
    let users = |count: usize| (0..count).map(|n| format!("u{n}")).collect();
    let full = Members { included: users(LISTED_MAX), ..Members::default() };
    assert_eq!(
        given(vec![created(json!({}))])
            .when(SegmentCommand::ReplaceMembers(full))
            .inspect_result()
            .map(|events| events.len()),
        Ok(1)
    );
    let more = Members { included: users(LISTED_MAX + 1), ..Members::default() };
    assert_eq!(problems(more)[0].0, "/included");
}

#[test]
fn details_change_one_by_one() {
    let details = SegmentDetails {
        name: Some("Early".to_owned()),
        description: Some(String::new()),
        tags: Some(["a".to_owned()].into()),
    };
    given(vec![created(json!({}))])
        .when(SegmentCommand::ChangeDetails(details))
        .then_expect_events(vec![
            SegmentEvent::Renamed { name: "Early".to_owned() },
            SegmentEvent::TagsReplaced { tags: ["a".to_owned()].into() },
        ]);
}

#[test]
fn the_archive_keeps_it_and_checks_what_it_mentions_on_the_way_back() {
    let archived = vec![created(staff()), SegmentEvent::Archived {}];
    given(archived.clone()).when(SegmentCommand::Archive).then_expect_events(vec![]);
    given(archived.clone())
        .when(members(json!({})))
        .then_expect_error(SegmentError::Archived(key("beta")));
    given(archived.clone())
        .when(SegmentCommand::Restore)
        .then_expect_events(vec![SegmentEvent::Restored {}]);
    given(vec![created(json!({}))])
        .when(SegmentCommand::Restore)
        .then_expect_error(SegmentError::NotArchived(key("beta")));
    let alone = TestFramework::<Segment>::with(BTreeSet::new()).given(archived);
    let error = alone.when(SegmentCommand::Restore).inspect_result();
    assert!(matches!(error, Err(SegmentError::Invalid(_))), "{error:?}");
}

#[test]
fn the_project_is_asked_when_mentions_change() {
    let item = Item::Segment(key("beta"));
    let live: Segment = after([created(staff())]);
    let bare: Segment = after([created(json!({}))]);
    let archived: Segment = after([created(staff()), SegmentEvent::Archived {}]);
    let references = live.state().unwrap().references();
    assert_eq!(references.segments, [key("staff")].into());
    let set = ProjectCommand::SetReferences { item: item.clone(), references: references.clone() };
    assert_eq!(Segment::Absent.project_command(&live), Some(set.clone()));
    assert_eq!(Segment::Absent.project_command(&bare), None);
    assert_eq!(bare.project_command(&live), Some(set));
    assert_eq!(live.project_command(&live), None);
    assert_eq!(
        live.project_command(&archived),
        Some(ProjectCommand::Retire { item: item.clone() })
    );
    assert_eq!(
        archived.project_command(&live),
        Some(ProjectCommand::Reinstate { item, references })
    );
    let mentioned = BTreeSet::from([key("staff")]);
    assert_eq!(bare.mentions(&members(staff())), mentioned);
    assert_eq!(archived.mentions(&SegmentCommand::Restore), mentioned);
}
