//! Whether the data can be trusted at all, before anybody reads what they say.

use serde::Serialize;

use super::answer::{Answer, Missing, P};
use super::words;
use crate::figures::Exposures;
use crate::plan::Arm;
use crate::stats::sequential::always_valid::BURN_IN_USERS;
use crate::stats::{NoAnswer, Tail, srm};

/// The sequential test alarms at this level; a sound experiment ever reaches it once in a thousand.
pub const MISMATCH_LEVEL: f64 = 0.001;
/// What the test of the sample ratio is averaged over.
const CONCENTRATIONS: [f64; 3] = [1e2, 1e3, srm::Sequential::CONCENTRATION];
/// More users than this share in several variations are an alarm.
pub const SEVERAL_SHARE: f64 = 0.01;
/// More lost exposures than this share are an alarm.
pub const LOST_SHARE: f64 = 0.02;

const OTHER_UNIT: &str = "another_unit_is_shared_out";

/// The state of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Whether results may be read: no mismatch, no user in an arm without weight, few in several variations.
    pub sound: bool,
    /// What is wrong, in words.
    pub alarms: Vec<Note>,
    /// Whether the arms have the users their weights promise.
    pub sample_ratio: SampleRatio,
    /// Users who were seen in an arm of weight zero.
    pub zero_weight: ZeroWeight,
    /// Users who were seen in several variations; they are left out of everything else.
    pub several: Several,
    /// Users of a variation that is no arm.
    pub foreign_users: u64,
    /// Exposures on their way.
    pub exposures: Delivery,
    /// Whether every arm has the users that the normal approximation wants.
    pub enough: Enough,
}

/// Something to know before reading results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// A stable code.
    pub code: &'static str,
    /// What it means here.
    pub detail: String,
}

/// Sample ratio mismatch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleRatio {
    /// Whether the sequential p-value is below `level`. Blocks every verdict.
    pub alarm: bool,
    /// The level of the alarm.
    pub level: f64,
    /// The sequential p-value (Lindon and Malek 2022, averaged over three concentrations), valid however often one looks.
    pub sequential_p: Answer<P>,
    /// The chi-square test at this one look, beside it: it alarms far too often when looked at every day.
    pub chi_square: Answer<ChiSquare>,
}

/// A chi-square test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquare {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// P-value.
    pub p: P,
}

/// Users where none should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZeroWeight {
    /// How many.
    pub users: u64,
    /// Whether there are any. Blocks every verdict.
    pub alarm: bool,
}

/// Users in several variations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Several {
    /// How many.
    pub users: u64,
    /// Their share of all users.
    pub share: f64,
    /// Above this share it is an alarm.
    pub threshold: f64,
    /// Whether it is.
    pub alarm: bool,
}

/// Exposures from the process that made them to what can be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Exposures of the iteration, each counted once.
    pub events: u64,
    /// What senders say they made, over the experiment's life; absent if no sender counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// What was taken of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<u64>,
    /// What can be read of those.
    pub stored: u64,
    /// The share of what was sent that cannot be read: lost, or still on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_share: Option<f64>,
    /// Above this share it is an alarm.
    pub threshold: f64,
    /// Whether it is. Downgrades every verdict.
    pub alarm: bool,
}

/// Whether there are data enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Enough {
    /// Users every arm with a weight must have.
    pub users_per_arm: u64,
    /// Variations that have fewer.
    pub too_few: Vec<String>,
}

/// Looks at the exposures of an iteration.
pub(super) fn check(arms: &[Arm], exposures: &Exposures) -> Health {
    let users = |arm: usize| exposures.users.get(arm).copied().unwrap_or(0);
    let weighted: Vec<usize> = (0..arms.len()).filter(|&arm| arms[arm].weight > 0).collect();
    let leaked = (0..arms.len())
        .filter(|&arm| arms[arm].weight == 0)
        .fold(0_u64, |sum, arm| sum.saturating_add(users(arm)));
    let too_few = weighted.iter().filter(|&&arm| users(arm) < BURN_IN_USERS);
    let mut health = Health {
        sound: true,
        alarms: Vec::new(),
        sample_ratio: sample_ratio(arms, &weighted, exposures),
        zero_weight: ZeroWeight { users: leaked, alarm: leaked > 0 },
        several: several(exposures),
        foreign_users: exposures.foreign,
        exposures: delivery(exposures),
        enough: Enough {
            users_per_arm: BURN_IN_USERS,
            too_few: too_few.map(|&arm| arms[arm].variation.clone()).collect(),
        },
    };
    health.alarms = health.notes();
    health.sound = !(health.sample_ratio.alarm || health.zero_weight.alarm || health.several.alarm);
    health
}

impl Health {
    /// What blocks every verdict: the arms are not what they should be.
    pub(super) const fn blocks(&self) -> Option<Missing> {
        if self.sample_ratio.alarm || self.zero_weight.alarm {
            Some(Missing::SampleRatioMismatch)
        } else {
            None
        }
    }

    /// Notes that users are counted where something else was shared out, such as companies: their users are not
    /// independent of each other, so standard errors come out too small.
    pub(super) fn doubt_unit(&mut self, bucket_by: &str) {
        self.alarms.push(Note {
            code: OTHER_UNIT,
            detail: format!(
                "the experiment is shared out by `{bucket_by}`, and users are what is counted: those of one \
                 `{bucket_by}` are alike, so that p-values and intervals are too small"
            ),
        });
    }

    /// What makes every verdict doubtful.
    pub(super) fn doubts(&self) -> Vec<Note> {
        let doubtful = ["exposures_lost", "several_variations", OTHER_UNIT];
        self.alarms.iter().filter(|note| doubtful.contains(&note.code)).cloned().collect()
    }

    fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        let mut note = |code, detail| notes.push(Note { code, detail });
        if let (true, Some(p)) = (self.sample_ratio.alarm, self.sample_ratio.sequential_p.known()) {
            note(
                "sample_ratio_mismatch",
                format!(
                    "the arms do not have the users their weights promise (sequential p {}): \
                     assignment or logging differs between them",
                    words::p(*p)
                ),
            );
        }
        if self.zero_weight.alarm {
            note(
                "users_in_zero_weight_arm",
                format!(
                    "{} users are in arms of weight zero",
                    words::count(self.zero_weight.users)
                ),
            );
        }
        if self.several.alarm {
            let (users, share) = (words::count(self.several.users), self.several.share);
            note(
                "several_variations",
                format!("{users} users ({}) were seen in several variations", words::share(share)),
            );
        }
        if let (true, Some(lost)) = (self.exposures.alarm, self.exposures.lost_share) {
            note(
                "exposures_lost",
                format!("{} of the exposures that were sent cannot be read", words::share(lost)),
            );
        }
        if !self.enough.too_few.is_empty() {
            note(
                "too_few_users",
                format!(
                    "fewer than {} users in {}",
                    self.enough.users_per_arm,
                    self.enough.too_few.join(", ")
                ),
            );
        }
        notes
    }
}

fn sample_ratio(arms: &[Arm], weighted: &[usize], exposures: &Exposures) -> SampleRatio {
    let weights: Vec<f64> = weighted.iter().map(|&arm| f64::from(arms[arm].weight)).collect();
    let pick = |users: &[u64]| -> Vec<u64> {
        weighted.iter().map(|&arm| users.get(arm).copied().unwrap_or(0)).collect()
    };
    if arms.is_empty() {
        let nobody = NoAnswer::TooFew;
        return SampleRatio {
            alarm: false,
            level: MISMATCH_LEVEL,
            sequential_p: Err(nobody).into(),
            chi_square: Err(nobody).into(),
        };
    }
    let sequential = mismatch(&weights, exposures.by_step.iter().map(|step| pick(&step.users)));
    let chi_square = srm::chi_square(&pick(&exposures.users), &weights).map(|test| ChiSquare {
        statistic: test.statistic,
        df: test.df,
        p: test.p.into(),
    });
    SampleRatio {
        alarm: sequential.is_ok_and(|p| p.ln() < MISMATCH_LEVEL.ln()),
        level: MISMATCH_LEVEL,
        sequential_p: sequential.into(),
        chi_square: chi_square.into(),
    }
}

/// The sequential p-value over the steps. The Bayes factors of several concentrations are averaged, which is a Bayes
/// factor again and as valid: a large concentration finds small deviations among many users, a small one finds gross
/// deviations among few.
fn mismatch(weights: &[f64], steps: impl Iterator<Item = Vec<u64>>) -> Result<P, NoAnswer> {
    let mut tests = CONCENTRATIONS
        .iter()
        .map(|&concentration| srm::Sequential::new(weights, concentration))
        .collect::<Result<Vec<_>, _>>()?;
    let mut smallest = Tail::CERTAIN;
    for users in steps {
        let logarithms = tests
            .iter_mut()
            .map(|test| test.look(&users).map(|(ln, _)| ln))
            .collect::<Result<Vec<_>, _>>()?;
        let p = Tail::from_ln(-ln_mean(&logarithms));
        if p < smallest {
            smallest = p;
        }
    }
    Ok(P::from(smallest))
}

/// The logarithm of the mean of what these are the logarithms of.
#[allow(clippy::cast_precision_loss, reason = "there are three")]
fn ln_mean(logarithms: &[f64]) -> f64 {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logarithms.iter().map(|ln| (ln - largest).exp()).sum();
    largest + (sum / logarithms.len() as f64).ln()
}

#[allow(clippy::cast_precision_loss, reason = "a share of users")]
fn several(exposures: &Exposures) -> Several {
    let users = exposures.several;
    let all = exposures.users.iter().map(|users| *users as f64).sum::<f64>() + users as f64;
    let share = if all > 0.0 { users as f64 / all } else { 0.0 };
    Several { users, share, threshold: SEVERAL_SHARE, alarm: share > SEVERAL_SHARE }
}

#[allow(clippy::cast_precision_loss, reason = "a share of exposures")]
fn delivery(exposures: &Exposures) -> Delivery {
    let lost = exposures.sent.filter(|sent| *sent > 0).map(|sent| {
        let missing = sent.saturating_sub(exposures.stored);
        missing as f64 / sent as f64
    });
    Delivery {
        events: exposures.events,
        sent: exposures.sent,
        accepted: exposures.accepted,
        stored: exposures.stored,
        lost_share: lost,
        threshold: LOST_SHARE,
        alarm: lost.is_some_and(|lost| lost > LOST_SHARE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gross_mismatch_of_few_users_is_found() {
        let half = [50_000.0, 50_000.0];
        let p = mismatch(&half, [vec![1_200, 800]].into_iter()).unwrap();
        assert!(p.get() < 1e-9, "{p:?}");
        let p = mismatch(&half, [vec![1_020, 980]].into_iter()).unwrap();
        assert!(p.get() > 0.05, "{p:?}");
        let p = mismatch(&half, [vec![1_010_000, 990_000]].into_iter()).unwrap();
        assert!(p.get() < 1e-9, "{p:?}");
    }

    #[test]
    fn without_users_nothing_is_wrong() {
        let p = mismatch(&[1.0, 1.0, 2.0], std::iter::empty()).unwrap();
        assert!((p.get() - 1.0).abs() < 1e-12);
    }
}
