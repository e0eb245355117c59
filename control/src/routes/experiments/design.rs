//! How an experiment is run and measured.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_domain::{
    ExperimentCommand, LayerKey, VariationKey,
    experiment::{Analysis, Design, Measures},
};
use ff_evaluator::{Condition, Weight, WeightedVariation};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExperimentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ExperimentPath;

/// All of a design, as `design` of the experiment shows it, and whether users are shuffled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceDesign {
    /// The variations that are compared, each with its share of those who take part; at least two.
    #[schema(min_items = 2, max_items = 20)]
    arms: Vec<WeightedVariation>,
    /// The arm that the others are compared with.
    control: VariationKey,
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
    /// Whether users are shared out anew in the iteration that opens. If absent, they stay where they are when only
    /// traffic, audience or holdouts change.
    #[serde(default)]
    reshuffle: Option<bool>,
}

impl Payload for ReplaceDesign {}

impl ReplaceDesign {
    fn into_command(self) -> ExperimentCommand {
        let design = Design {
            arms: self.arms,
            control: self.control,
            traffic: self.traffic.unwrap_or(Weight::WHOLE),
            audience: self.audience,
            bucket_by: self.bucket_by,
            layer: self.layer,
            holdouts: self.holdouts,
            metrics: self.metrics,
            analysis: self.analysis,
        };
        ExperimentCommand::ReplaceDesign { design: Box::new(design), reshuffle: self.reshuffle }
    }
}

/// Say anew how an experiment is run and measured
///
/// While it runs or is paused, a change of who gets what ends its iteration and opens the next; metrics and analysis
/// change without one. After the stop only metrics and analysis can change, after the decision nothing.
#[utoipa::path(
    put, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/design",
    operation_id = "replace_experiment_design", tag = "experiments", params(ExperimentPath),
    request_body = ReplaceDesign,
    responses((status = 200, description = "Replaced", body = ExperimentView)),
)]
pub(crate) async fn replace_experiment_design(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { body, intent }: Change<ReplaceDesign>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = body.into_command();
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
