//! The results of an experiment, as one document that a page can show as it is.
//!
//! [`results`] is pure: an [`ExperimentPlan`] and [`Figures`] in, [`Results`] out, the same ones for the same input. It
//! reads in this order: can the data be trusted ([`Health`]); what does each metric say ([`MetricResult`], with the
//! [`Decision`] its verdict follows from); what should be done ([`Recommendation`]).
//!
//! Invariants:
//! - The verdict, the corrected p-value, the interval and the interval of the lift of a comparison are of one look and
//!   one statistic, and never contradict each other.
//! - What cannot be said is an [`Answer::Unknown`] with its reason: the document has no NaN, infinity or `null`.
//! - A metric that is better lower turns what "better" means and no number.
//! - Past looks do not change when data arrive.

mod answer;
mod band;
mod belief;
mod binary;
mod boundaries;
mod breakdown;
mod decision;
mod effect;
mod family;
mod guardrail;
mod health;
mod looks;
mod metric;
mod now;
mod outlook;
mod power;
mod recommendation;
mod track;
mod words;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

pub use answer::{Answer, Missing, P};
pub use belief::{Belief, Model};
pub use binary::{Binary, Share};
pub use breakdown::{ByAttribute, Heterogeneity, Segment, SegmentArm};
pub use decision::{Decision, Lift, Look, Verdict};
pub use family::Family;
pub use guardrail::{Breach, Guardrail, State as GuardrailState};
pub use health::{
    ChiSquare, Delivery, Enough, Health, LOST_SHARE, MISMATCH_LEVEL, Note, SEVERAL_SHARE,
    SampleRatio, Several, ZeroWeight,
};
pub use looks::SMALLEST_STEP;
pub use metric::{ArmResult, Comparison, MetricResult};
pub use now::{Adjustment, AlwaysValid, CupedUse, Now, SeriesEffect, SeriesPoint, SingleLook};
pub use outlook::Outlook;
pub use power::PowerSoFar;
pub use recommendation::{Recommendation, Waiting};

use crate::figures::{Exposures, Figures};
use crate::plan::{Analysis, ExperimentPlan, Iteration, Status};
use family::Corrected;
use track::{Setting, Track};

/// What an experiment proves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// Which experiment, at which versions.
    pub experiment: Experiment,
    /// As of when: the same input gives the same document.
    pub as_of: AsOf,
    /// How it was analysed.
    pub analysis: Analysis,
    /// The arms, control first.
    pub arms: Vec<ArmUsers>,
    /// Whether the data can be trusted.
    pub health: Health,
    /// Which p-values were corrected together.
    pub families: Vec<Family>,
    /// The metrics, in the order of the plan; their order does not change any of them.
    pub metrics: Vec<MetricResult>,
    /// How much longer it takes.
    pub outlook: Outlook,
    /// What to do.
    pub recommendation: Recommendation,
}

/// Which experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// Where it is in its life.
    pub status: Status,
    /// Key of the flag.
    pub flag: String,
    /// The flag's version.
    pub flag_version: u64,
    /// The iteration these results are of; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// As of when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AsOf {
    /// Position of the log the definitions are of, a decimal string.
    pub log_position: String,
    /// Position of the telemetry that is counted, a decimal string; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry_position: Option<String>,
    /// When the newest of it was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// An arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmUsers {
    /// Key of the variation.
    pub variation: String,
    /// Whether it is the control.
    pub control: bool,
    /// Users exposed to it.
    pub users: u64,
    /// The share of all users it should have.
    pub expected_share: f64,
    /// The share it has; absent without users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl Results {
    /// The guardrails that are breached, for whoever acts on them.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        let of = |metric: &MetricResult, comparison: &Comparison| {
            let guardrail = comparison.guardrail.as_ref()?;
            (guardrail.state == GuardrailState::Breach).then(|| Breach {
                metric: metric.metric.key.clone(),
                variation: comparison.variation.clone(),
                evidence: guardrail.evidence.clone(),
            })
        };
        self.metrics
            .iter()
            .flat_map(|metric| metric.comparisons.iter().filter_map(move |each| of(metric, each)))
            .collect()
    }
}

