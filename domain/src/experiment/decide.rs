//! What an experiment's commands lead to.

use ff_evaluator::ExperimentDefinition;
use jiff::Timestamp;

use super::{
    Design, Experiment, ExperimentCommand, ExperimentDetails, ExperimentError, ExperimentEvent,
    ExperimentFacts, ExperimentState, Iteration, Status, Verdict, definition, derived_salt,
    iteration::basis,
    validate::{
        check_design, check_details, check_measuring, check_new, check_reason, check_verdict,
        refuse,
    },
};
use crate::{
    Decision, FlagState,
    layer::{of_weight, to_weight},
};

type Events = Result<Vec<ExperimentEvent>, ExperimentError>;

impl Decision for Experiment {
    fn decide(&self, command: ExperimentCommand, facts: &ExperimentFacts) -> Events {
        use ExperimentCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                refuse(check_new(&new, facts))?;
                Ok(vec![ExperimentEvent::Created(new)])
            }
            (Self::Absent, _) => Err(ExperimentError::NotFound),
            (_, Command::Create(new)) => Err(ExperimentError::AlreadyExists(new.key)),
            (Self::Archived(state), Command::Restore) => {
                if state.status == Status::Draft {
                    state.surroundings(facts)?;
                    refuse(check_design("/design", &state.flag, &state.design, facts))?;
                }
                Ok(vec![ExperimentEvent::Restored {}])
            }
            (Self::Archived(_), Command::Archive) => Ok(Vec::new()),
            (Self::Archived(state), _) => Err(ExperimentError::Archived(state.key.clone())),
            (Self::Live(state), command) => state.decide(command, facts),
        }
    }
}

impl ExperimentState {
    fn decide(&self, command: ExperimentCommand, facts: &ExperimentFacts) -> Events {
        use ExperimentCommand as Command;
        use Status::{Decided, Draft, Paused, Running, Stopped};
        let at = self.now(facts);
        match (self.status, command) {
            (_, Command::Create(new)) => Err(ExperimentError::AlreadyExists(new.key)),
            (_, Command::Restore) => Err(ExperimentError::NotArchived(self.key.clone())),
            (_, Command::ChangeDetails(details)) => self.changed_details(details),
            (_, Command::ReplaceDesign { design, reshuffle }) => {
                self.replace_design(design, reshuffle, facts)
            }
            (Draft, Command::Start) => {
                refuse(check_design("/design", &self.flag, &self.design, facts))?;
                let flag = self.ready_flag(facts)?;
                // The first experiment of a flag finds its users as rollouts left them. Later ones shuffle: what an
                // experiment did to its arms must not come back as an effect of the next.
                let again = flag.environment(&self.environment).experimented;
                let salt = again.then(|| self.fresh_salt());
                let opened = self.open(&self.design, salt, facts)?;
                Ok(vec![ExperimentEvent::Started { at }, opened])
            }
            (Running, Command::Start | Command::Resume)
            | (Paused, Command::Pause { .. })
            | (Stopped | Decided, Command::Stop) => Ok(Vec::new()),
            (Running, Command::Pause { reason }) => {
                if let Some(reason) = &reason {
                    refuse(check_reason(reason))?;
                }
                Ok(vec![ExperimentEvent::Paused { at, reason }])
            }
            (Paused, Command::Resume) => self.resume(facts),
            (Running | Paused, Command::Stop) => Ok(vec![ExperimentEvent::Stopped { at }]),
            (Stopped, Command::Decide { outcome, reason }) => {
                let mut problems = check_verdict(self.iteration(), &outcome);
                problems.extend(check_reason(&reason));
                refuse(problems)?;
                Ok(vec![ExperimentEvent::Decided { outcome, reason, at }])
            }
            (Decided, Command::Decide { outcome, reason })
                if self.decision.as_ref().is_some_and(|decided| {
                    decided.outcome == outcome && decided.reason == reason
                }) =>
            {
                Ok(Vec::new())
            }
            (Decided, Command::Ship) => self.ship(at),
            (Draft | Stopped | Decided, Command::Archive) => Ok(vec![ExperimentEvent::Archived {}]),
            (_, command) => Err(self.not_now(&command)),
        }
    }

    fn not_now(&self, command: &ExperimentCommand) -> ExperimentError {
        use ExperimentCommand as Command;
        let remedy = match (self.status, command) {
            (Status::Draft, _) => "start it first",
            (Status::Running, Command::Decide { .. } | Command::Ship | Command::Archive)
            | (Status::Paused, Command::Decide { .. } | Command::Ship | Command::Archive) => {
                "stop it first"
            }
            (Status::Paused, _) => "resume it instead",
            (Status::Stopped, Command::Ship) => "decide it first",
            (Status::Decided, Command::Decide { .. }) => "a decision stands",
            _ => "draft another one",
        };
        self.wrong_status(remedy)
    }

    fn wrong_status(&self, remedy: &'static str) -> ExperimentError {
        ExperimentError::WrongStatus { key: self.key.clone(), status: self.status, remedy }
    }

    /// When this is, never before the iteration began: clocks differ.
    fn now(&self, facts: &ExperimentFacts) -> Timestamp {
        self.iteration().map_or(facts.at, |last| facts.at.max(last.started_at))
    }

    fn fresh_salt(&self) -> String {
        derived_salt(self.id(), self.next_number())
    }

