//! A project with two flags, two layers and experiments on them, in which commands have their effects: what the
//! executor does over a log, done in memory.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::Aggregate as _;
use ff_domain::{
    Decision as _, EnvironmentKey, Experiment, ExperimentCommand, ExperimentError, ExperimentKey,
    ExperimentState, Flag, FlagCommand, FlagError, FlagKey, FlagState, Layer, LayerCommand,
    LayerError, LayerKey, LayerState, MetricKey, Project, ProjectCommand, ProjectError, SegmentKey,
    VariationKey,
    experiment::{CreateExperiment, Design, ExperimentFacts},
    flag::{FlagEnvironment, FlagFacts},
};
use serde_json::{Value, json};

use crate::fixture::{created, from, key, live, new_flag, organization, project};

/// All of it. The environments are `dev` and `prod`, the flags `checkout` and `search` with the variations `red`,
/// `green` and `blue`, the layers `main` (10 percent held out) and `spare`, the metrics `orders`, `revenue` and
/// `latency`, the segment `beta`, and the flag `base` with `on` and `off`.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) flags: BTreeMap<FlagKey, Flag>,
    pub(crate) layers: BTreeMap<LayerKey, Layer>,
    pub(crate) experiments: BTreeMap<ExperimentKey, Experiment>,
    pub(crate) project: Project,
    pub(crate) environments: BTreeSet<EnvironmentKey>,
    pub(crate) metrics: BTreeSet<MetricKey>,
    pub(crate) segments: BTreeSet<SegmentKey>,
    pub(crate) minutes: i64,
}

/// Who refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refused {
    Experiment(ExperimentError),
    Flag(FlagError),
    Layer(LayerError),
    Project(ProjectError),
}

