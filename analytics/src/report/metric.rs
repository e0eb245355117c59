//! A metric of an experiment: its arms, and every variation against the control.

use serde::Serialize;

use super::answer::{Answer, Missing};
use super::belief::{self, Belief};
use super::binary::{self, Binary, Share};
use super::breakdown::{self, ByAttribute};
use super::decision::{Decision, Judge, Look, Verdict};
use super::effect::{Sample, is_share, proportion};
use super::family::{self, Corrected};
use super::guardrail::{Guardrail, Watch};
use super::health::{ChiSquare, Health, Note};
use super::now::{self, Now, SeriesPoint};
use super::power::{self, PowerSoFar};
use super::track::{Setting, Track};
use super::words;
use crate::figures::{ArmFigures, MetricFigures};
use crate::plan::{Metric, MetricKind, MetricUse, Role};
use crate::stats::skew::{MAX_SHARE, Skew};

/// A metric and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricResult {
    /// Its definition, at the version that was used.
    pub metric: Metric,
    /// What it is for.
    pub role: Role,
    /// The family its p-values are corrected in.
    pub family: &'static str,
    /// Its arms in the newest state, control first.
    pub arms: Vec<ArmResult>,
    /// The chi-square test of all arms at once, of a share with more than two of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overall: Option<Answer<ChiSquare>>,
    /// Every variation against the control.
    pub comparisons: Vec<Comparison>,
}

/// An arm of a metric in the newest state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmResult {
    /// Key of the variation.
    pub variation: String,
    /// Users that count.
    pub users: u64,
    /// Mean, share, ratio or quantile, as seen.
    pub value: Answer<f64>,
    /// Its standard error: of a ratio by the delta method, of a quantile clustered by user.
    pub se: Answer<f64>,
    /// Conversions, of a metric that is 0 or 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Answer<Share>>,
    /// Whether a t test can be trusted (Kohavi et al. 2014), of a metric that is neither a share nor a quantile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew: Option<Answer<Skew>>,
}

/// A variation against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Key of the variation.
    pub variation: String,
    /// What the data say.
    pub verdict: Verdict,
    /// What makes the verdict doubtful; nothing should be shipped on it.
    pub downgraded: Vec<Note>,
    /// The look that decides, with the numbers the verdict follows from.
    pub decision: Answer<Decision>,
    /// Of a guardrail: what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<Guardrail>,
    /// Every planned look.
    pub looks: Vec<Look>,
    /// The newest state.
    pub now: Answer<Now>,
    /// Tests and intervals of shares, beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<Answer<Binary>>,
    /// The Bayesian view.
    pub belief: Answer<Belief>,
    /// What could be found so far.
    pub power: Answer<PowerSoFar>,
    /// Every state, with its always-valid band.
    pub series: Vec<SeriesPoint>,
    /// By attributes.
    pub breakdowns: Vec<ByAttribute>,
}

/// Tells everything about a metric.
pub(super) fn tell(
    used: &MetricUse,
    tracks: &[(&Track, Corrected)],
    setting: &Setting<'_>,
    health: &Health,
) -> MetricResult {
    let nothing = MetricFigures::default();
    let newest = setting.points.last();
    let figures =
        tracks.first().and_then(|(track, _)| newest?.metrics.get(track.metric)).unwrap_or(&nothing);
    let arms: Vec<ArmResult> = setting
        .iteration
        .arms
        .iter()
        .enumerate()
        .map(|(at, arm)| arm_result(&used.metric, &arm.variation, figures.whole.get(at), setting))
        .collect();
    let shares = || (0..arms.len()).map(|at| proportion(figures.whole.get(at))).collect::<Vec<_>>();
    MetricResult {
        overall: is_share(&used.metric).then(|| binary::overall(&shares())).flatten(),
        comparisons: tracks
            .iter()
            .map(|(track, corrected)| {
                compare(used, track, *corrected, figures, &arms, setting, health)
            })
            .collect(),
        metric: used.metric.clone(),
        role: used.role.clone(),
        family: family::name(&used.role),
        arms,
    }
}

