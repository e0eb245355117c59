//! Experiments, metrics and layers to write.

use std::collections::{BTreeMap, BTreeSet};

use ff_domain::{
    Experiment, ExperimentEvent, ExperimentId, ExperimentKey, FlagKey, Layer, LayerEvent, LayerId,
    LayerKey, Metric, MetricEvent, MetricId, MetricKey, ProjectId, VariationKey,
    experiment::{Analysis, CreateExperiment, Design, Guardrail, Iteration, Measures, definition},
    layer::CreateLayer,
    metric::{CreateMetric, MetricDefinition},
};
use ff_evaluator::{Weight, WeightedVariation};
use ff_eventlog::{EventLog, Position};
use jiff::Timestamp;

use crate::world::{World, environment, project};

pub(crate) fn key(key: &str) -> ExperimentKey {
    ExperimentKey::parse(key).unwrap()
}

pub(crate) fn metric_key(key: &str) -> MetricKey {
    MetricKey::parse(key).unwrap()
}

pub(crate) fn layer_key(key: &str) -> LayerKey {
    LayerKey::parse(key).unwrap()
}

pub(crate) fn experiment_id(name: &str) -> ExperimentId {
    ExperimentId::of(project(), &key(name))
}

/// A count of these events.
pub(crate) fn counting(event: &str) -> MetricDefinition {
    let kind = serde_json::json!({"type": "count", "event": event});
    serde_json::from_value(serde_json::json!({"kind": kind, "better": "higher"})).unwrap()
}

/// An experiment on the flag `a`, half and half, that these metrics decide about.
pub(crate) fn new_experiment(name: &str, primary: &[&str]) -> CreateExperiment {
    let half = Weight::from_percent(50.0).unwrap();
    let arm = |key: &str| WeightedVariation { key: key.to_owned(), weight: half };
    CreateExperiment {
        project: project(),
        key: key(name),
        name: format!("The {name}"),
        hypothesis: String::new(),
        tags: BTreeSet::new(),
        owner: None,
        environment: environment("production"),
        flag: FlagKey::parse("a").unwrap(),
        design: Design {
            arms: vec![arm("off"), arm("on")],
            control: VariationKey::parse("off").unwrap(),
            traffic: Weight::WHOLE,
            audience: None,
            bucket_by: None,
            layer: None,
            holdouts: BTreeSet::new(),
            metrics: Measures {
                primary: primary.iter().map(|key| metric_key(key)).collect(),
                ..Measures::default()
            },
            analysis: Analysis::default(),
        },
    }
}

/// A guardrail of one percent.
pub(crate) fn guardrail(metric: &str) -> Guardrail {
    let margin = Weight::from_percent(1.0).unwrap();
    Guardrail {
        metric: metric_key(metric),
        margin,
        on_breach: ff_domain::experiment::Breach::Pause,
    }
}

/// What starting it says.
pub(crate) fn started(new: &CreateExperiment, at: Timestamp) -> Vec<ExperimentEvent> {
    let iteration = Iteration {
        number: 1,
        started_at: at,
        ended_at: None,
        arms: new.design.arms.clone(),
        control: new.design.control.clone(),
        traffic: new.design.traffic,
        definition: definition(&new.key, 1, &new.design, None, None, &BTreeMap::new()),
        basis: "0".repeat(32),
    };
    let iteration = Box::new(iteration);
    vec![ExperimentEvent::Started { at }, ExperimentEvent::IterationStarted { iteration }]
}

impl<L: EventLog> World<L> {
    pub(crate) async fn draft(&mut self, new: &CreateExperiment) -> Position {
        let id = ExperimentId::of(new.project, &new.key).0;
        let event = ExperimentEvent::Created(Box::new(new.clone()));
        self.write::<Experiment>(id, &[event]).await
    }

    pub(crate) async fn change_experiment(
        &mut self,
        name: &str,
        events: &[ExperimentEvent],
    ) -> Position {
        self.write::<Experiment>(experiment_id(name).0, events).await
    }

    pub(crate) async fn create_metric(&mut self, name: &str, event: &str) -> Position {
        let new = CreateMetric {
            project: project(),
            key: metric_key(name),
            name: format!("The {name}"),
            description: String::new(),
            tags: BTreeSet::from([format!("of {event}")]),
            owner: None,
            definition: counting(event),
        };
        self.change_metric(name, MetricEvent::Created(new)).await
    }

    pub(crate) async fn change_metric(&mut self, name: &str, event: MetricEvent) -> Position {
        let id = MetricId::of(project(), &metric_key(name));
        self.write::<Metric>(id.0, &[event]).await
    }

    pub(crate) async fn create_layer(&mut self, name: &str) -> Position {
        let new = CreateLayer {
            project: project(),
            key: layer_key(name),
            name: format!("The {name}"),
            description: String::new(),
            holdout: Weight::from_percent(5.0).unwrap(),
            bucket_by: None,
        };
        self.change_layer(name, LayerEvent::Created(new)).await
    }

    pub(crate) async fn change_layer(&mut self, name: &str, event: LayerEvent) -> Position {
        let id = LayerId::of(project(), &layer_key(name));
        self.write::<Layer>(id.0, &[event]).await
    }

    /// One of each kind, changed once: six commits.
    pub(crate) async fn one_of_each(&mut self, project: ProjectId) {
        self.create_metric("m", "bought").await;
        let redefined = MetricEvent::Redefined { definition: counting("paid"), version: 2 };
        self.change_metric("m", redefined).await;
        self.create_layer("l").await;
        let mut new = CreateExperiment { project, ..new_experiment("e", &["m"]) };
        new.design.layer = Some(layer_key("l"));
        self.draft(&new).await;
        let at = crate::world::at(1);
        self.change_experiment("e", &started(&new, at)).await;
        let allocated = LayerEvent::Allocated {
            environment: environment("production"),
            experiment: key("e"),
            ranges: vec![[500, 10_000]],
        };
        self.change_layer("l", allocated).await;
    }
}
