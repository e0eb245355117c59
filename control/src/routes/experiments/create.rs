//! Drafting an experiment. Of its design only the metrics must be said; what is left out follows from the flag.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_auth::Permission;
use ff_commands::Target;
use ff_domain::{
    EnvironmentKey, ExperimentCommand, ExperimentError, ExperimentId, ExperimentKey, Flag, FlagId,
    FlagKey, FlagState, LayerKey, Project, UserId, VariationKey,
    experiment::{self, Analysis, Design, Measures},
};
use ff_evaluator::{Condition, Weight, WeightedVariation};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExperimentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, Refusal as _};
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// A new experiment, as a draft: nobody is served anything by it yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateExperiment {
    /// Its key, unique in the project. It never changes.
    key: ExperimentKey,
    /// What people call it.
    name: String,
    /// What is expected, and why.
    #[serde(default)]
    hypothesis: String,
    /// Words to find it by.
    #[serde(default)]
    tags: BTreeSet<String>,
    /// Who looks after it.
    #[serde(default)]
    owner: Option<UserId>,
    /// Key of the environment it runs in. It never changes.
    environment: EnvironmentKey,
    /// Key of the flag whose variations are compared. It never changes.
    flag: FlagKey,
    /// How it is run and measured.
    design: DraftDesign,
}

/// How a new experiment is run and measured. Only `metrics` must be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftDesign {
    /// The variations that are compared, each with its share of those who take part; if absent, all variations of the
    /// flag with equal shares.
    #[serde(default)]
    #[schema(min_items = 2, max_items = 20)]
    arms: Option<Vec<WeightedVariation>>,
    /// The arm that the others are compared with; if absent, what the flag serves in the environment when it is off,
    /// or the first arm if that is none of them.
    #[serde(default)]
    control: Option<VariationKey>,
    /// The share of users in percent that takes part; 100 if absent. In a layer, the share of the layer.
    #[serde(default)]
    traffic: Option<Weight>,
    /// For whom it is; everyone if absent.
    #[serde(default)]
    audience: Option<Condition>,
    /// The attribute whose value is bucketed; the targeting key if absent.
    #[serde(default)]
    bucket_by: Option<String>,
    /// The layer it shares with experiments that must not share its users.
    #[serde(default)]
    layer: Option<LayerKey>,
    /// Layers whose held out users it leaves alone.
    #[serde(default)]
    holdouts: BTreeSet<LayerKey>,
    /// What it is measured by.
    metrics: Measures,
    /// How it is analysed.
    #[serde(default)]
    analysis: Analysis,
}

impl Payload for CreateExperiment {}

/// Create an experiment
///
/// The shortest body has `key`, `name`, `environment`, `flag` and `design.metrics.primary`: then all variations of the
/// flag are compared, in equal shares of everyone, with what the flag serves when it is off.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments",
    operation_id = "create_experiment", tag = "experiments", params(ProjectPath),
    request_body = CreateExperiment,
    responses((status = 201, description = "Created, as a draft", body = ExperimentView)),
)]
pub(crate) async fn create_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<CreateExperiment>,
) -> Result<Answer<ExperimentView>, Problem> {
    let CreateExperiment { key, name, hypothesis, tags, owner, environment, flag, design } = body;
    let location = format!("/api/v1/orgs/{}/projects/{}/experiments/{key}", path.org, path.project);
    let project = path.project();
    let known = if design.is_complete() {
        None
    } else {
        let permission = Permission::ExperimentCreate;
        let grant = app.allow(&caller, permission, path.project_scope())?;
        match app.load(&grant, path.org(), FlagId::of(project, &flag)).await? {
            Flag::Live(state) => Some(state),
            Flag::Absent | Flag::Archived(_) => {
                let parent: Project = app.load(&grant, path.org(), project).await?;
                let there = matches!(parent, Project::Live(_));
                return Err(if there { unknown(&flag) } else { Problem::not_found() });
            }
        }
    };
    let design = design.complete(known.as_ref(), &environment)?;
    let target = Target::new(path.org(), ExperimentId::of(project, &key));
    let command = ExperimentCommand::Create(Box::new(experiment::CreateExperiment {
        project,
        key,
        name,
        hypothesis,
        tags,
        owner,
        environment,
        flag,
        design,
    }));
    let done = app.execute(&caller, path.project_scope(), target, command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}

/// As the domain says it of a flag that it misses.
fn unknown(flag: &FlagKey) -> Problem {
    let detail = format!("the project has no flag `{flag}`, or it is archived");
    wrong("/flag", detail)
}

fn wrong(pointer: &str, detail: impl Into<String>) -> Problem {
    ExperimentError::Invalid(vec![ff_domain::Problem::at(pointer, detail)]).into_problem()
}

impl DraftDesign {
    fn is_complete(&self) -> bool {
        self.arms.is_some() && self.control.is_some()
    }

    /// Fills in what was left out, by the flag.
    fn complete(
        self,
        flag: Option<&FlagState>,
        environment: &EnvironmentKey,
    ) -> Result<Design, Problem> {
        let arms = self
            .arms
            .or_else(|| Some(equal_shares(flag?.variations.iter().map(|each| &each.key))))
            .unwrap_or_default();
        let off = flag.map(|flag| flag.environment(environment).targeting.off_variation);
        let is_arm = |key: &String| arms.iter().any(|arm| arm.key == *key);
        let control = match self.control {
            Some(control) => control,
            None => off
                .filter(is_arm)
                .or_else(|| arms.first().map(|arm| arm.key.clone()))
                .and_then(|key| VariationKey::parse(key).ok())
                .ok_or_else(|| wrong("/design/arms", "name at least two variations"))?,
        };
        Ok(Design {
            arms,
            control,
            traffic: self.traffic.unwrap_or(Weight::WHOLE),
            audience: self.audience,
            bucket_by: self.bucket_by,
            layer: self.layer,
            holdouts: self.holdouts,
            metrics: self.metrics,
            analysis: self.analysis,
        })
    }
}

/// Shares as equal as thousandths of a percent can be; what does not divide goes to the first ones.
fn equal_shares<'a>(keys: impl ExactSizeIterator<Item = &'a String>) -> Vec<WeightedVariation> {
    let many = u32::try_from(keys.len()).unwrap_or(u32::MAX).max(1);
    let whole = Weight::WHOLE.thousandths();
    let (each, left) = (whole / many, whole % many);
    (0_u32..)
        .zip(keys)
        .map(|(index, key)| {
            let share = each + u32::from(index < left);
            let weight = Weight::from_thousandths(share).unwrap_or(Weight::WHOLE);
            WeightedVariation { key: key.clone(), weight }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_the_whole() {
        for many in [1, 2, 3, 7, 20] {
            let keys: Vec<String> = (0..many).map(|number| format!("v{number}")).collect();
            let shares = equal_shares(keys.iter());
            let weights: Vec<u32> = shares.iter().map(|arm| arm.weight.thousandths()).collect();
            assert_eq!(weights.iter().sum::<u32>(), 100_000, "{many}");
            assert!(weights[0] - weights[weights.len() - 1] <= 1, "{weights:?}");
        }
    }
}
