//! One event of every kind. Each is a golden file too, so a sample never changes: a new shape is a new version.

use ff_domain::{
    ApiKeyEvent, EnvironmentEvent, ExperimentEvent, FlagEvent, LayerEvent, MembershipEvent,
    MetricEvent, OrganizationEvent, ProjectEvent, SegmentEvent, ServiceAccountEvent,
};
use serde_json::json;

use crate::fixture::from;

const PROJECT: &str = "4f2a6c1e-3b7d-8a55-9c0e-2d1f6b8a7c31";
const ORGANIZATION: &str = "9a1c5e7f-20b4-8d63-a1f2-7c9e0b3d5a48";
const USER: &str = "0190c1d2-7a3b-7c4d-8e5f-6a7b8c9d0e1f";

pub(crate) fn organizations() -> Vec<OrganizationEvent> {
    vec![
        from(json!({"type": "organization.created", "data": {"key": "acme", "name": "Acme"}})),
        from(json!({"type": "organization.renamed", "data": {"name": "Acme, Inc."}})),
        from(json!({"type": "organization.role_defined", "data": {
            "key": "release-manager", "name": "Release manager", "description": "Ships.",
            "permissions": ["flag.edit_targeting", "flag.toggle"]}})),
        from(json!({"type": "organization.role_removed", "data": {"key": "release-manager"}})),
        from(json!({"type": "organization.owner_added", "data": {"user": USER}})),
        from(json!({"type": "organization.owner_removed", "data": {"user": USER}})),
    ]
}

pub(crate) fn memberships() -> Vec<MembershipEvent> {
    let role = json!({"role": "editor", "project": "shop", "environment": "staging"});
    vec![
        from(json!({"type": "membership.granted", "data": {
            "organization": ORGANIZATION, "user": USER, "role": "owner"}})),
        from(json!({"type": "membership.role_given", "data": role})),
        from(json!({"type": "membership.role_taken", "data": role})),
        from(json!({"type": "membership.provider_roles_replaced", "data": {
            "connection": PROJECT, "roles": [{"role": "viewer"}, role]}})),
        from(json!({"type": "membership.revoked", "data": {}})),
    ]
}

pub(crate) fn service_accounts() -> Vec<ServiceAccountEvent> {
    let role = json!({"role": "editor", "project": "shop"});
    vec![
        from(json!({"type": "service_account.created", "data": {
            "organization": ORGANIZATION, "key": "deploy", "name": "Deploy",
            "description": "Turns flags on.", "roles": [role]}})),
        from(json!({"type": "service_account.renamed", "data": {"name": "Deployment"}})),
        from(json!({"type": "service_account.described", "data": {"description": ""}})),
        from(json!({"type": "service_account.role_given", "data": role})),
        from(json!({"type": "service_account.role_taken", "data": role})),
        from(json!({"type": "service_account.archived", "data": {}})),
        from(json!({"type": "service_account.restored", "data": {}})),
    ]
}

pub(crate) fn projects() -> Vec<ProjectEvent> {
    let references = json!({
        "flags": {"prod": {"base": ["on", "10 %"], "other": []}},
        "segments": ["beta", "staff"],
    });
    vec![
        from(json!({"type": "project.created", "data": {
            "organization": ORGANIZATION, "key": "shop", "name": "Shop", "description": "Sells."}})),
        from(json!({"type": "project.renamed", "data": {"name": "Store"}})),
        from(json!({"type": "project.described", "data": {"description": "Sells more."}})),
        from(json!({"type": "project.references_replaced", "data": {
            "item": "flag:checkout", "references": references}})),
        from(json!({"type": "project.item_retired", "data": {"item": "segment:beta"}})),
        from(json!({"type": "project.item_reinstated", "data": {
            "item": "segment:beta", "references": {"segments": ["staff"]}}})),
        from(json!({"type": "project.variations_retired", "data": {
            "flag": "checkout", "variations": ["blue", "green"]}})),
    ]
}

pub(crate) fn environments() -> Vec<EnvironmentEvent> {
    vec![
        from(json!({"type": "environment.created", "data": {
            "project": PROJECT, "key": "prod", "name": "Production", "production": true,
            "salt": "00112233445566778899aabbccddeeff"}})),
        from(json!({"type": "environment.renamed", "data": {"name": "Live"}})),
        from(json!({"type": "environment.production_changed", "data": {"production": false}})),
        from(json!({"type": "environment.archived", "data": {}})),
        from(json!({"type": "environment.restored", "data": {}})),
    ]
}

pub(crate) fn segments() -> Vec<SegmentEvent> {
    let members = json!({
        "included": ["user-1", "user-2"],
        "excluded": ["user-3"],
        "rules": [
            {"attribute": "email", "operator": "ends_with", "value": "@acme.test"},
            {"operator": "in_segment", "value": ["staff"]},
        ],
    });
    vec![
        from(json!({"type": "segment.created", "data": {
            "project": PROJECT, "key": "beta", "name": "Beta", "description": "Early birds.",
            "tags": ["growth"], "members": members}})),
        from(json!({"type": "segment.renamed", "data": {"name": "Early birds"}})),
        from(json!({"type": "segment.described", "data": {"description": "They like it new."}})),
        from(json!({"type": "segment.tags_replaced", "data": {"tags": ["a", "b"]}})),
        from(json!({"type": "segment.members_replaced", "data": {"members": members}})),
        from(json!({"type": "segment.archived", "data": {}})),
        from(json!({"type": "segment.restored", "data": {}})),
    ]
}

