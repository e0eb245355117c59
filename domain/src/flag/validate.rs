//! What is wrong with a flag that someone wants to have. Pointers are into the input of the command: the flag for
//! its creation, the targeting for its replacement.

use ff_evaluator::{ExperimentDefinition, FlagDefinition, Variation};

use super::{CreateFlag, FlagDetails, FlagError, FlagFacts, FlagState, Targeting};
use crate::{
    FlagKey, Problem, VariationKey,
    text::{check_description, check_name, check_tags},
};

/// Most variations of a flag.
pub const VARIATIONS_MAX: usize = 100;
/// Most rules of a flag in one environment.
pub const RULES_MAX: usize = 200;
/// Most pinned users of a flag in one environment.
pub const TARGET_KEYS_MAX: usize = 10_000;
/// Most bytes of a variation's value as JSON.
pub const VALUE_MAX: usize = 64 * 1024;

pub(super) fn check_new(new: &CreateFlag) -> Result<(), FlagError> {
    let mut problems = Vec::new();
    check_name("/name", &new.name, &mut problems);
    check_description("/description", &new.description, &mut problems);
    check_tags("/tags", &new.tags, &mut problems);
    if new.variations.is_empty() {
        problems.push(Problem::at("/variations", "a flag has at least one variation"));
    }
    if new.variations.len() > VARIATIONS_MAX {
        problems.push(Problem::at(
            "/variations",
            too_many("variations", VARIATIONS_MAX, new.variations.len()),
        ));
    }
    for (index, variation) in new.variations.iter().enumerate() {
        check_variation(&format!("/variations/{index}"), variation, &mut problems);
    }
    let state = new.clone().into_state();
    // Targeting stands at `/default` there, and at `/initial/default_variation` here.
    problems.extend(evaluator_problems(&state, &state.initial.targeting()).into_iter().map(
        |problem| {
            let pointer = match problem.pointer.as_str() {
                "/off_variation" => "/initial/off_variation".to_owned(),
                pointer if pointer.starts_with("/default") => {
                    "/initial/default_variation".to_owned()
                }
                _ => problem.pointer,
            };
            Problem { pointer, ..problem }
        },
    ));
    finish(problems)
}

pub(super) fn check_details(details: &FlagDetails) -> Result<(), FlagError> {
    let mut problems = Vec::new();
    if let Some(name) = &details.name {
        check_name("/name", name, &mut problems);
    }
    if let Some(description) = &details.description {
        check_description("/description", description, &mut problems);
    }
    if let Some(tags) = &details.tags {
        check_tags("/tags", tags, &mut problems);
    }
    finish(problems)
}

/// Checks a flag whose variation at `index` is new or changed. Pointers are into that variation.
pub(super) fn check_flag(flag: &FlagState, index: usize) -> Result<(), FlagError> {
    let mut problems = Vec::new();
    if flag.variations.len() > VARIATIONS_MAX {
        problems
            .push(Problem::at("", too_many("variations", VARIATIONS_MAX, flag.variations.len())));
    }
    check_variation("", &flag.variations[index], &mut problems);
    let prefix = format!("/variations/{index}");
    problems.extend(evaluator_problems(flag, &flag.initial.targeting()).into_iter().filter_map(
        |problem| {
            let pointer = problem.pointer.strip_prefix(&prefix)?.to_owned();
            Some(Problem { pointer, ..problem })
        },
    ));
    finish(problems)
}

pub(super) fn check_targeting(
    flag: &FlagState,
    targeting: &Targeting,
    facts: &FlagFacts,
) -> Vec<Problem> {
    let mut problems = evaluator_problems(flag, targeting);
    if targeting.rules.len() > RULES_MAX {
        problems.push(Problem::at("/rules", too_many("rules", RULES_MAX, targeting.rules.len())));
    }
    let pinned: usize = targeting.targets.iter().map(|target| target.keys.len()).sum();
    if pinned > TARGET_KEYS_MAX {
        let detail =
            format!("{}; a segment holds more", too_many("pinned users", TARGET_KEYS_MAX, pinned));
        problems.push(Problem::at("/targets", detail));
    }
    for (index, prerequisite) in targeting.prerequisites.iter().enumerate() {
        let pointer = format!("/prerequisites/{index}");
        if prerequisite.flag == flag.key.as_str() {
            problems.push(Problem::at(
                format!("{pointer}/flag"),
                "a flag cannot be its own prerequisite",
            ));
        }
        if prerequisite.variations.is_empty() {
            let detail = "name at least one variation of the other flag";
            problems.push(Problem::at(format!("{pointer}/variations"), detail));
        }
    }
    problems.extend(unknown_mentions(flag, targeting, facts));
    problems
}

