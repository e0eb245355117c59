//! What is sent to the ingestor: exposures and deeds as events, and how many exposures were made in all.
//!
//! Ids follow from the seed, so that an event that is sent again is the same event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::random;
use super::shopper::{Deed, Shopper};

/// The answer of an edge, as far as an exposure needs it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Served {
    /// Key of the variation.
    pub(super) variant: String,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

/// Who decided, and by which config.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) rule_id: Option<String>,
    pub(super) experiment: Option<String>,
    pub(super) position: Option<String>,
}

/// An event.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    /// Someone was served a variation.
    Exposure {
        id: Uuid,
        at: Timestamp,
        user_key: String,
        flag: String,
        variation: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        experiment: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<String>,
        attributes: Attributes,
    },
    /// Someone did something.
    Metric { id: Uuid, at: Timestamp, user_key: String, metric: &'static str, value: f64 },
}

/// What is known of a shopper.
#[derive(Debug, Serialize)]
pub(super) struct Attributes {
    country: &'static str,
    plan: &'static str,
    device: &'static str,
}

impl From<&Shopper> for Attributes {
    fn from(shopper: &Shopper) -> Self {
        let Shopper { country, plan, device, .. } = *shopper;
        Self { country, plan, device }
    }
}

/// Events on their way.
#[derive(Debug, Serialize)]
pub(super) struct Batch<'a> {
    pub(super) events: &'a [Event],
    pub(super) sender: Sender<'a>,
}

/// Who sends, and how many exposures it has made since it began, by experiment.
#[derive(Debug, Serialize)]
pub(super) struct Sender<'a> {
    pub(super) instance: Uuid,
    pub(super) exposures: BTreeMap<&'a str, u64>,
}

/// What became of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Receipt {
    pub(super) accepted: u64,
    pub(super) rejected: Vec<Rejected>,
}

/// An event that was not taken, and why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rejected {
    pub(super) pointer: String,
    pub(super) code: String,
    pub(super) detail: String,
}

/// The exposure of a shopper to what was served.
pub(super) fn exposure(
    shopper: &Shopper,
    flag: &str,
    served: &Served,
    seed: u64,
    at: Timestamp,
) -> Event {
    let Metadata { rule_id, experiment, position } = served.metadata.clone();
    let id = random::id(&[&scope(shopper, served, seed), b"exposure"]);
    Event::Exposure {
        id,
        at,
        user_key: shopper.key.clone(),
        flag: flag.to_owned(),
        variation: served.variant.clone(),
        rule: rule_id,
        experiment,
        position,
        attributes: shopper.into(),
    }
}

/// Deeds after what was served.
pub(super) fn visit(
    shopper: &Shopper,
    served: &Served,
    seed: u64,
    at: Timestamp,
    deeds: &[Deed],
) -> Vec<Event> {
    events(shopper, &scope(shopper, served, seed), at, deeds)
}

/// Deeds of before, which are the same whatever is served.
pub(super) fn history(
    shopper: &Shopper,
    seed: u64,
    until: Timestamp,
    deeds: &[Deed],
) -> Vec<Event> {
    let scope = random::id(&[b"history", &seed.to_be_bytes(), shopper.key.as_bytes()]);
    events(shopper, scope.as_bytes(), until, deeds)
}

fn events(shopper: &Shopper, scope: &[u8], from: Timestamp, deeds: &[Deed]) -> Vec<Event> {
    let event = |(index, deed): (usize, &Deed)| Event::Metric {
        id: random::id(&[scope, &(index as u64).to_be_bytes()]),
        at: from + jiff::SignedDuration::from_millis(deed.after_ms),
        user_key: shopper.key.clone(),
        metric: deed.event,
        value: deed.value,
    };
    deeds.iter().enumerate().map(event).collect()
}

/// Names a visit: who was served what, by which rule. Another iteration is another visit.
fn scope(shopper: &Shopper, served: &Served, seed: u64) -> [u8; 16] {
    let rule = served.metadata.rule_id.as_deref().unwrap_or_default();
    let parts = [shopper.key.as_bytes(), rule.as_bytes(), served.variant.as_bytes()];
    random::id(&[b"visit", &seed.to_be_bytes(), parts[0], parts[1], parts[2]]).into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::demo::shopper::Treatment;

    fn served() -> Served {
        serde_json::from_value(json!({
            "key": "button-color", "value": "green", "variant": "green", "reason": "SPLIT",
            "metadata": {"position": "12", "ruleId": "checkout-button:1", "experiment": "checkout-button"},
        }))
        .unwrap()
    }

    fn ids(events: &[Event]) -> Vec<Uuid> {
        let id = |event: &Event| match event {
            Event::Exposure { id, .. } | Event::Metric { id, .. } => *id,
        };
        events.iter().map(id).collect()
    }

    #[test]
    fn an_exposure_says_what_the_answer_said() {
        let shopper = Shopper::new(1, 0);
        let at: Timestamp = "2026-11-22T20:49:31.123Z".parse().unwrap();
        let event = serde_json::to_value(exposure(&shopper, "button-color", &served(), 1, at));
        let event: Value = event.unwrap();
        assert_eq!(event["type"], "exposure");
        assert_eq!(event["at"], "2026-11-22T20:49:31.123Z");
        assert_eq!(event["variation"], "green");
        assert_eq!(event["rule"], "checkout-button:1");
        assert_eq!(event["experiment"], "checkout-button");
        assert_eq!(event["position"], "12");
        assert_eq!(event["attributes"]["plan"], shopper.plan);
    }

    #[test]
    fn what_is_sent_again_has_the_same_ids_and_another_iteration_has_others() {
        let shopper = Shopper::new(1, 3);
        let deeds = shopper.visit(Treatment::NONE);
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = ids(&visit(&shopper, &served(), 1, at(0), &deeds));
        assert_eq!(first, ids(&visit(&shopper, &served(), 1, at(60), &deeds)));
        let mut next = served();
        next.metadata.rule_id = Some("checkout-button:2".to_owned());
        assert!(
            ids(&visit(&shopper, &next, 1, at(0), &deeds)).iter().all(|id| !first.contains(id))
        );
        let unique: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(unique.len(), first.len());
    }
}
