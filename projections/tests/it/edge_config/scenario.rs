//! A project whose commits a test writes one by one.

use std::collections::{BTreeSet, HashMap};

use cqrs_es::{Aggregate, DomainEvent};
use ff_domain::api_key::{ApiKeyState, EnvironmentScope, KeyPurpose, TokenRole, TokenScope};
use ff_domain::flag::{CreateFlag, Initial};
use ff_domain::metric::{Better, CreateMetric, MetricDefinition, MetricKind, Take, Term};
use ff_domain::segment::Members;
use ff_domain::{
    ApiKey, ApiKeyEvent, ApiKeyId, Environment, EnvironmentEvent, EnvironmentId, EnvironmentKey,
    EnvironmentState, Flag, FlagEvent, FlagId, FlagKey, Metric, MetricEvent, MetricId, MetricKey,
    OrganizationId, OrganizationKey, ProjectId, ProjectKey, Segment, SegmentEvent, SegmentId,
    SegmentKey, SegmentState,
};
use ff_evaluator::{ValueType, Variation};
use ff_eventlog::{
    Actor, ActorKind, Causation, CausationKind, CommitMeta, Draft, EventLog, EventRecord,
    MemoryLog, Position, StreamKey, Tip, Via, encode,
};
use uuid::Uuid;

pub(crate) struct Scenario {
    pub(crate) log: MemoryLog,
    pub(crate) project: ProjectId,
    /// The last commit.
    pub(crate) position: Position,
    pub(crate) organization: OrganizationId,
    tips: HashMap<StreamKey, Tip>,
    /// The next commits belong to this command.
    pub(crate) command: Option<Uuid>,
    keys: u8,
}

pub(crate) fn flag(key: &str) -> FlagKey {
    FlagKey::parse(key).unwrap()
}

fn environment(key: &str) -> EnvironmentKey {
    EnvironmentKey::parse(key).unwrap()
}

fn segment(key: &str) -> SegmentKey {
    SegmentKey::parse(key).unwrap()
}

fn metric(key: &str) -> MetricKey {
    MetricKey::parse(key).unwrap()
}

fn definition(kind: MetricKind) -> MetricDefinition {
    MetricDefinition {
        kind,
        unit: String::new(),
        better: Better::Higher,
        cap: None,
        window_hours: None,
        covariate_days: 14,
    }
}

fn project() -> ProjectKey {
    ProjectKey::parse("shop").unwrap()
}

impl Scenario {
    pub(crate) fn new() -> Self {
        let organization = OrganizationId::of(&OrganizationKey::parse("acme").unwrap());
        Self {
            log: MemoryLog::new(),
            project: ProjectId::of(organization, &project()),
            position: Position::ZERO,
            organization,
            tips: HashMap::new(),
            command: None,
            keys: 0,
        }
    }

    pub(crate) async fn environment(&mut self, key: &str) -> EnvironmentId {
        let state = EnvironmentState {
            project: self.project,
            key: environment(key),
            name: key.to_owned(),
            production: false,
            salt: "0123456789abcdef0123456789abcdef".to_owned(),
        };
        self.change_environment(key, EnvironmentEvent::Created(state)).await;
        EnvironmentId::of(self.project, &environment(key))
    }

    pub(crate) async fn change_environment(
        &mut self,
        key: &str,
        event: EnvironmentEvent,
    ) -> Position {
        let id = EnvironmentId::of(self.project, &environment(key));
        self.commit::<Environment, _>(id.0, &event).await
    }

    pub(crate) async fn flag(&mut self, key: &str) -> FlagId {
        let variation = |key: &str, value: bool| Variation {
            key: key.to_owned(),
            name: None,
            value: value.into(),
        };
        let created = CreateFlag {
            project: self.project,
            key: flag(key),
            name: key.to_owned(),
            description: String::new(),
            kind: ValueType::Boolean,
            lifetime: Default::default(),
            owner: None,
            tags: BTreeSet::new(),
            client_side: false,
            variations: vec![variation("on", true), variation("off", false)],
            initial: Initial {
                off_variation: "off".to_owned(),
                default_variation: "on".to_owned(),
            },
        };
        self.change_flag(key, FlagEvent::Created(Box::new(created))).await;
        FlagId::of(self.project, &flag(key))
    }

    pub(crate) async fn turn_on(&mut self, key: &str, at: &str) -> Position {
        self.change_flag(key, FlagEvent::TurnedOn { environment: environment(at) }).await
    }

    pub(crate) async fn change_flag(&mut self, key: &str, event: FlagEvent) -> Position {
        let id = FlagId::of(self.project, &flag(key));
        self.commit::<Flag, _>(id.0, &event).await
    }

