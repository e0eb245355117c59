//! What an experiment asks of its flag, and what the flag refuses others while it serves one.
//!
//! Turning the flag off and on, targets, rules and the default stay free: none of them moves a user from one arm to
//! another, and the kill switch must always work.

use ff_evaluator::{Condition, ExperimentDefinition, Outcome, Rule};

use super::{
    FlagError, FlagEvent, FlagFacts, FlagState, Targeting, decide::refuse,
    validate::check_experiment,
};
use crate::{EnvironmentKey, ExperimentKey, VariationKey};

impl FlagState {
    pub(super) fn serve_experiment(
        &self,
        environment: EnvironmentKey,
        definition: Box<ExperimentDefinition>,
        facts: &FlagFacts,
    ) -> Result<Vec<FlagEvent>, FlagError> {
        let here = self.environment(&environment);
        if let Some(other) = here.experiment.as_ref().filter(|other| other.key != definition.key) {
            return Err(FlagError::OtherExperiment { experiment: other.key.clone(), environment });
        }
        refuse(check_experiment(self, here.targeting, &definition, facts))?;
        Ok(if here.experiment.as_ref() == Some(&*definition) {
            Vec::new()
        } else {
            vec![FlagEvent::ExperimentServed { environment, definition }]
        })
    }

    /// Nothing is asked but whether it is served: it must end whatever became of its surroundings.
    pub(super) fn end_experiment(
        &self,
        environment: EnvironmentKey,
        experiment: ExperimentKey,
    ) -> Vec<FlagEvent> {
        let served = self.environment(&environment).experiment;
        if served.is_some_and(|served| served.key == experiment.as_str()) {
            vec![FlagEvent::ExperimentEnded { environment, experiment }]
        } else {
            Vec::new()
        }
    }

    /// The targeting that serves a winner where its experiment stood.
    pub(super) fn shipped(
        &self,
        environment: &EnvironmentKey,
        experiment: &ExperimentKey,
        variation: &VariationKey,
        audience: Option<&Condition>,
    ) -> Targeting {
        let mut targeting = self.environment(environment).targeting;
        let then = Outcome::Variation(variation.to_string());
        let id = format!("shipped:{experiment}");
        targeting.rules.retain(|rule| rule.id != id);
        if audience.is_none() && targeting.rules.is_empty() {
            targeting.default = then;
        } else {
            let name = Some(format!("Winner of {experiment}"));
            targeting.rules.insert(0, Rule { id, name, condition: audience.cloned(), then });
        }
        targeting
    }

    /// Refuses what an experiment must agree to, if there is one for which `concerned` holds.
    pub(super) fn unless_experimenting(
        &self,
        what: &'static str,
        concerned: impl Fn(&ExperimentDefinition) -> bool,
    ) -> Result<(), FlagError> {
        let found = self.environments.iter().find_map(|(environment, state)| {
            let served = state.experiment.as_ref().filter(|served| concerned(served))?;
            Some((environment.clone(), served.key.clone()))
        });
        found.map_or(Ok(()), |(environment, experiment)| {
            Err(FlagError::LockedByExperiment { what, experiment, environment })
        })
    }

    /// Refuses a change of what a running experiment compares.
    pub(super) fn unless_compared(
        &self,
        variation: &str,
        what: &'static str,
    ) -> Result<(), FlagError> {
        self.unless_experimenting(what, |served| {
            served.split.variations.iter().any(|arm| arm.key == variation)
        })
    }

    /// Refuses a targeting that would move participants to other arms, or keep others away from them.
    pub(super) fn unless_it_moves_participants(
        &self,
        environment: &EnvironmentKey,
        targeting: &Targeting,
    ) -> Result<(), FlagError> {
        let here = self.environment(environment);
        let Some(served) = here.experiment else { return Ok(()) };
        let what = if here.targeting.salt != targeting.salt {
            "the salt stays"
        } else if here.targeting.prerequisites != targeting.prerequisites {
            "the prerequisites stay"
        } else {
            return Ok(());
        };
        let environment = environment.clone();
        Err(FlagError::LockedByExperiment { what, experiment: served.key, environment })
    }
}