fn compare(
    used: &MetricUse,
    track: &Track,
    corrected: Corrected,
    figures: &MetricFigures,
    arms: &[ArmResult],
    setting: &Setting<'_>,
    health: &Health,
) -> Comparison {
    let (metric, alpha, tuning) = (&used.metric, setting.alpha, setting.tuning);
    let level = corrected.level;
    let judge = Judge {
        rule: &track.rule,
        effects: &track.effects,
        points: setting.points,
        users: &track.users,
        readings: &track.readings,
        method: setting.plan.analysis.method,
        corrected,
    };
    let decision = judge.decision();
    let verdict = match health.blocks() {
        Some(reason) => Verdict::NotEstimable { reason },
        None => judge.verdict(&decision, metric.better),
    };
    let mut downgraded = Vec::new();
    if !matches!(verdict, Verdict::NotEstimable { .. }) {
        downgraded.extend(health.doubts());
        downgraded.extend([&arms[0], &arms[track.arm]].into_iter().filter_map(skewed));
        downgraded.extend(faded(track, corrected, &decision));
    }
    let variation = arms[track.arm].variation.clone();
    let guardrail = match used.role {
        Role::Guardrail { margin } => Some(
            Watch {
                metric,
                margin,
                variation: &variation,
                effects: &track.effects,
                points: setting.points,
                tuning,
                alpha,
            }
            .state(),
        ),
        Role::Primary | Role::Secondary => None,
    };
    let newest =
        track.effects.last().map_or(Err(Missing::NoData), |effect| effect.as_ref().map_err(|m| *m));
    let shares = [0, track.arm].map(|at| proportion(figures.whole.get(at)));
    Comparison {
        verdict,
        downgraded,
        decision: decision.into(),
        guardrail,
        looks: judge.looks(),
        now: now::now(&track.effects, tuning, level, alpha).into(),
        binary: is_share(metric).then(|| binary::compare(shares[0], shares[1], alpha)),
        belief: match newest {
            Ok(effect) => belief::of(metric, effect, shares, alpha),
            Err(missing) => Answer::Unknown(missing),
        },
        power: newest.map(|effect| power::so_far(&setting.plan.analysis, effect, level)).into(),
        series: now::series(&track.effects, setting.points, tuning, level),
        breakdowns: breakdown::of(metric, figures, track.arm, tuning, level, alpha),
        variation,
    }
}

fn arm_result(
    metric: &Metric,
    variation: &str,
    figures: Option<&ArmFigures>,
    setting: &Setting<'_>,
) -> ArmResult {
    let arm = Sample::of(metric, figures).arm();
    let users = match figures {
        Some(ArmFigures::Sums(sums)) => sums.users,
        Some(ArmFigures::Quantile(quantile)) => quantile.users,
        Some(ArmFigures::Nothing) | None => 0,
    };
    ArmResult {
        variation: variation.to_owned(),
        users,
        value: arm.map(|arm| arm.mean()).into(),
        se: arm.map(|arm| arm.variance_of_mean().sqrt()).into(),
        share: is_share(metric)
            .then(|| proportion(figures).map(|arm| binary::share(&arm, setting.alpha)).into()),
        skew: matches!(
            metric.kind,
            MetricKind::Mean { .. } | MetricKind::Count { .. } | MetricKind::Ratio { .. }
        )
        .then(|| skew(figures).into()),
    }
}

/// The rule of [`crate::stats::skew::check`], from exact moments.
#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
fn skew(figures: Option<&ArmFigures>) -> Result<Skew, Missing> {
    let sums = figures.and_then(ArmFigures::sums).ok_or(Missing::NoData)?;
    let skewness = sums.skewness()?;
    let (needed, largest_share) = (355.0 * skewness * skewness, sums.largest_share());
    let sound = sums.users as f64 > needed && largest_share <= MAX_SHARE;
    Ok(Skew { skewness, needed, largest_share, sound })
}

fn skewed(arm: &ArmResult) -> Option<Note> {
    let skew = arm.skew.as_ref()?.known().filter(|skew| !skew.sound)?;
    Some(Note {
        code: "skewed",
        detail: format!(
            "in {} a few users count for much: skewness {}, which wants {} users, and one user has {} of the \
             sum; cap the metric",
            arm.variation,
            words::number(skew.skewness),
            words::number(skew.needed),
            words::share(skew.largest_share),
        ),
    })
}

/// A boundary that was reached once, and would not be by the latest look alone.
fn faded(
    track: &Track,
    corrected: Corrected,
    decision: &Result<Decision, Missing>,
) -> Option<Note> {
    let latest = track.readings.last()?;
    let decided = decision.as_ref().ok().filter(|decision| decision.significant)?;
    (latest.p.ln() > corrected.level.get().ln()).then(|| Note {
        code: "faded",
        detail: format!(
            "the boundary was reached on {}, the latest look alone would not reach it: the effect may have changed",
            decided.at
        ),
    })
}
