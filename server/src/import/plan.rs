//! What has to change for a flag to be as the file wants it. Pure: it compares, and asks nobody.

use std::collections::BTreeSet;

use ff_domain::EnvironmentKey;
use ff_domain::flag::{FlagState, Targeting};
use ff_evaluator::{Outcome, Rule, ValueType, Variation};
use serde_json::Value;

use super::flagd::Wanted;

/// A flag that changes.
#[derive(Debug)]
pub(crate) struct FlagChange<'f> {
    pub(crate) wanted: &'f Wanted,
    /// The version it is compared with, if it is there.
    pub(crate) present_version: Option<u64>,
    /// In the order in which they can be made.
    pub(crate) steps: Vec<Step>,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Create,
    Describe(String),
    AddVariation(Variation),
    ChangeVariation { key: String, value: Value },
    ReplaceTargeting(Box<Targeting>),
    RemoveVariation(String),
    TurnOn,
    TurnOff,
}

/// A flag as the control plane has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Present {
    pub(crate) state: FlagState,
    pub(crate) archived: bool,
    pub(crate) version: u64,
}

/// Why a flag cannot become what the file wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    #[error("it exists with type {}, which cannot be changed to {}", present.as_str(), wanted.as_str())]
    Type { present: ValueType, wanted: ValueType },
    #[error("it exists and is archived: restore it first")]
    Archived,
    #[error("variation `{variation}` is gone from the file, but still served {place}")]
    Served { variation: String, place: String },
}

/// The changes that make a flag what the file wants; none if it is.
pub(crate) fn changes(
    wanted: &Wanted,
    present: Option<&Present>,
    environment: &EnvironmentKey,
) -> Result<Vec<Step>, Conflict> {
    let definition = &wanted.definition;
    let mut steps = Vec::new();
    let Some(present) = present else {
        steps.push(Step::Create);
        if !definition.rules.is_empty() {
            steps.push(Step::ReplaceTargeting(Box::new(targeting(wanted, None))));
        }
        if definition.enabled {
            steps.push(Step::TurnOn);
        }
        return Ok(steps);
    };
    if present.archived {
        return Err(Conflict::Archived);
    }
    let state = &present.state;
    if state.kind != definition.kind {
        return Err(Conflict::Type { present: state.kind, wanted: definition.kind });
    }
    let here = state.environment(environment);
    // Off before anything else changes, on once everything is as it shall be.
    if here.enabled && !definition.enabled {
        steps.push(Step::TurnOff);
    }
    if let Some(description) =
        wanted.description.as_ref().filter(|text| **text != state.description)
    {
        steps.push(Step::Describe(description.clone()));
    }
    for variation in &definition.variations {
        match state.variations.iter().find(|there| there.key == variation.key) {
            None => steps.push(Step::AddVariation(variation.clone())),
            Some(there) if there.value == variation.value => {}
            Some(_) => steps.push(Step::ChangeVariation {
                key: variation.key.clone(),
                value: variation.value.clone(),
            }),
        }
    }
    let targeting = targeting(wanted, Some(&here.targeting));
    if targeting != here.targeting {
        steps.push(Step::ReplaceTargeting(Box::new(targeting)));
    }
    for gone in state.variations.iter().filter(|there| !has(&definition.variations, &there.key)) {
        if let Some(place) = still_served(state, environment, &gone.key) {
            return Err(Conflict::Served { variation: gone.key.clone(), place });
        }
        steps.push(Step::RemoveVariation(gone.key.clone()));
    }
    if definition.enabled && !here.enabled {
        steps.push(Step::TurnOn);
    }
    Ok(steps)
}

fn has(variations: &[Variation], key: &str) -> bool {
    variations.iter().any(|variation| variation.key == key)
}

/// The targeting wanted. Rules that are there already keep their ids and names, so that exposures go on under them.
fn targeting(wanted: &Wanted, present: Option<&Targeting>) -> Targeting {
    let definition = &wanted.definition;
    let mut known: Vec<&Rule> = present.iter().flat_map(|present| &present.rules).collect();
    let rules = definition
        .rules
        .iter()
        .map(|rule| {
            let same = known
                .iter()
                .position(|there| there.condition == rule.condition && there.then == rule.then);
            same.map_or_else(|| rule.clone(), |index| known.remove(index).clone())
        })
        .collect();
    Targeting {
        off_variation: definition.off_variation.clone(),
        prerequisites: Vec::new(),
        targets: Vec::new(),
        rules,
        default: definition.default.clone(),
        salt: present.and_then(|present| present.salt.clone()),
    }
}

/// Where a variation is served that this import does not touch.
fn still_served(state: &FlagState, here: &EnvironmentKey, variation: &str) -> Option<String> {
    if [&state.initial.off_variation, &state.initial.default_variation]
        .contains(&&variation.to_owned())
    {
        return Some("in environments nobody has touched yet".to_owned());
    }
    state.environments.iter().find_map(|(environment, there)| {
        let served = environment != here && served(&there.targeting).contains(variation);
        served.then(|| format!("in environment `{environment}`"))
    })
}

