//! What a flag's commands lead to.

use ff_evaluator::Outcome;

use super::{
    Flag, FlagCommand, FlagDetails, FlagError, FlagEvent, FlagFacts, FlagState, Targeting, event,
    validate::{check_details, check_flag, check_new, check_targeting},
};
use crate::{Decision, EnvironmentKey, Problem};

impl Decision for Flag {
    fn decide(
        &self,
        command: FlagCommand,
        facts: &FlagFacts,
    ) -> Result<Vec<event::FlagEvent>, FlagError> {
        use FlagCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                check_new(&new)?;
                Ok(vec![FlagEvent::Created(new)])
            }
            (Self::Absent, _) => Err(FlagError::NotFound),
            (Self::Live(_) | Self::Archived(_), Command::Create(new)) => {
                Err(FlagError::AlreadyExists(new.key))
            }
            (Self::Archived(flag), Command::Restore) => {
                let mut problems = Vec::new();
                for (environment, state) in &flag.environments {
                    let found = check_targeting(flag, &state.targeting, facts);
                    problems.extend(
                        found.into_iter().map(|p| p.below(&format!("/environments/{environment}"))),
                    );
                }
                refuse(problems)?;
                Ok(vec![FlagEvent::Restored {}])
            }
            // An archived flag serves nothing, so there is nothing to end.
            (Self::Archived(_), Command::Archive | Command::EndExperiment { .. }) => Ok(Vec::new()),
            (Self::Archived(flag), _) => Err(FlagError::Archived(flag.key.clone())),
            (Self::Live(flag), command) => flag.decide(command, facts),
        }
    }
}

impl FlagState {
    fn decide(&self, command: FlagCommand, facts: &FlagFacts) -> Result<Vec<FlagEvent>, FlagError> {
        use FlagCommand as Command;
        match command {
            Command::Create(new) => Err(FlagError::AlreadyExists(new.key)),
            Command::Restore => Err(FlagError::NotArchived(self.key.clone())),
            Command::Archive => {
                self.unless_experimenting("it cannot be archived", |_| true)?;
                Ok(vec![FlagEvent::Archived {}])
            }
            Command::ChangeDetails(details) => {
                check_details(&details)?;
                Ok(self.changed_details(details))
            }
            Command::AddVariation(variation) => {
                let mut after = self.clone();
                after.variations.push(variation.clone());
                check_flag(&after, after.variations.len() - 1)?;
                Ok(vec![FlagEvent::VariationAdded { variation }])
            }
            Command::ChangeVariation { key, name, value } => {
                let index = self.variation(&key)?;
                let before = &self.variations[index];
                let mut events = Vec::new();
                if let Some(name) = name.filter(|name| before.name.as_ref() != Some(name)) {
                    events.push(FlagEvent::VariationRenamed { key: key.clone(), name });
                }
                if let Some(value) = value.filter(|value| before.value != *value) {
                    self.unless_compared(&key, "a variation that it compares keeps its value")?;
                    events.push(FlagEvent::VariationValueChanged { key, value });
                }
                let mut after = self.clone();
                events.iter().cloned().for_each(|event| after.apply(event));
                check_flag(&after, index)?;
                Ok(events)
            }
            Command::RemoveVariation { key } => {
                self.variation(&key)?;
                self.unless_compared(&key, "a variation that it compares cannot be removed")?;
                let places = self.places_served(&key);
                if places.is_empty() {
                    Ok(vec![FlagEvent::VariationRemoved { key }])
                } else {
                    Err(FlagError::VariationServed { variation: key, places })
                }
            }
            Command::TurnOn { environment } => {
                known(&environment, facts)?;
                let on = self.environment(&environment).enabled;
                Ok(if on { Vec::new() } else { vec![FlagEvent::TurnedOn { environment }] })
            }
            Command::TurnOff { environment } => {
                known(&environment, facts)?;
                let on = self.environment(&environment).enabled;
                Ok(if on { vec![FlagEvent::TurnedOff { environment }] } else { Vec::new() })
            }
            Command::ReplaceTargeting { environment, targeting } => {
                known(&environment, facts)?;
                refuse(check_targeting(self, &targeting, facts))?;
                self.unless_it_moves_participants(&environment, &targeting)?;
                let same = self.environment(&environment).targeting == *targeting;
                Ok(if same {
                    Vec::new()
                } else {
                    vec![FlagEvent::TargetingReplaced { environment, targeting }]
                })
            }
            Command::ServeExperiment { environment, definition } => {
                known(&environment, facts)?;
                self.serve_experiment(environment, definition, facts)
            }
            Command::EndExperiment { environment, experiment } => {
                Ok(self.end_experiment(environment, experiment))
            }
            Command::ShipVariation { environment, experiment, variation, audience } => {
                known(&environment, facts)?;
                self.variation(variation.as_str())?;
                let targeting =
                    self.shipped(&environment, &experiment, &variation, audience.as_ref());
                refuse(check_targeting(self, &targeting, facts))?;
                let same = self.environment(&environment).targeting == targeting;
                let targeting = Box::new(targeting);
                Ok(if same {
                    Vec::new()
                } else {
                    vec![FlagEvent::TargetingReplaced { environment, targeting }]
                })
            }
        }
    }

    fn changed_details(&self, details: FlagDetails) -> Vec<FlagEvent> {
        let FlagDetails { name, description, tags, owner, lifetime, client_side } = details;
        [
            name.filter(|new| *new != self.name).map(|name| FlagEvent::Renamed { name }),
            description
                .filter(|new| *new != self.description)
                .map(|description| FlagEvent::Described { description }),
            tags.filter(|new| *new != self.tags).map(|tags| FlagEvent::TagsReplaced { tags }),
            owner.filter(|new| *new != self.owner).map(|owner| FlagEvent::OwnerChanged { owner }),
            lifetime
                .filter(|new| *new != self.lifetime)
                .map(|lifetime| FlagEvent::LifetimeChanged { lifetime }),
            client_side
                .filter(|new| *new != self.client_side)
                .map(|client_side| FlagEvent::ClientSideChanged { client_side }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn variation(&self, key: &str) -> Result<usize, FlagError> {
        self.variations.iter().position(|variation| variation.key == key).ok_or_else(|| {
            FlagError::UnknownVariation { flag: self.key.clone(), variation: key.to_owned() }
        })
    }

    /// In words, where a variation is served.
    fn places_served(&self, variation: &str) -> Vec<String> {
        let mut places = Vec::new();
        if serves(&self.initial.targeting(), variation) {
            places.push("in new environments".to_owned());
        }
        for (environment, state) in &self.environments {
            if serves(&state.targeting, variation) {
                places.push(format!("in environment `{environment}`"));
            }
        }
        places
    }
}

fn serves(targeting: &Targeting, variation: &str) -> bool {
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Variation(key) => key == variation,
        Outcome::Rollout(rollout) => {
            rollout.variations.iter().any(|weighted| weighted.key == variation)
        }
    };
    targeting.off_variation == variation
        || outcome(&targeting.default)
        || targeting.targets.iter().any(|target| target.variation == variation)
        || targeting.rules.iter().any(|rule| outcome(&rule.then))
}

fn known(environment: &EnvironmentKey, facts: &FlagFacts) -> Result<(), FlagError> {
    if facts.environments.contains(environment) {
        Ok(())
    } else {
        Err(FlagError::UnknownEnvironment(environment.clone()))
    }
}

pub(super) fn refuse(problems: Vec<Problem>) -> Result<(), FlagError> {
    if problems.is_empty() { Ok(()) } else { Err(FlagError::Invalid(problems)) }
}
