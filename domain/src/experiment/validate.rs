//! What is wrong with an experiment that someone wants to have. Pointers are into the input of the command: the
//! experiment for its creation, the design for its replacement.

use std::collections::BTreeSet;

use ff_evaluator::Weight;

use super::{
    Analysis, CreateExperiment, Design, ExperimentDetails, ExperimentError, ExperimentFacts,
    Iteration, Measures, Method, Verdict,
};
use crate::{
    FlagKey, LayerKey, MetricKey, Problem,
    layer::is_whole,
    text::{check_description, check_name, check_tags},
};

/// Most arms of an experiment.
pub const ARMS_MAX: usize = 20;
/// Most metrics of an experiment, whatever they are for.
pub const METRICS_MAX: usize = 100;
/// Most layers whose held out users an experiment leaves alone.
pub const HOLDOUTS_MAX: usize = 30;
/// Most attributes that results are broken down by.
pub const BREAKDOWNS_MAX: usize = 5;
/// The longest time between two planned looks, in hours.
pub const LOOK_EVERY_HOURS_MAX: u32 = 24 * 90;
/// Most users that can be planned: more than there are people, and few enough for every reader of JSON.
pub const PLANNED_USERS_MAX: u64 = 1_000_000_000_000;
/// Most characters of a reason.
pub const REASON_MAX: usize = 4096;

/// Most characters of an attribute's name.
const ATTRIBUTE_MAX: usize = 128;

pub(super) fn refuse(problems: Vec<Problem>) -> Result<(), ExperimentError> {
    if problems.is_empty() { Ok(()) } else { Err(ExperimentError::Invalid(problems)) }
}

pub(super) fn check_new(new: &CreateExperiment, facts: &ExperimentFacts) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_name("/name", &new.name, &mut problems);
    check_description("/hypothesis", &new.hypothesis, &mut problems);
    check_tags("/tags", &new.tags, &mut problems);
    if !facts.environment {
        let detail =
            format!("the project has no environment `{}`, or it is archived", new.environment);
        problems.push(Problem::at("/environment", detail));
    }
    if facts.flag.is_none() {
        let detail = format!("the project has no flag `{}`, or it is archived", new.flag);
        problems.push(Problem::at("/flag", detail));
    }
    problems.extend(check_design("/design", &new.flag, &new.design, facts));
    problems
}

pub(super) fn check_details(details: &ExperimentDetails) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(name) = &details.name {
        check_name("/name", name, &mut problems);
    }
    if let Some(hypothesis) = &details.hypothesis {
        check_description("/hypothesis", hypothesis, &mut problems);
    }
    if let Some(tags) = &details.tags {
        check_tags("/tags", tags, &mut problems);
    }
    problems
}

pub(super) fn check_reason(reason: &str) -> Vec<Problem> {
    let length = reason.chars().count();
    let detail = if reason.trim().is_empty() {
        "say why; a reason is not blank".to_owned()
    } else if length > REASON_MAX || reason.contains('\0') {
        format!("at most {REASON_MAX} characters and no NUL, these are {length}")
    } else {
        return Vec::new();
    };
    vec![Problem::at("/reason", detail)]
}

pub(super) fn check_verdict(iteration: Option<&Iteration>, outcome: &Verdict) -> Vec<Problem> {
    let Verdict::Ship { variation } = outcome else { return Vec::new() };
    let known =
        iteration.is_some_and(|last| last.arms.iter().any(|arm| arm.key == variation.as_str()));
    let detail = if !known {
        format!("the experiment did not compare `{variation}`")
    } else if iteration.is_some_and(|last| last.control == *variation) {
        format!("`{variation}` is the control: decide `keep_control`")
    } else {
        return Vec::new();
    };
    vec![Problem::at("/outcome/variation", detail)]
}

