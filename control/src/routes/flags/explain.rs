//! Why someone gets what they get: an evaluation as it would happen now, with every step.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use ff_auth::Permission;
use ff_domain::{
    EnvironmentKey, FlagId, FlagKey, FlagState, ProjectId, SegmentId, SegmentKey, SegmentState,
};
use ff_evaluator::{Config, Context, EnvironmentDefinition};
use ff_projections::{ProjectionName, Queries, QueryError};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::App;
use crate::middleware::{Caller, Seen};
use crate::problem::{Problem, code};
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::FlagEnvironmentPath;

/// Whom to evaluate the flag for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainFlag {
    /// Attributes of the one who asks, `targetingKey` among them.
    #[schema(value_type = Object, example = json!({"targetingKey": "user-1", "country": "US"}))]
    context: Map<String, Value>,
}

impl Payload for ExplainFlag {}

/// An evaluation and how it came about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the evaluator answers with")]
pub(crate) struct Explanation {
    /// Key of the flag.
    flag: String,
    /// How far the definitions were that it was evaluated with.
    position: String,
    /// When it was evaluated.
    #[schema(format = DateTime)]
    at: String,
    /// What the application gets.
    #[schema(required = false)]
    value: Value,
    /// Key of the variation.
    #[schema(required = false)]
    variation: String,
    /// Why.
    reason: String,
    /// What is wrong, if the reason is `ERROR`.
    #[schema(required = false)]
    error: String,
    /// Id of the rule that decided; with an experiment, of its iteration.
    #[schema(required = false)]
    rule: String,
    /// Key of the experiment that the context takes part in.
    #[schema(required = false)]
    experiment: String,
    /// What was looked at, in order: every condition, what it compared and what came out, an
    /// experiment with its slices of users, the buckets and the ranges.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<Value>,
}

/// Explain an evaluation
///
/// Evaluates the flag for a context as an SDK would, and says why. Nothing is counted or changed.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/environments/{environment}/explain",
    operation_id = "explain_flag", tag = "flags", params(FlagEnvironmentPath),
    request_body = ExplainFlag,
    responses((status = 200, description = "What comes out, and why", body = Explanation)),
)]
pub(crate) async fn explain_flag(
    State(app): State<App>,
    caller: Caller,
    seen: Seen,
    At(path): At<FlagEnvironmentPath>,
    Change { body, .. }: Change<ExplainFlag>,
) -> Result<Answer<ff_evaluator::Explanation>, Problem> {
    let grant = app.allow(&caller, Permission::FlagRead, path.scope()).await?;
    app.wait_for(ProjectionName::Catalog, seen).await?;
    let context = Context::from_attributes(body.context).map_err(|error| {
        let detail = "the context cannot be evaluated, see `errors`";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::UNEXPECTED_BODY, detail)
            .at("/context/targetingKey", error.to_string())
    })?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let environment = queries.environment(path.environment_id()).await?;
    let environment = environment.ok_or_else(Problem::not_found)?;
    let asked = queries.flag(path.id()).await?.ok_or_else(Problem::not_found)?;
    let mut reachable = Reachable::new(queries, path.project(), path.environment);
    if !asked.archived {
        reachable.add_flag(asked.state);
    }
    let (flags, segments) = reachable.follow().await?;
    let definition = EnvironmentDefinition {
        id: environment.state.id().to_string(),
        salt: environment.state.salt,
        position: position.to_string(),
        flags,
        segments,
    };
    let (config, _) = Config::compile(&definition);
    let explanation = config.explain(path.flag.as_str(), &context, Timestamp::now());
    Ok(Answer::found(explanation, None, position))
}

/// The live flags and segments that evaluating a flag can come to. The rest of the project cannot make a difference.
struct Reachable<'q> {
    queries: &'q Queries,
    project: ProjectId,
    environment: EnvironmentKey,
    flags: BTreeMap<FlagKey, FlagState>,
    segments: BTreeMap<SegmentKey, SegmentState>,
    open_flags: BTreeSet<FlagKey>,
    open_segments: BTreeSet<SegmentKey>,
}

type Definitions = (Vec<ff_evaluator::FlagDefinition>, Vec<ff_evaluator::SegmentDefinition>);

impl<'q> Reachable<'q> {
    fn new(queries: &'q Queries, project: ProjectId, environment: EnvironmentKey) -> Self {
        Self {
            queries,
            project,
            environment,
            flags: BTreeMap::new(),
            segments: BTreeMap::new(),
            open_flags: BTreeSet::new(),
            open_segments: BTreeSet::new(),
        }
    }

    fn add_flag(&mut self, flag: FlagState) {
        let mentioned = flag.references();
        let here = mentioned.flags.get(&self.environment).into_iter().flat_map(BTreeMap::keys);
        self.open_flags.extend(here.filter(|key| !self.flags.contains_key(*key)).cloned());
        let segments = mentioned.segments.into_iter();
        self.open_segments.extend(segments.filter(|key| !self.segments.contains_key(key)));
        self.flags.insert(flag.key.clone(), flag);
    }

    fn add_segment(&mut self, segment: SegmentState) {
        let segments = segment.references().segments.into_iter();
        self.open_segments.extend(segments.filter(|key| !self.segments.contains_key(key)));
        self.segments.insert(segment.key.clone(), segment);
    }

    /// Follows every mention; what is archived or gone is left out, as an edge has it.
    async fn follow(mut self) -> Result<Definitions, QueryError> {
        loop {
            if let Some(key) = self.open_flags.pop_first() {
                let found = self.queries.flag(FlagId::of(self.project, &key)).await?;
                let live = found.filter(|flag| !flag.archived).map(|flag| flag.state);
                if let Some(flag) = live.filter(|flag| !self.flags.contains_key(&flag.key)) {
                    self.add_flag(flag);
                }
            } else if let Some(key) = self.open_segments.pop_first() {
                let found = self.queries.segment(SegmentId::of(self.project, &key)).await?;
                let live = found.filter(|segment| !segment.archived).map(|segment| segment.state);
                if let Some(segment) = live.filter(|s| !self.segments.contains_key(&s.key)) {
                    self.add_segment(segment);
                }
            } else {
                break;
            }
        }
        let flags = self.flags.values().map(|flag| flag.definition(&self.environment)).collect();
        let segments = self.segments.values().map(SegmentState::definition).collect();
        Ok((flags, segments))
    }
}