    /// The live flag in the live environment.
    fn surroundings<'f>(
        &self,
        facts: &'f ExperimentFacts,
    ) -> Result<&'f FlagState, ExperimentError> {
        if !facts.environment {
            return Err(ExperimentError::UnknownEnvironment(self.environment.clone()));
        }
        facts.flag.as_ref().ok_or_else(|| ExperimentError::UnknownFlag(self.flag.clone()))
    }

    /// The flag, if no other experiment has it.
    fn ready_flag<'f>(&self, facts: &'f ExperimentFacts) -> Result<&'f FlagState, ExperimentError> {
        let flag = self.surroundings(facts)?;
        let served = flag.environment(&self.environment).experiment;
        match served.filter(|served| served.key != self.key.as_str()) {
            None => Ok(flag),
            Some(ExperimentDefinition { key: by, .. }) => Err(ExperimentError::FlagTaken {
                flag: self.flag.clone(),
                environment: self.environment.clone(),
                by,
            }),
        }
    }

    /// Opens an iteration of a design that has been checked.
    fn open(
        &self,
        design: &Design,
        salt: Option<String>,
        facts: &ExperimentFacts,
    ) -> Result<ExperimentEvent, ExperimentError> {
        let flag = self.surroundings(facts)?;
        let layer = design.layer.as_ref().and_then(|key| facts.layers.get(key));
        let own_ranges = match layer {
            None => None,
            Some(layer) => {
                let wanted = of_weight(design.traffic);
                let taken = layer.take(&self.environment, &self.key, wanted);
                Some(taken.map_err(|free| ExperimentError::LayerFull {
                    layer: layer.key.clone(),
                    environment: self.environment.clone(),
                    wanted: design.traffic,
                    free: to_weight(free),
                })?)
            }
        };
        let number = self.next_number();
        let definition = definition(&self.key, number, design, salt, own_ranges, &facts.layers);
        let iteration = Iteration {
            number,
            started_at: self.now(facts),
            ended_at: None,
            arms: design.arms.clone(),
            control: design.control.clone(),
            traffic: design.traffic,
            basis: basis(flag, &self.environment, &definition),
            definition,
        };
        Ok(ExperimentEvent::IterationStarted { iteration: Box::new(iteration) })
    }

    fn replace_design(
        &self,
        design: Box<Design>,
        reshuffle: Option<bool>,
        facts: &ExperimentFacts,
    ) -> Events {
        let changed = *design != self.design;
        let shares = design.shares_as(&self.design);
        match self.status {
            Status::Draft => refuse(check_design("", &self.flag, &design, facts))?,
            Status::Running | Status::Paused => {
                refuse(check_design("", &self.flag, &design, facts))?;
                if !shares || reshuffle == Some(true) {
                    let opened = self.reopen(&design, reshuffle, facts)?;
                    let replaced = changed.then_some(ExperimentEvent::DesignReplaced { design });
                    return Ok(replaced.into_iter().chain([opened]).collect());
                }
            }
            Status::Stopped if shares => refuse(check_measuring("", &design, facts))?,
            Status::Stopped => {
                return Err(self.wrong_status("only its metrics and its analysis can be changed"));
            }
            Status::Decided if changed => {
                return Err(self.wrong_status("its design stays as it was decided on"));
            }
            Status::Decided => {}
        }
        let replaced = changed.then_some(ExperimentEvent::DesignReplaced { design });
        Ok(replaced.into_iter().collect())
    }

    /// The next iteration of a running experiment.
    fn reopen(
        &self,
        design: &Design,
        reshuffle: Option<bool>,
        facts: &ExperimentFacts,
    ) -> Result<ExperimentEvent, ExperimentError> {
        let shuffles = reshuffle.unwrap_or_else(|| !design.splits_as(&self.design));
        let kept = || self.iteration().and_then(|last| last.definition.salt.clone());
        let salt = if shuffles { Some(self.fresh_salt()) } else { kept() };
        self.open(design, salt, facts)
    }

    fn resume(&self, facts: &ExperimentFacts) -> Events {
        let at = self.now(facts);
        let flag = self.ready_flag(facts)?;
        let mut events = vec![ExperimentEvent::Resumed { at }];
        let stands = self
            .iteration()
            .is_some_and(|last| last.basis == basis(flag, &self.environment, &last.definition));
        if !stands {
            refuse(check_design("/design", &self.flag, &self.design, facts))?;
            events.push(self.reopen(&self.design, Some(true), facts)?);
        }
        Ok(events)
    }

    fn ship(&self, at: Timestamp) -> Events {
        match &self.decision {
            Some(decided) => match &decided.outcome {
                Verdict::Ship { variation } if self.shipped.is_none() => {
                    let variation = variation.clone();
                    Ok(vec![ExperimentEvent::Shipped { variation, at }])
                }
                Verdict::Ship { .. } => Ok(Vec::new()),
                Verdict::KeepControl | Verdict::Inconclusive => {
                    Err(ExperimentError::NothingToShip(self.key.clone()))
                }
            },
            None => Err(self.wrong_status("decide it first")),
        }
    }

    fn changed_details(&self, details: ExperimentDetails) -> Events {
        refuse(check_details(&details))?;
        let ExperimentDetails { name, hypothesis, tags, owner } = details;
        let events = [
            name.filter(|new| *new != self.name).map(|name| ExperimentEvent::Renamed { name }),
            hypothesis
                .filter(|new| *new != self.hypothesis)
                .map(|hypothesis| ExperimentEvent::HypothesisChanged { hypothesis }),
            tags.filter(|new| *new != self.tags).map(|tags| ExperimentEvent::TagsReplaced { tags }),
            owner
                .filter(|new| *new != self.owner)
                .map(|owner| ExperimentEvent::OwnerChanged { owner }),
        ];
        Ok(events.into_iter().flatten().collect())
    }
}
