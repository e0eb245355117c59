//! Events of the past decode for ever.
//!
//! `tests/golden/<event type>.v<version>.json` holds an event as it was first written. A file is made once, by a run
//! with `FF_WRITE_GOLDEN` set, and never touched again: an event whose shape must change gets a new version, an
//! upcaster and a second file.

use std::{collections::BTreeSet, fs, path::PathBuf};

use cqrs_es::DomainEvent;
use ff_domain::api_key::{KeyPurpose, TokenRole};
use ff_domain::{
    ApiKeyEvent, EnvironmentEvent, ExperimentEvent, FlagEvent, LayerEvent, MembershipEvent,
    MetricEvent, OrganizationEvent, ProjectEvent, SegmentEvent, ServiceAccountEvent,
    upcast::upcasters,
};
use serde_json::{Value, json};

use crate::samples;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The wire names of an event enum, as serde knows them.
fn wire_names<E: DomainEvent>() -> BTreeSet<String> {
    let error = serde_json::from_value::<E>(json!({"type": "?", "data": {}})).unwrap_err();
    let message = error.to_string();
    let expected = message.split_once("expected ").unwrap().1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// An event as it lies in a commit.
fn record<E: DomainEvent>(event: &E) -> Value {
    let tagged = serde_json::to_value(event).unwrap();
    assert_eq!(tagged["type"], event.event_type());
    let version: u16 = event.event_version().parse().unwrap();
    json!({"type": tagged["type"], "v": version, "data": tagged["data"]})
}

/// What an event of the file is today.
fn decode<E: DomainEvent>(record: &Value) -> E {
    assert!(upcasters().is_empty(), "apply the upcasters to what the files hold");
    serde_json::from_value(json!({"type": record["type"], "data": record["data"]})).unwrap()
}

fn check<E: DomainEvent>(samples: &[E]) -> BTreeSet<String> {
    let sampled: BTreeSet<String> = samples.iter().map(DomainEvent::event_type).collect();
    assert_eq!(sampled, wire_names::<E>(), "every event has a sample");
    assert_eq!(sampled.len(), samples.len(), "every event has one sample");
    let mut files = BTreeSet::new();
    for sample in samples {
        let name = format!("{}.v{}.json", sample.event_type(), sample.event_version());
        let path = directory().join(&name);
        if !path.exists() && std::env::var_os("FF_WRITE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(&record(sample)).unwrap();
            fs::write(&path, text + "\n").unwrap();
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut golden: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(decode::<E>(&golden), *sample, "{name}");
        assert_eq!(record(sample), golden, "{name}");
        // A later version of the platform may have written more.
        golden["data"]["later"] = json!({"more": [1, 2]});
        assert_eq!(decode::<E>(&golden), *sample, "{name}");
        files.insert(name);
    }
    files
}

#[test]
fn every_event_has_a_file_that_decodes_for_ever() {
    let checked: BTreeSet<String> = [
        check::<OrganizationEvent>(&samples::organizations()),
        check::<MembershipEvent>(&samples::memberships()),
        check::<ServiceAccountEvent>(&samples::service_accounts()),
        check::<ProjectEvent>(&samples::projects()),
        check::<EnvironmentEvent>(&samples::environments()),
        check::<SegmentEvent>(&samples::segments()),
        check::<ApiKeyEvent>(&samples::api_keys()),
        check::<FlagEvent>(&samples::flags()),
        check::<MetricEvent>(&samples::metrics()),
        check::<LayerEvent>(&samples::layers()),
        check::<ExperimentEvent>(&samples::experiments()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let files: BTreeSet<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, checked, "every file is of an event, and every event has a file");
}

#[test]
fn what_was_left_out_has_a_default_for_ever() {
    let bare = json!({"type": "flag.created", "v": 1, "data": {
        "project": "4f2a6c1e-3b7d-8a55-9c0e-2d1f6b8a7c31", "key": "a", "name": "A", "type": "boolean",
        "variations": [{"key": "on", "value": true}],
        "initial": {"off_variation": "on", "default_variation": "on"}}});
    let FlagEvent::Created(flag) = decode(&bare) else { panic!("it is a creation") };
    assert_eq!((flag.description.as_str(), flag.owner, flag.client_side), ("", None, false));
    assert_eq!(flag.lifetime, ff_domain::flag::Lifetime::Temporary);

    // Every key of the first months said no more than this.
    let bare = json!({"type": "api_key.issued", "v": 1, "data": {
        "organization": "9a1c5e7f-20b4-8d63-a1f2-7c9e0b3d5a48", "name": "T",
        "purpose": {"kind": "api_token", "role": "admin"},
        "hash": "0f".repeat(32), "prefix": "ff_pat_ab12", "expires_at": null}});
    let ApiKeyEvent::Issued(key) = decode(&bare) else { panic!() };
    let everywhere = ff_domain::api_key::TokenScope::everywhere(TokenRole::Admin);
    assert_eq!((key.purpose, key.replaces), (KeyPurpose::ApiToken(everywhere), None));

    let bare = json!({"type": "flag.targeting_replaced", "v": 1, "data": {"environment": "dev",
        "targeting": {"off_variation": "on", "default": {"variation": "on"}}}});
    let FlagEvent::TargetingReplaced { targeting, .. } = decode(&bare) else { panic!() };
    assert!(targeting.rules.is_empty() && targeting.salt.is_none());

    let bare = json!({"type": "metric.created", "v": 1, "data": {
        "project": "4f2a6c1e-3b7d-8a55-9c0e-2d1f6b8a7c31", "key": "m", "name": "M",
        "definition": {"kind": {"type": "count", "event": "e"}, "better": "higher"}}});
    let MetricEvent::Created(metric) = decode(&bare) else { panic!() };
    assert_eq!((metric.definition.covariate_days, metric.definition.cap), (14, None));

    let bare = json!({"type": "experiment.created", "v": 1, "data": {
        "project": "4f2a6c1e-3b7d-8a55-9c0e-2d1f6b8a7c31", "key": "x", "name": "X",
        "environment": "dev", "flag": "f", "design": {
            "arms": [{"key": "a", "weight": 50}, {"key": "b", "weight": 50}], "control": "a",
            "metrics": {"primary": ["m"]}}}});
    let ExperimentEvent::Created(experiment) = decode(&bare) else { panic!() };
    let design = serde_json::to_value(&experiment.design).unwrap();
    assert_eq!(design["traffic"], json!(100));
    let analysis = json!({"confidence": 95, "power": 80, "method": "obrien_fleming",
        "look_every_hours": 24, "correction": "holm"});
    assert_eq!(design["analysis"], analysis);

    let bare = json!({"type": "layer.created", "v": 1, "data": {
        "project": "4f2a6c1e-3b7d-8a55-9c0e-2d1f6b8a7c31", "key": "l", "name": "L"}});
    let LayerEvent::Created(layer) = decode(&bare) else { panic!() };
    assert_eq!((layer.holdout.thousandths(), layer.bucket_by), (0, None));
}