/// Everything wrong with a design that stands at `at` in the input.
pub(super) fn check_design(
    at: &str,
    flag: &FlagKey,
    design: &Design,
    facts: &ExperimentFacts,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_arms(design, facts, &mut problems);
    if design.traffic.thousandths() == 0 || !is_whole(design.traffic) {
        let detail = "traffic is above 0 and goes in steps of 0.01 percent";
        problems.push(Problem::at("/traffic", detail));
    }
    check_audience(flag, design, facts, &mut problems);
    if design.bucket_by.as_ref().is_some_and(|attribute| attribute.trim().is_empty()) {
        let detail = "name an attribute, or leave `bucket_by` out for the targeting key";
        problems.push(Problem::at("/bucket_by", detail));
    }
    check_layers(design, facts, &mut problems);
    let mut problems: Vec<Problem> = problems.into_iter().map(|p| p.below(at)).collect();
    problems.extend(check_measuring(at, design, facts));
    problems
}

/// Everything wrong with how a design measures: what may still be changed when users are shared out no more.
pub(super) fn check_measuring(at: &str, design: &Design, facts: &ExperimentFacts) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_metrics(&design.metrics, &facts.metrics, &mut problems);
    check_analysis(&design.analysis, &mut problems);
    problems.into_iter().map(|problem| problem.below(at)).collect()
}

fn check_arms(design: &Design, facts: &ExperimentFacts, problems: &mut Vec<Problem>) {
    let arms = &design.arms;
    if !(2..=ARMS_MAX).contains(&arms.len()) {
        let detail = format!("2 to {ARMS_MAX} arms, these are {}", arms.len());
        problems.push(Problem::at("/arms", detail));
    }
    let sum: u32 = arms.iter().map(|arm| arm.weight.thousandths()).fold(0, u32::saturating_add);
    if sum != Weight::WHOLE.thousandths() {
        let detail = format!("weights must sum to 100, these sum to {}", f64::from(sum) / 1000.0);
        problems.push(Problem::at("/arms", detail));
    }
    let mut seen = BTreeSet::new();
    for (index, arm) in arms.iter().enumerate() {
        let pointer = format!("/arms/{index}/key");
        if !seen.insert(&arm.key) {
            problems.push(Problem::at(&pointer, format!("`{}` is listed twice", arm.key)));
        }
        if let Some(flag) = &facts.flag
            && flag.variations.iter().all(|variation| variation.key != arm.key)
        {
            let detail = format!("flag `{}` has no variation `{}`", flag.key, arm.key);
            problems.push(Problem::at(pointer, detail));
        }
    }
    if arms.iter().all(|arm| arm.key != design.control.as_str()) {
        let detail = format!("the control is one of the arms, `{}` is none", design.control);
        problems.push(Problem::at("/control", detail));
    }
}

fn check_audience(
    flag: &FlagKey,
    design: &Design,
    facts: &ExperimentFacts,
    problems: &mut Vec<Problem>,
) {
    let Some(audience) = &design.audience else { return };
    for problem in ff_evaluator::validate_condition(audience) {
        let pointer = format!("/audience{}", problem.pointer);
        problems.push(Problem::at(pointer, problem.kind.to_string()));
    }
    let mut at = |detail: String| problems.push(Problem::at("/audience", detail));
    let found = ff_evaluator::condition_references(audience);
    for (other, variations) in &found.flags {
        if other == flag.as_str() {
            at(format!("who sees flag `{other}` cannot depend on what it serves them"));
            continue;
        }
        match facts.flags.get(other.as_str()) {
            None => at(format!("the project has no flag `{other}`, or it is archived")),
            Some(known) => {
                for variation in variations.iter().filter(|key| !known.contains(key.as_str())) {
                    at(format!("flag `{other}` has no variation `{variation}`"));
                }
            }
        }
    }
    for segment in found.segments.iter().filter(|key| !facts.segments.contains(key.as_str())) {
        at(format!("the project has no segment `{segment}`, or it is archived"));
    }
}

fn check_layers(design: &Design, facts: &ExperimentFacts, problems: &mut Vec<Problem>) {
    if design.holdouts.len() > HOLDOUTS_MAX {
        let detail = format!("at most {HOLDOUTS_MAX}, these are {}", design.holdouts.len());
        problems.push(Problem::at("/holdouts", detail));
    }
    if let Some(layer) = &design.layer {
        problems.extend(layer_problem(layer, "/layer", design, facts));
    }
    for (index, layer) in design.holdouts.iter().enumerate() {
        let pointer = format!("/holdouts/{index}");
        let nothing = facts.layers.get(layer).is_some_and(|layer| layer.holdout_end() == 0);
        if nothing {
            let detail = format!("layer `{layer}` holds nobody out");
            problems.push(Problem::at(&pointer, detail));
        }
        problems.extend(layer_problem(layer, &pointer, design, facts));
    }
}

