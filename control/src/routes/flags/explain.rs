//! Why someone gets what they get, or got: an evaluation with every step, by the definitions of now or of a past position.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use ff_auth::right;
use ff_domain::{
    Environment, EnvironmentId, EnvironmentKey, Flag, FlagId, FlagKey, FlagState, ProjectId,
    Segment, SegmentId, SegmentKey, SegmentState,
};
use ff_evaluator::{Config, Context, EnvironmentDefinition};
use ff_eventlog::Position;
use ff_projections::{ProjectionName, Queries, QueryError};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::App;
use crate::middleware::Seen;
use crate::problem::{Problem, code};
use crate::request::{Change, May, Payload};
use crate::respond::Answer;
use crate::routes::paths::FlagEnvironmentPath;

/// Whom to evaluate the flag for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainFlag {
    /// Attributes of the one who asks, `targetingKey` among them.
    #[schema(value_type = Object, example = json!({"targetingKey": "user-1", "country": "US"}))]
    context: Map<String, Value>,
    /// A position of the log: the definitions are taken as they were after that commit. Now if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(0|[1-9][0-9]{0,17})$")]
    as_of: Option<Position>,
    /// The time that conditions on time are judged by. Now if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
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
/// Evaluates the flag for a context as an SDK would, or would have as of a position, and says why. Nothing is counted or
/// changed.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/environments/{environment}/explain",
    operation_id = "explain_flag", tag = "flags", params(FlagEnvironmentPath),
    request_body = ExplainFlag,
    responses((status = 200, description = "What comes out, and why", body = Explanation)),
)]
pub(crate) async fn explain_flag(
    State(app): State<App>,
    May { grant, path, .. }: May<right::FlagRead, FlagEnvironmentPath>,
    seen: Seen,
    Change { body, .. }: Change<ExplainFlag>,
) -> Result<Answer<ff_evaluator::Explanation>, Problem> {
    app.wait_for(ProjectionName::Catalog, seen).await?;
    let context = Context::from_attributes(body.context).map_err(|error| {
        let detail = "the context cannot be evaluated, see `errors`";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::UNEXPECTED_BODY, detail)
            .at("/context/targetingKey", error.to_string())
    })?;
    let queries = app.read(&grant);
    let position = match body.as_of {
        Some(position) => position,
        None => queries.position(ProjectionName::Catalog).await?,
    };
    let (environment, asked) = (path.environment_id(), path.id());
    let mut reachable = Reachable::new(queries, path.project(), path.environment, body.as_of);
    let salt = reachable.salt(environment).await?.ok_or_else(Problem::not_found)?;
    match reachable.find_flag(asked).await?.ok_or_else(Problem::not_found)? {
        Flag::Live(asked) => reachable.add_flag(asked),
        Flag::Absent | Flag::Archived(_) => {}
    }
    let (flags, segments) = reachable.follow().await?;
    let id = environment.to_string();
    let definition =
        EnvironmentDefinition { id, salt, position: position.to_string(), flags, segments };
    let (config, _) = Config::compile(&definition);
    let at = body.at.unwrap_or_else(Timestamp::now);
    let explanation = config.explain(path.flag.as_str(), &context, at);
    Ok(Answer::found(explanation, None, position))
}

/// The live flags and segments that evaluating a flag can come to. The rest of the project cannot make a difference.
struct Reachable<'q> {
    queries: &'q Queries,
    project: ProjectId,
    environment: EnvironmentKey,
    as_of: Option<Position>,
    flags: BTreeMap<FlagKey, FlagState>,
    segments: BTreeMap<SegmentKey, SegmentState>,
    open_flags: BTreeSet<FlagKey>,
    open_segments: BTreeSet<SegmentKey>,
}

type Definitions = (Vec<ff_evaluator::FlagDefinition>, Vec<ff_evaluator::SegmentDefinition>);

impl<'q> Reachable<'q> {
    fn new(
        queries: &'q Queries,
        project: ProjectId,
        environment: EnvironmentKey,
        as_of: Option<Position>,
    ) -> Self {
        Self {
            queries,
            project,
            environment,
            as_of,
            flags: BTreeMap::new(),
            segments: BTreeMap::new(),
            open_flags: BTreeSet::new(),
            open_segments: BTreeSet::new(),
        }
    }

    /// The salt of an environment, archived or not.
    async fn salt(&self, id: EnvironmentId) -> Result<Option<String>, QueryError> {
        Ok(match self.as_of {
            None => self.queries.environment(id).await?.map(|found| found.state.salt),
            Some(position) => {
                let found = self.queries.as_of::<Environment>(id.0, position).await?;
                found.as_ref().and_then(Environment::state).map(|state| state.salt.clone())
            }
        })
    }

    async fn find_flag(&self, id: FlagId) -> Result<Option<Flag>, QueryError> {
        match self.as_of {
            None => Ok(self.queries.flag(id).await?.map(|found| {
                if found.archived { Flag::Archived(found.state) } else { Flag::Live(found.state) }
            })),
            Some(position) => self.queries.as_of(id.0, position).await,
        }
    }

    async fn find_segment(&self, id: SegmentId) -> Result<Option<SegmentState>, QueryError> {
        Ok(match self.as_of {
            None => {
                let found = self.queries.segment(id).await?;
                found.filter(|segment| !segment.archived).map(|segment| segment.state)
            }
            Some(position) => match self.queries.as_of::<Segment>(id.0, position).await? {
                Some(Segment::Live(state)) => Some(state),
                _ => None,
            },
        })
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
                if let Some(Flag::Live(flag)) =
                    self.find_flag(FlagId::of(self.project, &key)).await?
                    && !self.flags.contains_key(&flag.key)
                {
                    self.add_flag(flag);
                }
            } else if let Some(key) = self.open_segments.pop_first() {
                let found = self.find_segment(SegmentId::of(self.project, &key)).await?;
                if let Some(segment) = found.filter(|s| !self.segments.contains_key(&s.key)) {
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
