//! What tells whether data can be trusted, and many results at once.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answer;
use super::input::{Count, Level};
use crate::stats::moments::{CoMoments, Moments};
use crate::stats::multiplicity::{Correction, adjust};
use crate::stats::no_answer::require;
use crate::stats::winsorize::Caps;
use crate::stats::{heterogeneity as segments, quantile as quantile_of, srm as mismatch};

#[derive(Deserialize)]
pub(super) struct Ratio {
    observed: Vec<Count>,
    weights: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct RatioByLook {
    counts_by_look: Vec<Vec<Count>>,
    #[serde(alias = "weights")]
    probabilities: Vec<f64>,
    dirichlet_concentration: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Family {
    p_values: Vec<f64>,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Segments {
    effects: Vec<f64>,
    se: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct QuantileOf {
    values: Vec<f64>,
    quantile: f64,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Clustered {
    n: Count,
    n_star: Count,
    nu: f64,
    quantile_hat: f64,
    quantile_lower: f64,
    quantile_upper: f64,
    main_sum: f64,
    main_sum_squares: f64,
    denominator_sum: f64,
    denominator_sum_squares: f64,
    main_denominator_sum_product: f64,
    n_clusters: Count,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Cut {
    values: Vec<f64>,
    lower: f64,
    upper: f64,
}

fn counts(counts: &[Count]) -> Vec<u64> {
    counts.iter().map(|count| count.0).collect()
}

pub(super) fn srm(input: &Ratio) -> Answer {
    let test = mismatch::chi_square(&counts(&input.observed), &input.weights)?;
    Ok(json!({
        "statistic": test.statistic,
        "df": test.df,
        "p_value": test.p.p(),
        "log10_p": test.p.log10(),
        "srm_at_0.001": test.p.p() < 0.001,
        "srm_at_0.0001": test.p.p() < 0.0001,
    }))
}

pub(super) fn srm_sequential(input: &RatioByLook) -> Answer {
    let concentration =
        input.dirichlet_concentration.unwrap_or(mismatch::Sequential::CONCENTRATION);
    let mut test = mismatch::Sequential::new(&input.probabilities, concentration)?;
    let (mut factors, mut p_values) = (Vec::new(), Vec::new());
    for look in &input.counts_by_look {
        let (factor, p) = test.look(&counts(look))?;
        factors.push(factor);
        p_values.push(p.p());
    }
    let alarm = p_values.last().is_some_and(|p| *p < 0.001);
    Ok(json!({ "log_bayes_factor": factors, "sequential_p": p_values, "alarm_at_0.001": alarm }))
}

pub(super) fn multiplicity(input: &Family) -> Answer {
    let alpha = input.alpha.get();
    let by = |correction| adjust(&input.p_values, correction);
    let (holm, bh) = (by(Correction::Holm)?, by(Correction::BenjaminiHochberg)?);
    let rejected = |p: &[f64]| p.iter().map(|p| *p <= alpha).collect::<Vec<_>>();
    let mut output = json!({
        "bonferroni": by(Correction::Bonferroni)?,
        "hochberg": by(Correction::Hochberg)?,
        "by": by(Correction::BenjaminiYekutieli)?,
    });
    output[format!("holm_reject_{alpha}")] = rejected(&holm).into();
    output[format!("bh_reject_{alpha}")] = rejected(&bh).into();
    output["holm"] = holm.into();
    output["bh"] = bh.into();
    Ok(output)
}

pub(super) fn heterogeneity(input: &Segments) -> Answer {
    let test = segments::cochran_q(&input.effects, &input.se)?;
    Ok(json!({
        "pooled_fixed": test.pooled,
        "cochran_q": test.q,
        "df": test.df,
        "p_value": test.p.p(),
        "i2": test.i2,
    }))
}

pub(super) fn quantile(input: &QuantileOf) -> Answer {
    let found = quantile_of::independent(&input.values, input.quantile, input.alpha.alpha()?)?;
    Ok(json!({
        "quantile_hat": found.estimate,
        "quantile_lower": found.lower,
        "quantile_upper": found.upper,
        "variance_of_quantile": found.variance,
    }))
}

pub(super) fn quantile_clustered(input: &Clustered) -> Answer {
    let known = quantile_of::Clustered {
        q: input.nu,
        values: input.n.0,
        sampled: input.n_star.0,
        estimate: input.quantile_hat,
        lower: input.quantile_lower,
        upper: input.quantile_upper,
    };
    require(input.n_clusters.0 >= 2, "there must be two clusters")?;
    #[allow(clippy::cast_precision_loss, reason = "a count is at most 2^53")]
    let n = input.n_clusters.0 as f64;
    let (main, rest) = (input.main_sum, input.denominator_sum);
    let covariance = |products: f64, a: f64, b: f64| (products - a / n * b) / (n - 1.0);
    let cross = covariance(input.main_denominator_sum_product, main, rest);
    let indicator = CoMoments::from_summary(
        input.n_clusters.0,
        [main / n, rest / n],
        [
            [covariance(input.main_sum_squares, main, main), cross],
            [cross, covariance(input.denominator_sum_squares, rest, rest)],
        ],
    )?;
    let alpha = input.alpha.alpha()?;
    let (_, over_users) = quantile_of::clustered(&known, &indicator, alpha)?;
    Ok(json!({
        "cluster_variance_of_indicator": over_users,
        "variance_unit_scale": quantile_of::clustered_unit_variance(&known, &indicator, alpha)?,
    }))
}

pub(super) fn winsorize(input: &Cut) -> Answer {
    let caps = Caps::of_pooled(&input.values, input.lower, input.upper)?;
    let values: Vec<f64> = input.values.iter().map(|value| caps.apply(*value)).collect();
    let arm = values.iter().copied().collect::<Moments>().arm()?;
    Ok(json!({
        "cap_lower": caps.lower,
        "cap_upper": caps.upper,
        "values": Value::from(values),
        "mean": arm.mean(),
        "variance": arm.variance(),
    }))
}