fn layer_problem(
    key: &LayerKey,
    pointer: &str,
    design: &Design,
    facts: &ExperimentFacts,
) -> Option<Problem> {
    let detail = match facts.layers.get(key) {
        None => format!("the project has no layer `{key}`, or it is archived"),
        // The same user would have two places in it.
        Some(layer) if layer.bucket_by != design.bucket_by => {
            let of_layer = layer.bucket_by.as_deref().unwrap_or("the targeting key");
            format!("layer `{key}` is bucketed by {of_layer}; set `bucket_by` to the same")
        }
        Some(_) => return None,
    };
    Some(Problem::at(pointer, detail))
}

fn check_metrics(measures: &Measures, known: &BTreeSet<MetricKey>, problems: &mut Vec<Problem>) {
    if measures.primary.is_empty() {
        problems.push(Problem::at("/metrics/primary", "name at least one metric that decides"));
    }
    let mut seen = BTreeSet::new();
    for (place, key) in measures.all() {
        let pointer = format!("/metrics{place}");
        if !seen.insert(key) {
            problems.push(Problem::at(pointer, format!("metric `{key}` is listed twice")));
        } else if !known.contains(key) {
            let detail = format!("the project has no metric `{key}`, or it is archived");
            problems.push(Problem::at(pointer, detail));
        }
    }
    if seen.len() > METRICS_MAX {
        let detail = format!("at most {METRICS_MAX} metrics, these are {}", seen.len());
        problems.push(Problem::at("/metrics", detail));
    }
    for (index, guardrail) in measures.guardrails.iter().enumerate() {
        if guardrail.margin == Weight::WHOLE {
            let pointer = format!("/metrics/guardrails/{index}/margin");
            problems.push(Problem::at(pointer, "a loss of everything guards nothing: below 100"));
        }
    }
}

fn check_analysis(analysis: &Analysis, problems: &mut Vec<Problem>) {
    let mut at = |place: &str, detail: String| {
        problems.push(Problem::at(format!("/analysis{place}"), detail));
    };
    for (place, share) in [("/confidence", analysis.confidence), ("/power", analysis.power)] {
        if share.thousandths() < 50_000 || share == Weight::WHOLE {
            at(place, "between 50 and 100 percent, without 100".to_owned());
        }
    }
    match analysis.planned_users {
        Some(0) => at("/planned_users", "plan at least one user, or leave it out".to_owned()),
        Some(users) if users > PLANNED_USERS_MAX => {
            at("/planned_users", format!("at most {PLANNED_USERS_MAX} users, these are {users}"));
        }
        None if analysis.method == Method::Fixed => {
            at("/planned_users", "one look needs to know when: say how many users".to_owned());
        }
        _ => {}
    }
    if !(1..=LOOK_EVERY_HOURS_MAX).contains(&analysis.look_every_hours) {
        let hours = analysis.look_every_hours;
        at("/look_every_hours", format!("1 to {LOOK_EVERY_HOURS_MAX} hours, this is {hours}"));
    }
    if analysis.minimum_effect.is_some_and(|effect| effect.thousandths() == 0) {
        at("/minimum_effect", "an effect of nothing is never found: above 0".to_owned());
    }
    if analysis.breakdowns.len() > BREAKDOWNS_MAX {
        let many = analysis.breakdowns.len();
        at("/breakdowns", format!("at most {BREAKDOWNS_MAX}, these are {many}"));
    }
    let mut seen = BTreeSet::new();
    for (index, attribute) in analysis.breakdowns.iter().enumerate() {
        let place = format!("/breakdowns/{index}");
        if !seen.insert(attribute) {
            at(&place, format!("`{attribute}` is listed twice"));
        }
        if attribute.trim().is_empty()
            || attribute.chars().count() > ATTRIBUTE_MAX
            || attribute.chars().any(char::is_control)
        {
            at(&place, format!("an attribute has 1 to {ATTRIBUTE_MAX} printable characters"));
        }
    }
}