pub(crate) fn api_keys() -> Vec<ApiKeyEvent> {
    vec![
        from(json!({"type": "api_key.issued", "data": {
            "organization": ORGANIZATION, "name": "Backend",
            "purpose": {"kind": "sdk_server", "project": "shop", "environment": "prod"},
            "hash": "0f".repeat(32), "prefix": "ff_srv_ab12",
            "expires_at": "2027-01-01T00:00:00Z"}})),
        from(json!({"type": "api_key.replaced", "data": {
            "by": PROJECT, "expires_at": "2026-12-01T00:00:00Z"}})),
        from(json!({"type": "api_key.revoked", "data": {}})),
    ]
}

pub(crate) fn flags() -> Vec<FlagEvent> {
    vec![
        from(json!({"type": "flag.created", "data": {
            "project": PROJECT, "key": "checkout", "name": "Checkout", "description": "The new one.",
            "type": "json", "lifetime": "permanent", "owner": USER, "tags": ["growth", "ui"],
            "client_side": true,
            "variations": [
                {"key": "plain", "value": {"steps": 3, "ratio": 0.5}},
                {"key": "one page", "name": "One page", "value": ["a", null, true]},
            ],
            "initial": {"off_variation": "plain", "default_variation": "one page"}}})),
        from(json!({"type": "flag.renamed", "data": {"name": "Payment"}})),
        from(json!({"type": "flag.described", "data": {"description": "Pays."}})),
        from(json!({"type": "flag.tags_replaced", "data": {"tags": ["pay"]}})),
        from(json!({"type": "flag.owner_changed", "data": {"owner": USER}})),
        from(json!({"type": "flag.lifetime_changed", "data": {"lifetime": "temporary"}})),
        from(json!({"type": "flag.client_side_changed", "data": {"client_side": true}})),
        from(json!({"type": "flag.variation_added", "data": {
            "variation": {"key": "blue", "name": "Blue", "value": "#00f"}}})),
        from(json!({"type": "flag.variation_renamed", "data": {"key": "blue", "name": "Azure"}})),
        from(json!({"type": "flag.variation_value_changed", "data": {
            "key": "blue", "value": "#08f"}})),
        from(json!({"type": "flag.variation_removed", "data": {"key": "blue"}})),
        from(json!({"type": "flag.turned_on", "data": {"environment": "prod"}})),
        from(json!({"type": "flag.turned_off", "data": {"environment": "prod"}})),
        from(json!({"type": "flag.targeting_replaced", "data": {
            "environment": "prod", "targeting": targeting()}})),
        from(json!({"type": "flag.experiment_served", "data": {
            "environment": "prod", "definition": served()}})),
        from(json!({"type": "flag.experiment_ended", "data": {
            "environment": "prod", "experiment": "one-page"}})),
        from(json!({"type": "flag.archived", "data": {}})),
        from(json!({"type": "flag.restored", "data": {}})),
    ]
}

pub(crate) fn metrics() -> Vec<MetricEvent> {
    vec![
        from(json!({"type": "metric.created", "data": {
            "project": PROJECT, "key": "revenue", "name": "Revenue", "description": "By user.",
            "tags": ["money"], "owner": USER,
            "definition": {"kind": {"type": "mean", "event": "purchase"}, "unit": "EUR",
                "better": "higher", "cap": {"type": "value", "value": "999.99"},
                "window_hours": 168, "covariate_days": 28}}})),
        from(json!({"type": "metric.renamed", "data": {"name": "Turnover"}})),
        from(json!({"type": "metric.described", "data": {"description": "Of a week."}})),
        from(json!({"type": "metric.tags_replaced", "data": {"tags": ["a", "b"]}})),
        from(json!({"type": "metric.owner_changed", "data": {"owner": USER}})),
        from(json!({"type": "metric.redefined", "data": {"version": 2,
            "definition": {"kind": {"type": "ratio",
                    "numerator": {"event": "purchase", "take": "sum"},
                    "denominator": {"event": "purchase", "take": "count"}},
                "unit": "EUR", "better": "higher",
                "cap": {"type": "percentile", "percentile": 99.5}, "covariate_days": 0}}})),
        from(json!({"type": "metric.archived", "data": {}})),
        from(json!({"type": "metric.restored", "data": {}})),
    ]
}

