//! Whether a context takes part in a flag's experiment, and in which arm.

use super::{Run, Served, Trace};
use crate::context::Context;
use crate::evaluation::{ErrorCode, Reason};
use crate::explain::{Outcome, What};
use crate::flag::{Body, CompiledSlice, Experiment};

impl<'c, T: Trace> Run<'c, '_, T> {
    /// What the experiment serves; `None` for whom it does not take, who go on to the rules.
    ///
    /// Never inlined, so that flags without an experiment stay as fast as they are.
    #[inline(never)]
    pub(super) fn experiment(
        &mut self,
        body: &'c Body,
        experiment: &'c Experiment,
    ) -> Result<Option<Served<'c>>, ErrorCode> {
        // A copy of the reference, so that the unit can borrow from it while this goes on.
        let context: &Context = self.context;
        let unit = experiment.split.bucketed(context);
        self.trace.enter(|| What::Experiment {
            key: experiment.key.to_string(),
            rule: experiment.rule.to_string(),
            bucket_by: experiment.split.bucket_by.as_ref().map(|by| by.path.to_string()),
            value: unit.as_deref().map(str::to_owned),
        });
        let takes = match &experiment.condition {
            None => Ok(true),
            Some(condition) => self.condition(condition),
        };
        let takes = takes.map(|holds| {
            unit.as_deref().filter(|unit| {
                holds && experiment.slices.iter().all(|slice| self.slice(slice, unit))
            })
        });
        self.leave(takes.map(|unit| unit.is_some()))?;
        let Some(unit) = takes? else { return Ok(None) };
        let bucket = experiment.seed.bucket(unit);
        let variation = self.split(body, &experiment.split, Some(unit), Ok(bucket))?;
        Ok(Some(Served {
            body,
            variation,
            reason: Reason::Split,
            rule: Some(&experiment.rule),
            experiment: Some(&experiment.key),
        }))
    }

    fn slice(&mut self, slice: &'c CompiledSlice, unit: &str) -> bool {
        let bucket = slice.seed.bucket(unit);
        let holds = slice.holds(bucket);
        self.trace.enter(|| What::Slice {
            seed: slice.name.to_string(),
            bucket,
            ranges: slice.ranges.to_vec(),
        });
        self.trace.leave(|| Outcome::Holds(holds));
        holds
    }
}