fn served(targeting: &Targeting) -> BTreeSet<&str> {
    let outcomes = targeting.rules.iter().map(|rule| &rule.then).chain([&targeting.default]);
    let named = outcomes.flat_map(|outcome| match outcome {
        Outcome::Variation(key) => vec![key.as_str()],
        Outcome::Rollout(rollout) => {
            rollout.variations.iter().map(|one| one.key.as_str()).collect()
        }
    });
    let targets = targeting.targets.iter().map(|target| target.variation.as_str());
    named.chain(targets).chain([targeting.off_variation.as_str()]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ff_domain::flag::{FlagEnvironment, Initial, Lifetime};
    use ff_domain::{FlagKey, ProjectId};
    use uuid::Uuid;

    use super::super::flagd;
    use super::*;

    const ON: &str =
        r#""state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off""#;

    fn wanted(flag: &str) -> Wanted {
        flagd::read(&format!(r#"{{"flags": {{"f": {{{flag}}}}}}}"#)).unwrap().flags.remove(0)
    }

    fn here() -> EnvironmentKey {
        EnvironmentKey::parse("production").unwrap()
    }

    /// What is there after an import of this flag.
    fn imported(wanted: &Wanted) -> Present {
        let definition = wanted.definition.clone();
        let mut targeting = targeting(wanted, None);
        for (index, rule) in targeting.rules.iter_mut().enumerate() {
            rule.id = format!("rule-{index}");
        }
        let state = FlagState {
            project: serde_json::from_str::<ProjectId>(&format!("\"{}\"", Uuid::nil())).unwrap(),
            key: FlagKey::parse("f").unwrap(),
            name: "f".to_owned(),
            description: wanted.description.clone().unwrap_or_default(),
            kind: definition.kind,
            lifetime: Lifetime::Temporary,
            owner: None,
            tags: BTreeSet::new(),
            client_side: false,
            variations: definition.variations,
            initial: Initial {
                off_variation: definition.off_variation.clone(),
                default_variation: definition.off_variation,
            },
            environments: BTreeMap::from([(
                here(),
                FlagEnvironment {
                    enabled: definition.enabled,
                    targeting,
                    experiment: None,
                    experimented: false,
                },
            )]),
        };
        Present { state, archived: false, version: 3 }
    }

    fn steps(wanted: &Wanted, present: &Present) -> Result<Vec<Step>, Conflict> {
        changes(wanted, Some(present), &here())
    }

    #[test]
    fn a_new_flag_is_made_aimed_and_turned_on() {
        let plain = changes(&wanted(ON), None, &here()).unwrap();
        assert_eq!(plain, [Step::Create, Step::TurnOn]);
        let aimed = wanted(&format!(r#"{ON}, "targeting": {{"if": [{{"var": "a"}}, "on"]}}"#));
        let aimed = changes(&aimed, None, &here()).unwrap();
        assert!(matches!(
            aimed.as_slice(),
            [Step::Create, Step::ReplaceTargeting(_), Step::TurnOn]
        ));
        let off = changes(&wanted(&ON.replace("ENABLED", "DISABLED")), None, &here()).unwrap();
        assert_eq!(off, [Step::Create]);
    }

    #[test]
    fn what_is_there_already_changes_nothing() {
        for rest in
            ["", r#", "targeting": {"if": [{"var": "a"}, "on"]}"#, r#", "description": "x""#]
        {
            let wanted = wanted(&format!("{ON}{rest}"));
            assert_eq!(steps(&wanted, &imported(&wanted)).unwrap(), []);
        }
        let mut named =
            imported(&wanted(&format!(r#"{ON}, "targeting": {{"if": [{{"var": "a"}}, "on"]}}"#)));
        named.state.environments.get_mut(&here()).unwrap().targeting.rules[0].name =
            Some("beta".to_owned());
        let again = wanted(&format!(r#"{ON}, "targeting": {{"if": [{{"var": "a"}}, "on"]}}"#));
        assert_eq!(steps(&again, &named).unwrap(), []);
    }

    #[test]
    fn rules_that_stay_keep_their_ids() {
        let before =
            imported(&wanted(&format!(r#"{ON}, "targeting": {{"if": [{{"var": "a"}}, "on"]}}"#)));
        let after = wanted(&format!(
            r#"{ON}, "targeting": {{"if": [{{"var": "b"}}, "off", {{"var": "a"}}, "on", null]}}"#
        ));
        let steps = steps(&after, &before).unwrap();
        let [Step::ReplaceTargeting(targeting)] = steps.as_slice() else { panic!("{steps:?}") };
        let ids: Vec<&str> = targeting.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, ["", "rule-0"]);
    }

    #[test]
    fn variations_are_added_changed_and_removed() {
        let flag = |variants: &str| {
            wanted(&format!(
                r#""state": "ENABLED", "variants": {{{variants}}}, "defaultVariant": "a""#
            ))
        };
        let before = imported(&flag(r#""a": 1, "b": 2, "c": 3"#));
        let after = steps(&flag(r#""a": 1, "b": 5, "d": 4"#), &before).unwrap();
        let added = Variation { key: "d".to_owned(), name: None, value: Value::from(4) };
        assert_eq!(
            after,
            [
                Step::ChangeVariation { key: "b".to_owned(), value: Value::from(5) },
                Step::AddVariation(added),
                Step::RemoveVariation("c".to_owned()),
            ]
        );
    }

    #[test]
    fn on_and_off_follow_the_file() {
        let (on, off) = (wanted(ON), wanted(&ON.replace("ENABLED", "DISABLED")));
        assert_eq!(steps(&off, &imported(&on)).unwrap(), [Step::TurnOff]);
        assert_eq!(steps(&on, &imported(&off)).unwrap(), [Step::TurnOn]);
    }

    #[test]
    fn what_cannot_become_so_is_a_conflict() {
        let before = imported(&wanted(ON));
        let number =
            wanted(r#""state": "ENABLED", "variants": {"off": 1}, "defaultVariant": "off""#);
        assert!(matches!(steps(&number, &before), Err(Conflict::Type { .. })));
        let archived = Present { archived: true, ..before.clone() };
        assert_eq!(steps(&wanted(ON), &archived), Err(Conflict::Archived));
        let other =
            wanted(r#""state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on""#);
        assert!(matches!(steps(&other, &before), Err(Conflict::Served { .. })));
    }
}
