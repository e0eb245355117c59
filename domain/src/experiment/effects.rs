//! What an experiment asks of others when it changes. Committed with its own events, in one batch.

use std::collections::{BTreeMap, BTreeSet};

use ff_evaluator::ExperimentDefinition;

use super::{Experiment, ExperimentState, Status};
use crate::{
    FlagCommand, FlagKey, LayerCommand, LayerKey, ProjectCommand, References, SegmentKey,
    VariationKey, layer::Range,
};

impl Experiment {
    /// What the flag must agree to for this experiment to become `after`.
    pub fn flag_command(&self, after: &Self) -> Option<(FlagKey, FlagCommand)> {
        let (before, state) = (self.live(), after.state()?);
        let shipped = before.and_then(|before| before.shipped.as_ref());
        if let Some(variation) = state.shipped.as_ref().filter(|now| shipped != Some(*now)) {
            let command = FlagCommand::ShipVariation {
                environment: state.environment.clone(),
                experiment: state.key.clone(),
                variation: variation.clone(),
                audience: state.iteration().and_then(|last| last.definition.condition.clone()),
            };
            return Some((state.flag.clone(), command));
        }
        let served = before.and_then(ExperimentState::served);
        let command = match after.live().and_then(ExperimentState::served) {
            now if now == served => return None,
            Some(definition) => FlagCommand::ServeExperiment {
                environment: state.environment.clone(),
                definition: Box::new(definition.clone()),
            },
            None => FlagCommand::EndExperiment {
                environment: state.environment.clone(),
                experiment: state.key.clone(),
            },
        };
        Some((state.flag.clone(), command))
    }

    /// What layers must agree to for this experiment to become `after`.
    pub fn layer_commands(&self, after: &Self) -> Vec<(LayerKey, LayerCommand)> {
        let Some(state) = after.state() else { return Vec::new() };
        let before = self.live().and_then(ExperimentState::held);
        let now = after.live().and_then(ExperimentState::held);
        if before == now {
            return Vec::new();
        }
        let left = before
            .map(|(layer, _)| layer)
            .filter(|left| now.as_ref().is_none_or(|(layer, _)| layer != left));
        let (environment, experiment) = (&state.environment, &state.key);
        let released = left.map(|layer| {
            let (environment, experiment) = (environment.clone(), experiment.clone());
            (layer.clone(), LayerCommand::Release { environment, experiment })
        });
        let allocated = now.map(|(layer, ranges)| {
            let (environment, experiment) = (environment.clone(), experiment.clone());
            let ranges = ranges.to_vec();
            (layer.clone(), LayerCommand::Allocate { environment, experiment, ranges })
        });
        released.into_iter().chain(allocated).collect()
    }

    /// What the project must agree to for this experiment to become `after`.
    pub fn project_command(&self, after: &Self) -> Option<ProjectCommand> {
        let item = after.state()?.item();
        let before = self.live().map(ExperimentState::references).unwrap_or_default();
        let references = after.live().map(ExperimentState::references).unwrap_or_default();
        (before != references).then_some(ProjectCommand::SetReferences { item, references })
    }
}

impl ExperimentState {
    /// What the flag serves for it now.
    pub fn served(&self) -> Option<&ExperimentDefinition> {
        let iteration = self.iteration().filter(|_| self.status == Status::Running)?;
        Some(&iteration.definition)
    }

    /// What it has of its layer now.
    pub fn held(&self) -> Option<(&LayerKey, &[Range])> {
        let layer = self.design.layer.as_ref().filter(|_| self.status.is_open())?;
        Some((layer, self.iteration()?.ranges_of(layer)?))
    }

    /// All that it mentions, until it is stopped: its flag with its arms, its metrics, and whom its audience asks for.
    pub fn references(&self) -> References {
        if !(self.status == Status::Draft || self.status.is_open()) {
            return References::default();
        }
        let arms = self.design.arms.iter().filter_map(|arm| VariationKey::parse(&*arm.key).ok());
        let mut flags: BTreeMap<FlagKey, BTreeSet<VariationKey>> =
            BTreeMap::from([(self.flag.clone(), arms.collect())]);
        let audience = self.design.audience.as_ref().map(ff_evaluator::condition_references);
        let audience = audience.unwrap_or_default();
        for (flag, variations) in audience.flags {
            if let Ok(flag) = FlagKey::parse(flag) {
                let variations = variations.into_iter().filter_map(|key| key.parse().ok());
                flags.entry(flag).or_default().extend(variations);
            }
        }
        References {
            flags: BTreeMap::from([(self.environment.clone(), flags)]),
            segments: audience
                .segments
                .into_iter()
                .filter_map(|key| SegmentKey::parse(key).ok())
                .collect(),
            metrics: self.design.metrics.keys(),
        }
    }
}