    pub(crate) async fn segment(&mut self, key: &str) -> Position {
        let state = SegmentState {
            project: self.project,
            key: segment(key),
            name: key.to_owned(),
            description: String::new(),
            tags: BTreeSet::new(),
            members: Members::default(),
        };
        self.change_segment(key, SegmentEvent::Created(state)).await
    }

    pub(crate) async fn change_segment(&mut self, key: &str, event: SegmentEvent) -> Position {
        let id = SegmentId::of(self.project, &segment(key));
        self.commit::<Segment, _>(id.0, &event).await
    }

    /// A ratio of the values of one kind of event to the number of another.
    pub(crate) async fn metric(&mut self, key: &str) -> MetricId {
        let created = CreateMetric {
            project: self.project,
            key: metric(key),
            name: key.to_owned(),
            description: String::new(),
            tags: BTreeSet::new(),
            owner: None,
            definition: definition(MetricKind::Ratio {
                numerator: Term { event: "purchase".to_owned(), take: Take::Sum },
                denominator: Term { event: "order".to_owned(), take: Take::Count },
            }),
        };
        self.change_metric(key, MetricEvent::Created(created)).await;
        MetricId::of(self.project, &metric(key))
    }

    pub(crate) async fn redefine(&mut self, key: &str, event: &str, version: u32) -> Position {
        let definition = definition(MetricKind::Count { event: event.to_owned() });
        self.change_metric(key, MetricEvent::Redefined { definition, version }).await
    }

    pub(crate) async fn change_metric(&mut self, key: &str, event: MetricEvent) -> Position {
        let id = MetricId::of(self.project, &metric(key));
        self.commit::<Metric, _>(id.0, &event).await
    }

    pub(crate) async fn server_key(&mut self, at: &str) -> ApiKeyId {
        let scope = EnvironmentScope { project: project(), environment: environment(at) };
        self.issue(KeyPurpose::SdkServer(scope)).await
    }

    pub(crate) async fn api_token(&mut self) -> ApiKeyId {
        self.issue(KeyPurpose::ApiToken(TokenScope::everywhere(TokenRole::Viewer))).await
    }

    pub(crate) async fn revoke(&mut self, key: ApiKeyId) -> Position {
        self.commit::<ApiKey, _>(key.0, &ApiKeyEvent::Revoked {}).await
    }

    pub(crate) async fn replace(
        &mut self,
        key: ApiKeyId,
        by: ApiKeyId,
        expires_at: jiff::Timestamp,
    ) -> Position {
        self.commit::<ApiKey, _>(key.0, &ApiKeyEvent::Replaced { by, expires_at }).await
    }

    async fn issue(&mut self, purpose: KeyPurpose) -> ApiKeyId {
        self.keys += 1;
        let state = ApiKeyState {
            organization: self.organization,
            name: "key".to_owned(),
            purpose,
            hash: hex::encode([self.keys; 32]),
            prefix: "ff".to_owned(),
            expires_at: None,
            replaces: None,
            replaced_by: None,
        };
        let id = state.id().unwrap();
        self.commit::<ApiKey, _>(id.0, &ApiKeyEvent::Issued(state)).await;
        id
    }

    /// An event of a later version of the platform.
    pub(crate) async fn unknown_event(&mut self, key: &str) -> Position {
        let event =
            EventRecord { kind: "flag.blessed".to_owned(), v: 1, data: serde_json::Value::Null };
        self.append(Flag::TYPE, FlagId::of(self.project, &flag(key)).0, event).await
    }

    async fn commit<A: Aggregate<Event = E>, E: DomainEvent>(
        &mut self,
        id: Uuid,
        event: &E,
    ) -> Position {
        self.append(A::TYPE, id, encode(event).unwrap()).await
    }

    async fn append(&mut self, kind: &'static str, id: Uuid, event: EventRecord) -> Position {
        let stream = StreamKey::new(self.organization.0, kind, id);
        let command_id = self.command.unwrap_or_else(Uuid::new_v4);
        let draft = Draft {
            tip: self.tips.get(&stream).copied(),
            stream: stream.clone(),
            meta: CommitMeta {
                command_id,
                correlation_id: command_id,
                causation: Causation { kind: CausationKind::Command, id: String::new() },
                at: jiff::Timestamp::now(),
                actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
                via: Via::Cli,
                comment: None,
            },
            events: vec![event],
        };
        let recorded = self.log.append(vec![draft]).await.unwrap().remove(0);
        self.tips.insert(stream, recorded.tip());
        self.position = recorded.position;
        self.position
    }
}
