//! Experiments in the world: metrics, layers and drafts to begin with, and what became of them.

use ff_domain::{
    Experiment, ExperimentCommand, ExperimentId, ExperimentState, Flag, Layer, LayerCommand,
    LayerId, Metric, MetricCommand, MetricId, ProjectId,
    experiment::{CreateExperiment, Design},
    flag::FlagEnvironment,
    layer::Range,
};
use ff_eventlog::EventLog;
use serde_json::{Value, json};

use crate::fixture::World;

pub(crate) const PAUSE: ExperimentCommand = ExperimentCommand::Pause { reason: None };

/// `off` against `on`, by `orders`, with some parts replaced.
pub(crate) fn design(parts: &Value) -> Design {
    let mut all = json!({
        "arms": [{"key": "off", "weight": 50}, {"key": "on", "weight": 50}], "control": "off",
        "metrics": {"primary": ["orders"]},
    });
    for (name, value) in parts.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

pub(crate) fn draft(project: ProjectId, key: &str, flag: &str, parts: &Value) -> ExperimentCommand {
    ExperimentCommand::Create(Box::new(CreateExperiment {
        project,
        key: key.parse().unwrap(),
        name: key.to_owned(),
        hypothesis: String::new(),
        tags: Default::default(),
        owner: None,
        environment: "dev".parse().unwrap(),
        flag: flag.parse().unwrap(),
        design: design(parts),
    }))
}

pub(crate) fn redesign(parts: &Value) -> ExperimentCommand {
    ExperimentCommand::ReplaceDesign { design: Box::new(design(parts)), reshuffle: None }
}

impl<L: EventLog> World<L> {
    pub(crate) fn experiment(&self, key: &str) -> ExperimentId {
        ExperimentId::of(self.project, &key.parse().unwrap())
    }

    pub(crate) fn metric(&self, key: &str) -> MetricId {
        MetricId::of(self.project, &key.parse().unwrap())
    }

    pub(crate) fn layer(&self, key: &str) -> LayerId {
        LayerId::of(self.project, &key.parse().unwrap())
    }

    pub(crate) async fn create_metric(&self, key: &str) -> MetricId {
        let id = self.metric(key);
        let new = json!({"project": self.project, "key": key, "name": key,
            "definition": {"kind": {"type": "count", "event": key}, "better": "higher"}});
        let create = MetricCommand::Create(serde_json::from_value(new).unwrap());
        self.run::<Metric>(id, create).await.unwrap();
        id
    }

    /// A layer that holds a tenth out.
    pub(crate) async fn create_layer(&self, key: &str) -> LayerId {
        let id = self.layer(key);
        let new = json!({"project": self.project, "key": key, "name": key, "holdout": 10});
        let create = LayerCommand::Create(serde_json::from_value(new).unwrap());
        self.run::<Layer>(id, create).await.unwrap();
        id
    }

    pub(crate) async fn draft(&self, key: &str, flag: &str, parts: &Value) -> ExperimentId {
        let id = self.experiment(key);
        self.run::<Experiment>(id, draft(self.project, key, flag, parts)).await.unwrap();
        id
    }

    /// A draft on a new flag, and the metric `orders`.
    pub(crate) async fn prepared(&self, key: &str, flag: &str) -> ExperimentId {
        self.create_metric("orders").await;
        self.create_flag(flag).await;
        self.draft(key, flag, &json!({})).await
    }

    /// A flag in `dev`.
    pub(crate) async fn here(&self, flag: &str) -> FlagEnvironment {
        let (flag, _) = self.load::<Flag>(self.flag(flag)).await;
        flag.state().unwrap().environment(&"dev".parse().unwrap())
    }

    /// What a layer gives an experiment in `dev`.
    pub(crate) async fn buckets(&self, layer: &str, experiment: &str) -> Vec<Range> {
        let (layer, _) = self.load::<Layer>(self.layer(layer)).await;
        let state = layer.state().unwrap();
        state.allocated(&"dev".parse().unwrap(), &experiment.parse().unwrap()).to_vec()
    }

    pub(crate) async fn state_of(&self, experiment: ExperimentId) -> ExperimentState {
        self.load::<Experiment>(experiment).await.0.state().unwrap().clone()
    }
}