/// Checks an experiment that the flag shall serve. Pointers are into its definition.
pub(super) fn check_experiment(
    flag: &FlagState,
    targeting: Targeting,
    experiment: &ExperimentDefinition,
    facts: &FlagFacts,
) -> Vec<Problem> {
    let definition = FlagDefinition {
        experiment: Some(experiment.clone()),
        ..flag.definition_with(true, targeting)
    };
    let mut problems: Vec<Problem> = ff_evaluator::validate(&definition)
        .into_iter()
        .filter_map(|problem| {
            let pointer = problem.pointer.strip_prefix("/experiment")?.to_owned();
            Some(Problem { pointer, detail: problem.kind.to_string() })
        })
        .collect();
    if let Some(audience) = &experiment.condition {
        let found = ff_evaluator::condition_references(audience);
        let details = unknown(&found, &flag.key, facts);
        problems.extend(details.into_iter().map(|(_, detail)| Problem::at("/if", detail)));
    }
    problems
}

/// Mentions of what does not exist, each at the first place that makes it. Names that are no keys are among them:
/// nothing was looked up under those.
fn unknown_mentions(flag: &FlagState, targeting: &Targeting, facts: &FlagFacts) -> Vec<Problem> {
    let mentions = ff_evaluator::references(&flag.definition_with(true, targeting.clone()));
    unknown(&mentions, &flag.key, facts)
        .into_iter()
        .map(|(mentioned, detail)| Problem::at(place_of(targeting, mentioned), detail))
        .collect()
}

fn unknown<'a>(
    mentions: &'a ff_evaluator::References,
    own: &FlagKey,
    facts: &FlagFacts,
) -> Vec<(Mentioned<'a>, String)> {
    let mut unknown = Vec::new();
    for (other, variations) in &mentions.flags {
        if other == own.as_str() {
            continue;
        }
        let Some(known) = facts.flags.get(other.as_str()) else {
            let detail = format!("the project has no flag `{other}`, or it is archived");
            unknown.push((Mentioned::Flag(other), detail));
            continue;
        };
        for variation in variations.iter().filter(|key| !known.contains(key.as_str())) {
            let detail = format!("flag `{other}` has no variation `{variation}`");
            unknown.push((Mentioned::Flag(other), detail));
        }
    }
    for segment in mentions.segments.iter().filter(|key| !facts.segments.contains(key.as_str())) {
        let detail = format!("the project has no segment `{segment}`, or it is archived");
        unknown.push((Mentioned::Segment(segment), detail));
    }
    unknown
}

#[derive(Clone, Copy)]
enum Mentioned<'a> {
    Flag(&'a str),
    Segment(&'a str),
}

/// Where in a targeting something is mentioned first: a prerequisite, or a rule.
fn place_of(targeting: &Targeting, mentioned: Mentioned<'_>) -> String {
    if let Mentioned::Flag(key) = mentioned
        && let Some(index) =
            targeting.prerequisites.iter().position(|prerequisite| prerequisite.flag == key)
    {
        return format!("/prerequisites/{index}");
    }
    let in_rule = targeting.rules.iter().position(|rule| {
        rule.condition.as_ref().is_some_and(|condition| {
            let found = ff_evaluator::condition_references(condition);
            match mentioned {
                Mentioned::Flag(key) => found.flags.contains_key(key),
                Mentioned::Segment(key) => found.segments.contains(key),
            }
        })
    });
    in_rule.map_or_else(String::new, |index| format!("/rules/{index}/if"))
}

/// What the evaluator would stumble over, with pointers into the flag's variations or the targeting.
fn evaluator_problems(flag: &FlagState, targeting: &Targeting) -> Vec<Problem> {
    let definition = flag.definition_with(true, targeting.clone());
    ff_evaluator::validate(&definition)
        .into_iter()
        .map(|problem| Problem { pointer: problem.pointer, detail: problem.kind.to_string() })
        .collect()
}

fn check_variation(pointer: &str, variation: &Variation, problems: &mut Vec<Problem>) {
    if let Err(error) = VariationKey::parse(&*variation.key) {
        problems.push(Problem::at(format!("{pointer}/key"), error.to_string()));
    }
    if let Some(name) = &variation.name {
        check_name(&format!("{pointer}/name"), name, problems);
    }
    let size = variation.value.to_string().len();
    if size > VALUE_MAX {
        let detail = format!("a value has at most {VALUE_MAX} bytes of JSON, this one has {size}");
        problems.push(Problem::at(format!("{pointer}/value"), detail));
    }
}

fn too_many(what: &str, most: usize, these: usize) -> String {
    format!("at most {most} {what}, these are {these}")
}

fn finish(problems: Vec<Problem>) -> Result<(), FlagError> {
    if problems.is_empty() { Ok(()) } else { Err(FlagError::Invalid(problems)) }
}
