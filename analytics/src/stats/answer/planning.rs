//! Power, minimal detectable effect, sample size.

use serde::Deserialize;
use serde_json::json;

use super::Answer;
use super::input::{Count, Level, Sided};
use crate::stats::no_answer::finite;
use crate::stats::power::{self as power_of, Plan, Power};

#[derive(Deserialize)]
pub(super) struct Powered {
    n: [Count; 2],
    control_mean: f64,
    variance: f64,
    effect_relative: f64,
    #[serde(default)]
    alpha: Level,
    #[serde(default)]
    sided: Sided,
}

#[derive(Deserialize)]
pub(super) struct Detectable {
    n: [Count; 2],
    control_mean: f64,
    variance: f64,
    power: f64,
    #[serde(default)]
    cuped_correlation: f64,
    #[serde(default)]
    alpha: Level,
    #[serde(default)]
    sided: Sided,
}

#[derive(Deserialize)]
pub(super) struct MeanSize {
    control_mean: f64,
    variance: f64,
    mde_relative: f64,
    power: f64,
    ratio_treatment_to_control: Option<f64>,
    #[serde(default)]
    cuped_correlation: f64,
    #[serde(default)]
    alpha: Level,
    #[serde(default)]
    sided: Sided,
}

#[derive(Deserialize)]
pub(super) struct RateSize {
    p_control: f64,
    p_treatment: f64,
    power: f64,
    #[serde(default)]
    alpha: Level,
    #[serde(default)]
    sided: Sided,
}

#[allow(clippy::cast_precision_loss, reason = "a count is at most 2^53")]
fn users(n: [Count; 2]) -> [f64; 2] {
    n.map(|n| n.0 as f64)
}

pub(super) fn power(input: &Powered) -> Answer {
    let se = power_of::standard_error(users(input.n), input.variance)?;
    let alpha = input.alpha.two_sided(input.sided)?;
    let effect = finite(input.control_mean * input.effect_relative)?;
    Ok(json!({ "power": power_of::power(effect, se, alpha)? }))
}

pub(super) fn mde(input: &Detectable) -> Answer {
    let variance = power_of::after_cuped(input.variance, input.cuped_correlation)?;
    let alpha = input.alpha.two_sided(input.sided)?;
    let wanted = Power::new(input.power)?;
    let mde = power_of::mde(users(input.n), input.control_mean, variance, alpha, wanted)?;
    Ok(json!({
        "se": mde.se,
        "mde_absolute": mde.absolute,
        "mde_relative": mde.relative,
        "mde_absolute_two_tail_exact": mde.absolute_exact,
        "mde_relative_delta_method_positive": mde.relative_delta,
        "power_at_mde": power_of::power(mde.absolute_exact, mde.se, alpha)?,
    }))
}

pub(super) fn sample_size_mean(input: &MeanSize) -> Answer {
    let ratio = input.ratio_treatment_to_control.unwrap_or(1.0);
    let plan =
        Plan { alpha: input.alpha.two_sided(input.sided)?, power: Power::new(input.power)?, ratio };
    let variance = power_of::after_cuped(input.variance, input.cuped_correlation)?;
    let n = plan.users(finite(input.control_mean * input.mde_relative)?, variance)?;
    Ok(json!({
        "n_control_z_onetail_formula": n,
        "n_control_ceil": n.ceil(),
        "n_treatment_ceil": (n * ratio).ceil(),
    }))
}

pub(super) fn sample_size_proportion(input: &RateSize) -> Answer {
    let alpha = input.alpha.two_sided(input.sided)?;
    let rates = [input.p_control, input.p_treatment];
    let size = power_of::proportion_size(rates, alpha, Power::new(input.power)?)?;
    Ok(json!({
        "n_pooled_null": size.pooled, "n_unpooled": size.unpooled, "n_arcsine": size.arcsine,
    }))
}
