//! The same comparison among the users with one value of an attribute, and whether the values differ. Exploratory:
//! nothing here is corrected over segments or decides, but the bands are always-valid.

use serde::Serialize;

use super::answer::{Answer, Missing, P};
use super::effect::{Effect, Sample};
use super::now::{SeriesEffect, at};
use crate::figures::MetricFigures;
use crate::plan::Metric;
use crate::stats::heterogeneity::cochran_q;
use crate::stats::sequential::always_valid::Tuning;
use crate::stats::{Alpha, NoAnswer};

/// A comparison by the values of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByAttribute {
    /// The attribute.
    pub attribute: String,
    /// Whether the difference is the same everywhere.
    pub heterogeneity: Answer<Heterogeneity>,
    /// Its values, those with most users first.
    pub segments: Vec<Segment>,
}

/// Cochran's Q over the segments with enough data (Cochran 1954).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Heterogeneity {
    /// The statistic.
    pub q: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// P-value of "the same difference in all of them", at a single look.
    pub p: P,
    /// The share of the variation that is not chance (Higgins and Thompson 2002).
    pub i2: f64,
    /// How many segments had enough data to take part.
    pub segments: usize,
}

/// The users with one value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// The value; empty for users without one.
    pub value: String,
    /// Users and means, control first.
    pub arms: [SegmentArm; 2],
    /// The effect and its always-valid band.
    pub effect: Answer<SeriesEffect>,
}

/// An arm of a segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentArm {
    /// Users that count.
    pub users: u64,
    /// Their mean, share, ratio or quantile.
    pub value: Answer<f64>,
}

/// The breakdowns of one comparison; `arm` is the treatment's place.
pub(super) fn of(
    metric: &Metric,
    figures: &MetricFigures,
    arm: usize,
    tuning: Tuning,
    level: Alpha,
    alpha: Alpha,
) -> Vec<ByAttribute> {
    let mut attributes: Vec<(ByAttribute, Vec<(f64, f64)>)> = Vec::new();
    for breakdown in &figures.breakdowns {
        let samples = [0, arm].map(|at| Sample::of(metric, breakdown.arms.get(at)));
        let effect = Effect::of(metric, &samples[0], &samples[1], alpha)
            .and_then(|effect| effect.burn_in.map(|()| effect));
        let segment = Segment {
            value: breakdown.value.clone(),
            arms: [0, 1].map(|at| {
                let found = samples[at].arm();
                SegmentArm {
                    users: found.as_ref().map_or(0, crate::stats::Arm::n),
                    value: found.map(|arm| arm.mean()).into(),
                }
            }),
            effect: effect
                .as_ref()
                .map(|effect| self::at(effect, tuning, level))
                .map_err(|m| *m)
                .into(),
        };
        let place = attributes.iter().position(|(known, _)| known.attribute == breakdown.attribute);
        let place = place.unwrap_or_else(|| {
            let attribute = breakdown.attribute.clone();
            let heterogeneity = Answer::Unknown(Missing::NoData);
            attributes
                .push((ByAttribute { attribute, heterogeneity, segments: Vec::new() }, Vec::new()));
            attributes.len() - 1
        });
        let (known, effects) = &mut attributes[place];
        known.segments.push(segment);
        effects.extend(effect.map(|effect| (effect.difference.estimate, effect.difference.se)));
    }
    attributes
        .into_iter()
        .map(|(known, effects)| ByAttribute { heterogeneity: differ(&effects).into(), ..known })
        .collect()
}

fn differ(effects: &[(f64, f64)]) -> Result<Heterogeneity, NoAnswer> {
    let (estimates, errors): (Vec<f64>, Vec<f64>) = effects.iter().copied().unzip();
    let found = cochran_q(&estimates, &errors)?;
    Ok(Heterogeneity {
        q: found.q,
        df: found.df,
        p: found.p.into(),
        i2: found.i2,
        segments: effects.len(),
    })
}