/// The results of an experiment from its figures; without figures nothing has been exposed yet.
#[must_use]
pub fn results<'a>(plan: &ExperimentPlan, figures: impl Into<Option<&'a Figures>>) -> Results {
    let figures = figures.into();
    let iteration = match figures {
        Some(figures) => plan.iterations.iter().find(|each| each.number == figures.iteration),
        None => plan.iterations.last(),
    };
    let nobody = Exposures::default();
    let exposures = figures.map_or(&nobody, |figures| &figures.exposures);
    let arms = iteration.map_or(&[][..], |iteration| &iteration.arms);
    let mut health = health::check(arms, exposures);
    if let (Some(bucket_by), Some(_)) = (&plan.bucket_by, iteration) {
        health.doubt_unit(bucket_by);
    }
    let points = figures.map_or(&[][..], |figures| &figures.points);
    let setting = iteration.map(|iteration| Setting::of(plan, iteration, points));
    let (metrics, outlook) = match &setting {
        Some(Ok(setting)) => tell(setting, &health),
        Some(Err(_)) | None => Default::default(),
    };
    let recommendation = match setting {
        Some(Ok(_)) if plan.status != Status::Draft => {
            recommendation::recommend(plan, &metrics, &health, &outlook)
        }
        Some(Err(reason)) => {
            Recommendation::Investigate { why: "invalid_analysis", reason: reason.to_string() }
        }
        _ => {
            Recommendation::NotStarted { reason: "the experiment has not been started".to_owned() }
        }
    };
    Results {
        experiment: Experiment {
            id: plan.id,
            key: plan.key.clone(),
            name: plan.name.clone(),
            version: plan.version,
            status: plan.status,
            flag: plan.flag.clone(),
            flag_version: plan.flag_version,
            iteration: iteration.map(|iteration| iteration.number),
            started_at: iteration.map(|iteration| iteration.started_at),
            ended_at: iteration.and_then(|iteration| iteration.ended_at),
        },
        as_of: AsOf {
            log_position: plan.position.clone(),
            telemetry_position: figures.map(|figures| figures.telemetry_position.to_string()),
            time: figures.map(|figures| figures.as_of),
        },
        analysis: plan.analysis.clone(),
        arms: iteration.map_or_else(Vec::new, |iteration| arm_users(iteration, exposures)),
        health,
        families: families(plan, arms.len().saturating_sub(1)),
        metrics,
        outlook,
        recommendation,
    }
}

fn tell(setting: &Setting<'_>, health: &Health) -> (Vec<MetricResult>, Outlook) {
    let uses = &setting.plan.metrics;
    let tracks: Vec<Track> = uses
        .iter()
        .enumerate()
        .flat_map(|(metric, used)| track::of_metric(setting, metric, used))
        .collect();
    let corrected = correct(setting, &tracks);
    let with: Vec<(&Track, Corrected)> = tracks.iter().zip(corrected).collect();
    let of = |metric: usize| -> Vec<(&Track, Corrected)> {
        with.iter().filter(|(track, _)| track.metric == metric).copied().collect()
    };
    let metrics = uses
        .iter()
        .enumerate()
        .map(|(metric, used)| metric::tell(used, &of(metric), setting, health))
        .collect();
    let primary: Vec<_> = with
        .iter()
        .filter(|(track, _)| family::name(&uses[track.metric].role) == "primary")
        .copied()
        .collect();
    (metrics, outlook::ahead(setting, &primary))
}

/// The p-values of all tracks, each corrected over its family.
fn correct(setting: &Setting<'_>, tracks: &[Track]) -> Vec<Corrected> {
    let role = |track: &Track| &setting.plan.metrics[track.metric].role;
    let mut all = vec![Corrected::alone(setting.alpha); tracks.len()];
    for name in family::NAMES {
        let members: Vec<usize> =
            (0..tracks.len()).filter(|&at| family::name(role(&tracks[at])) == name).collect();
        let Some(&first) = members.first() else { continue };
        let correction = family::correction(role(&tracks[first]), setting.plan.analysis.correction);
        let p: Vec<_> = members.iter().map(|&at| tracks[at].p()).collect();
        let found = family::corrected(&p, correction, setting.alpha);
        members.into_iter().zip(found).for_each(|(at, found)| all[at] = found);
    }
    all
}

fn families(plan: &ExperimentPlan, treatments: usize) -> Vec<Family> {
    family::NAMES
        .into_iter()
        .filter_map(|name| {
            let members: Vec<_> =
                plan.metrics.iter().filter(|used| family::name(&used.role) == name).collect();
            let first = members.first()?;
            Some(Family {
                name,
                correction: family::correction(&first.role, plan.analysis.correction),
                size: members.len() * treatments,
                metrics: members.iter().map(|used| used.metric.key.clone()).collect(),
            })
        })
        .collect()
}

#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
fn arm_users(iteration: &Iteration, exposures: &Exposures) -> Vec<ArmUsers> {
    let weights: f64 = iteration.arms.iter().map(|arm| f64::from(arm.weight)).sum();
    let users = |at: usize| exposures.users.get(at).copied().unwrap_or(0);
    let all: f64 = (0..iteration.arms.len()).map(|at| users(at) as f64).sum();
    let one = |(at, arm): (usize, &crate::plan::Arm)| ArmUsers {
        variation: arm.variation.clone(),
        control: at == 0,
        users: users(at),
        expected_share: if weights > 0.0 { f64::from(arm.weight) / weights } else { 0.0 },
        share: (all > 0.0).then(|| users(at) as f64 / all),
    };
    iteration.arms.iter().enumerate().map(one).collect()
}