pub(crate) fn layers() -> Vec<LayerEvent> {
    vec![
        from(json!({"type": "layer.created", "data": {
            "project": PROJECT, "key": "checkout", "name": "Checkout", "description": "All of it.",
            "holdout": 5.25, "bucket_by": "account"}})),
        from(json!({"type": "layer.renamed", "data": {"name": "Payment"}})),
        from(json!({"type": "layer.described", "data": {"description": "And what follows."}})),
        from(json!({"type": "layer.allocated", "data": {"environment": "prod",
            "experiment": "one-page", "ranges": [[525, 1525], [4000, 5000]]}})),
        from(json!({"type": "layer.released", "data": {
            "environment": "prod", "experiment": "one-page"}})),
        from(json!({"type": "layer.archived", "data": {}})),
        from(json!({"type": "layer.restored", "data": {}})),
    ]
}

const AT: &str = "2026-11-22T20:49:31.123Z";

pub(crate) fn experiments() -> Vec<ExperimentEvent> {
    vec![
        from(json!({"type": "experiment.created", "data": {
            "project": PROJECT, "key": "one-page", "name": "One page", "hypothesis": "More finish.",
            "tags": ["growth"], "owner": USER, "environment": "prod", "flag": "checkout",
            "design": design()}})),
        from(json!({"type": "experiment.renamed", "data": {"name": "A single page"}})),
        from(json!({"type": "experiment.hypothesis_changed", "data": {"hypothesis": "Faster."}})),
        from(json!({"type": "experiment.tags_replaced", "data": {"tags": ["a", "b"]}})),
        from(json!({"type": "experiment.owner_changed", "data": {"owner": USER}})),
        from(json!({"type": "experiment.design_replaced", "data": {"design": design()}})),
        from(json!({"type": "experiment.started", "data": {"at": AT}})),
        from(json!({"type": "experiment.iteration_started", "data": {"iteration": {
            "number": 2, "started_at": AT, "arms": arms(), "control": "plain", "traffic": 20,
            "definition": served(), "basis": "0f".repeat(16)}}})),
        from(json!({"type": "experiment.paused", "data": {"at": AT, "reason": "Too slow."}})),
        from(json!({"type": "experiment.resumed", "data": {"at": AT}})),
        from(json!({"type": "experiment.stopped", "data": {"at": AT}})),
        from(json!({"type": "experiment.decided", "data": {"at": AT, "reason": "It won.",
            "outcome": {"type": "ship", "variation": "one page"}}})),
        from(json!({"type": "experiment.shipped", "data": {"at": AT, "variation": "one page"}})),
        from(json!({"type": "experiment.archived", "data": {}})),
        from(json!({"type": "experiment.restored", "data": {}})),
    ]
}

fn arms() -> serde_json::Value {
    json!([{"key": "plain", "weight": 33.333}, {"key": "one page", "weight": 66.667}])
}

fn design() -> serde_json::Value {
    json!({
        "arms": arms(), "control": "plain", "traffic": 20,
        "audience": {"operator": "in_segment", "value": ["beta"]},
        "bucket_by": "account", "layer": "checkout", "holdouts": ["everything"],
        "metrics": {"primary": ["revenue"], "secondary": ["orders"], "guardrails": [
            {"metric": "latency", "margin": 2.5, "on_breach": "turn_off"}]},
        "analysis": {"confidence": 99, "power": 90, "method": "pocock", "planned_users": 100_000,
            "look_every_hours": 12, "minimum_effect": 0.5, "correction": "benjamini_hochberg",
            "breakdowns": ["country"]},
    })
}

fn served() -> serde_json::Value {
    json!({
        "key": "one-page", "rule": "one-page:2",
        "if": {"operator": "in_segment", "value": ["beta"]},
        "slices": [{"seed": "layer:everything", "ranges": [[500, 10_000]]},
                   {"seed": "layer:checkout", "ranges": [[525, 1525], [4000, 5000]]}],
        "split": {"variations": arms(), "bucket_by": "account", "hash": "sha256-10000"},
        "salt": "00112233445566778899aabbccddeeff",
    })
}

fn targeting() -> serde_json::Value {
    json!({
        "off_variation": "red",
        "prerequisites": [{"flag": "base", "variations": ["on"]}],
        "targets": [{"variation": "blue", "keys": ["user-1", "user-2"]}],
        "rules": [
            {"id": "r1", "name": "beta users in the US",
             "if": {"and": [
                 {"attribute": "user_id", "operator": "in", "value": ["user1", "user2"]},
                 {"not": {"attribute": "country", "operator": "eq", "value": "us", "ignore_case": true}},
                 {"or": [
                     {"attribute": "/app/version", "operator": "semver_range", "value": "^1.2"},
                     {"attribute": "beta", "operator": "exists"},
                     {"operator": "not_in_segment", "value": ["staff"]},
                     {"attribute": "base", "operator": "flag_is", "value": ["on"]},
                     {"attribute": "tags", "operator": "size", "value": {"gte": 2, "lt": 5}},
                     {"operator": "time_of_day", "value": {
                         "from": "09:00", "to": "17:30", "time_zone": "Europe/Berlin"}},
                 ]},
             ]},
             "then": {"rollout": {
                 "variations": [{"key": "red", "weight": 33.333}, {"key": "blue", "weight": 66.667}],
                 "bucket_by": "account", "hash": "sha256-10000"}}},
            {"id": "r2", "then": {"variation": "red"}},
        ],
        "default": {"variation": "green"},
        "salt": "another",
    })
}