impl Refused {
    /// What the experiment itself refused.
    pub(crate) fn by_experiment(self) -> ExperimentError {
        match self {
            Self::Experiment(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

impl Default for Shop {
    fn default() -> Self {
        let mut search = new_flag();
        search.key = key("search");
        let mut searching = Flag::default();
        searching.apply(ff_domain::FlagEvent::Created(Box::new(search)));
        let mut shop = Project::default();
        let creation = ProjectCommand::Create {
            organization: organization(),
            key: key("shop"),
            name: "Shop".to_owned(),
            description: String::new(),
        };
        for event in shop.decide(creation, &()).unwrap() {
            shop.apply(event);
        }
        Self {
            flags: [(key("checkout"), live([])), (key("search"), searching)].into(),
            layers: [(key("main"), layer("main", 10.0)), (key("spare"), layer("spare", 0.0))]
                .into(),
            experiments: BTreeMap::new(),
            project: shop,
            environments: [key("dev"), key("prod")].into(),
            metrics: [key("orders"), key("revenue"), key("latency")].into(),
            segments: [key("beta")].into(),
            minutes: 0,
        }
    }
}

fn layer(name: &str, holdout: f64) -> Layer {
    let new = json!({"project": project(), "key": name, "name": name, "holdout": holdout});
    let mut layer = Layer::default();
    for event in layer.decide(LayerCommand::Create(from(new)), &()).unwrap() {
        layer.apply(event);
    }
    layer
}

/// `red` against `green`, by `orders`, with some parts replaced.
pub(crate) fn design(parts: Value) -> Design {
    let mut all = json!({
        "arms": [{"key": "red", "weight": 50}, {"key": "green", "weight": 50}], "control": "red",
        "metrics": {"primary": ["orders"]},
    });
    let Value::Object(parts) = parts else { panic!("parts are an object") };
    all.as_object_mut().unwrap().extend(parts);
    from(all)
}

pub(crate) fn draft(name: &str, flag: &str, parts: Value) -> CreateExperiment {
    CreateExperiment {
        project: project(),
        key: key(name),
        name: name.to_owned(),
        hypothesis: String::new(),
        tags: BTreeSet::new(),
        owner: None,
        environment: key("dev"),
        flag: key(flag),
        design: design(parts),
    }
}

pub(crate) fn redesign(parts: Value) -> ExperimentCommand {
    ExperimentCommand::ReplaceDesign { design: Box::new(design(parts)), reshuffle: None }
}

pub(crate) fn decide(outcome: Value) -> ExperimentCommand {
    ExperimentCommand::Decide { outcome: from(outcome), reason: "It is so.".to_owned() }
}

pub(crate) const PAUSE: ExperimentCommand = ExperimentCommand::Pause { reason: None };

fn arms_of(state: &FlagState) -> BTreeSet<VariationKey> {
    state.variations.iter().map(|variation| key(&variation.key)).collect()
}

impl Shop {
    /// What is known of all there is, at a minute after the one before.
    pub(crate) fn facts(&self, of: &ExperimentState) -> ExperimentFacts {
        let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let base = (key("base"), BTreeSet::from([key("on"), key("off")]));
        let live = |flag: &Flag| match flag {
            Flag::Live(state) => Some(state.clone()),
            _ => None,
        };
        ExperimentFacts {
            at: start + jiff::SignedDuration::from_mins(self.minutes),
            environment: self.environments.contains(&of.environment),
            flag: self.flags.get(&of.flag).and_then(live),
            metrics: self.metrics.clone(),
            layers: self.live_layers(),
            segments: self.segments.clone(),
            flags: self
                .flags
                .values()
                .filter_map(live)
                .map(|state| (state.key.clone(), arms_of(&state)))
                .chain([base])
                .collect(),
        }
    }

    fn live_layers(&self) -> BTreeMap<LayerKey, LayerState> {
        let live = |layer: &Layer| match layer {
            Layer::Live(state) => Some((state.key.clone(), state.clone())),
            _ => None,
        };
        self.layers.values().filter_map(live).collect()
    }

    fn flag_facts(&self) -> FlagFacts {
        FlagFacts {
            environments: self.environments.clone(),
            flags: [(key("base"), [key("on"), key("off")].into())].into(),
            segments: self.segments.clone(),
        }
    }

    /// Executes a command, with all that it means for others, or nothing.
    pub(crate) fn run(&mut self, name: &str, command: ExperimentCommand) -> Result<(), Refused> {
        let mut after = self.clone();
        after.minutes += 1;
        after.execute(key(name), command)?;
        *self = after;
        Ok(())
    }

    fn execute(&mut self, name: ExperimentKey, command: ExperimentCommand) -> Result<(), Refused> {
        let before = self.experiments.get(&name).cloned().unwrap_or_default();
        let facts = match (&command, before.state()) {
            (ExperimentCommand::Create(new), _) => {
                let mut drafted = Experiment::default();
                drafted.apply(ff_domain::ExperimentEvent::Created(new.clone()));
                self.facts(drafted.state().unwrap())
            }
            (_, Some(state)) => self.facts(state),
            (_, None) => ExperimentFacts::default(),
        };
        let mut after = before.clone();
        for event in before.decide(command, &facts).map_err(Refused::Experiment)? {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<ff_domain::ExperimentEvent>(&text).unwrap(), event);
            after.apply(event);
        }
        if let Some((flag, command)) = before.flag_command(&after) {
            self.run_flag(flag.as_str(), command)?;
        }
        for (layer, command) in before.layer_commands(&after) {
            self.run_layer(layer.as_str(), command)?;
        }
        if let Some(command) = before.project_command(&after) {
            self.run_project(command)?;
        }
        self.experiments.insert(name, after);
        Ok(())
    }

    /// Executes a command of a flag, if the project agrees.
    pub(crate) fn run_flag(&mut self, name: &str, command: FlagCommand) -> Result<(), Refused> {
        let before = self.flags[name].clone();
        let mut after = before.clone();
        for event in before.decide(command, &self.flag_facts()).map_err(Refused::Flag)? {
            after.apply(event);
        }
        if let Some(command) = before.project_command(&after) {
            self.run_project(command)?;
        }
        self.flags.insert(key(name), after);
        Ok(())
    }

    pub(crate) fn run_layer(&mut self, name: &str, command: LayerCommand) -> Result<(), Refused> {
        let layer = self.layers.get_mut(name).unwrap();
        for event in layer.decide(command, &()).map_err(Refused::Layer)? {
            layer.apply(event);
        }
        Ok(())
    }

    pub(crate) fn run_project(&mut self, command: ProjectCommand) -> Result<(), Refused> {
        for event in self.project.decide(command, &()).map_err(Refused::Project)? {
            self.project.apply(event);
        }
        Ok(())
    }

    /// A draft of `red` against `green` on `checkout`.
    pub(crate) fn drafted(parts: Value) -> Self {
        let mut shop = Self::default();
        shop.draft("x", "checkout", parts);
        shop
    }

    pub(crate) fn draft(&mut self, name: &str, flag: &str, parts: Value) {
        let new = Box::new(draft(name, flag, parts));
        self.run(name, ExperimentCommand::Create(new)).unwrap();
    }

    /// The same, started.
    pub(crate) fn started(parts: Value) -> Self {
        let mut shop = Self::drafted(parts);
        shop.run("x", ExperimentCommand::Start).unwrap();
        shop
    }

    pub(crate) fn state(&self, name: &str) -> &ExperimentState {
        self.experiments[name].state().unwrap()
    }

    pub(crate) fn here(&self, flag: &str) -> FlagEnvironment {
        self.flags[flag].state().unwrap().environment(&key("dev"))
    }

    /// What a layer gives an experiment in `dev`.
    pub(crate) fn buckets(&self, layer: &str, experiment: &str) -> Vec<[u16; 2]> {
        let layer = self.layers[layer].state().unwrap();
        layer.allocated(&key("dev"), &key(experiment)).to_vec()
    }
}

#[test]
fn a_shop_begins_with_what_it_says() {
    let shop = Shop::default();
    assert_eq!(shop.flags["checkout"], live([]));
    assert_eq!(live([]), crate::fixture::after([created()]));
    assert_eq!(shop.live_layers().len(), 2);
}
