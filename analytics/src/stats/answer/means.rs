//! Means: of users, of ratios, adjusted, relative, against a margin, with a prior.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answer;
use super::input::{Count, Level, Means, comparison, extend};
use crate::stats::bayes::normal::{Prior, posterior};
use crate::stats::cuped::{self as cuped_of, Cuped, SmallSample, Theta};
use crate::stats::guardrail::{self, Better};
use crate::stats::lift::{self as lift_of, Relative};
use crate::stats::moments::{CoMoments, Moments};
use crate::stats::ratio as ratio_of;
use crate::stats::welch as welch_of;
use crate::stats::{Alpha, NoAnswer};

#[derive(Deserialize)]
pub(super) struct Values {
    values: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct Summary {
    #[serde(flatten)]
    arms: Means,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Raw {
    control: Vec<f64>,
    treatment: Vec<f64>,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
struct Pairs {
    #[serde(alias = "numerator")]
    pre: Vec<f64>,
    #[serde(alias = "denominator")]
    post: Vec<f64>,
}

impl Pairs {
    fn moments(&self) -> Result<CoMoments<2>, NoAnswer> {
        if self.pre.len() != self.post.len() {
            return Err(NoAnswer::InvalidInput { what: "every unit must have both quantities" });
        }
        Ok(self.pre.iter().zip(&self.post).map(|(&first, &second)| [first, second]).collect())
    }
}

#[derive(Deserialize)]
pub(super) struct TwoPairs {
    control: Pairs,
    treatment: Pairs,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct CupedSummary {
    n: [Count; 2],
    pre_mean: [f64; 2],
    post_mean: [f64; 2],
    pre_variance: [f64; 2],
    post_variance: [f64; 2],
    covariance: [f64; 2],
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Higher,
    Lower,
}

#[derive(Deserialize)]
pub(super) struct Guarded {
    #[serde(flatten)]
    arms: Means,
    relative_margin: f64,
    better: Direction,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
struct PriorInput {
    #[serde(default)]
    mean: f64,
    #[serde(default)]
    variance: f64,
    proper: bool,
    scale: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Believed {
    #[serde(flatten)]
    arms: Means,
    #[serde(default)]
    alpha: Level,
    prior: PriorInput,
    #[serde(default)]
    inverse: bool,
}

pub(super) fn moments(input: &Values) -> Answer {
    let arm = input.values.iter().copied().collect::<Moments>().arm()?;
    Ok(json!({ "n": arm.n(), "mean": arm.mean(), "variance": arm.variance() }))
}

pub(super) fn welch(input: &Summary) -> Answer {
    let [control, treatment] = input.arms.arms()?;
    let test = welch_of::welch(&control, &treatment, input.alpha.alpha()?)?;
    Ok(Value::Object(comparison("", &test)))
}

pub(super) fn welch_raw(input: &Raw) -> Answer {
    let control = input.control.iter().copied().collect::<Moments>().arm()?;
    let treatment = input.treatment.iter().copied().collect::<Moments>().arm()?;
    let mut fields = comparison("", &welch_of::welch(&control, &treatment, input.alpha.alpha()?)?);
    let means = json!({
        "mean_control": control.mean(),
        "mean_treatment": treatment.mean(),
        "variance_control": control.variance(),
        "variance_treatment": treatment.variance(),
    });
    extend(&mut fields, means);
    Ok(Value::Object(fields))
}

pub(super) fn lift(input: &Summary) -> Answer {
    let [control, treatment] = input.arms.arms()?;
    let lift = lift_of::lift(&control, &treatment, input.alpha.alpha()?)?;
    let fieller_z = lift.fieller_z.interval();
    let fieller_t = lift.fieller.interval();
    Ok(json!({
        "lift_over_abs_control": lift.estimate,
        "se_delta": lift.delta_se,
        "delta_z_lower": lift.delta_z.lower,
        "delta_z_upper": lift.delta_z.upper,
        "delta_t_lower": lift.delta.lower,
        "delta_t_upper": lift.delta.upper,
        "p_value_relative_t": lift.delta_p.p(),
        "p_value_absolute_t": lift.absolute.p.p(),
        "fieller_g": lift.fieller_g,
        "fieller_z_lower": fieller_z.map(|interval| interval.lower),
        "fieller_z_upper": fieller_z.map(|interval| interval.upper),
        "fieller_t_lower": fieller_t.map(|interval| interval.lower),
        "fieller_t_upper": fieller_t.map(|interval| interval.upper),
        "fieller_bounded": fieller_z.is_some(),
        "log_z_lower": lift.log_z.map(|interval| interval.lower),
        "log_z_upper": lift.log_z.map(|interval| interval.upper),
    }))
}

pub(super) fn ratio(input: &TwoPairs) -> Answer {
    let (control, treatment) = (input.control.moments()?, input.treatment.moments()?);
    let ratios = ratio_of::compare(&control, &treatment, input.alpha.alpha()?)?;
    let mut fields = comparison("", &ratios.difference);
    let rest = json!({
        "ratio_control": ratios.control.value,
        "ratio_treatment": ratios.treatment.value,
        "delta_var_control": ratios.control.unit_variance,
        "delta_var_treatment": ratios.treatment.unit_variance,
        "rel_estimate": ratios.lift.map(|lift| lift.estimate),
        "rel_se_delta": ratios.lift.map(|lift| lift.delta_se),
    });
    extend(&mut fields, rest);
    Ok(Value::Object(fields))
}

pub(super) fn cuped(input: &TwoPairs) -> Answer {
    adjusted(&input.control.moments()?, &input.treatment.moments()?, input.alpha.alpha()?)
}

pub(super) fn cuped_summary(input: &CupedSummary) -> Answer {
    let arm = |i: usize| {
        CoMoments::from_summary(
            input.n[i].0,
            [input.pre_mean[i], input.post_mean[i]],
            [
                [input.pre_variance[i], input.covariance[i]],
                [input.covariance[i], input.post_variance[i]],
            ],
        )
    };
    adjusted(&arm(0)?, &arm(1)?, input.alpha.alpha()?)
}

/// Both ways to estimate theta, as published engines compute them: without the small-sample correction.
fn adjusted(control: &CoMoments<2>, treatment: &CoMoments<2>, alpha: Alpha) -> Answer {
    let by = |theta| cuped_of::cuped(control, treatment, theta, SmallSample::Plain, alpha);
    let (pooled, ancova) = (by(Theta::AllUsers)?, by(Theta::WithinArms)?);
    let mut fields = comparison("unadjusted_", &pooled.unadjusted);
    for (prefix, cuped) in [("pooled", &pooled), ("ancova", &ancova)] {
        fields.extend(comparison(&format!("{prefix}_"), &cuped.comparison));
        let Cuped { theta, mean, variance, .. } = cuped;
        for (key, value) in [
            ("theta", theta[0]),
            ("adj_mean_control", mean[0]),
            ("adj_mean_treatment", mean[1]),
            ("adj_var_control", variance[0]),
            ("adj_var_treatment", variance[1]),
        ] {
            fields.insert(format!("{prefix}_{key}"), value.into());
        }
    }
    let lift = pooled.lift.map(|lift| (lift, alpha.t(pooled.comparison.df) * lift.delta_se));
    let rest = json!({
        "variance_ratio_pooled": pooled.variance_ratio,
        "relative_estimate": lift.map(|(lift, _)| lift.estimate),
        "relative_se": lift.map(|(lift, _)| lift.delta_se),
        "relative_ci_lower": lift.map(|(lift, half)| lift.estimate - half),
        "relative_ci_upper": lift.map(|(lift, half)| lift.estimate + half),
    });
    extend(&mut fields, rest);
    Ok(Value::Object(fields))
}

pub(super) fn non_inferiority(input: &Guarded) -> Answer {
    let [control, treatment] = input.arms.arms()?;
    let better = match input.better {
        Direction::Higher => Better::Higher,
        Direction::Lower => Better::Lower,
    };
    let alpha = input.alpha.alpha()?;
    let test =
        guardrail::non_inferiority(&control, &treatment, input.relative_margin, better, alpha)?;
    Ok(json!({
        "statistic": test.statistic,
        "df": test.df,
        "p_value": test.p.p(),
        "non_inferior": test.non_inferior,
        "p_value_deterioration_one_sided": test.p_harm.p(),
        "harm_detected": test.harm,
        "verdict": test.verdict,
    }))
}

pub(super) fn bayes(input: &Believed) -> Answer {
    let [control, treatment] = input.arms.arms()?;
    control.at_least_two()?;
    treatment.at_least_two()?;
    let effect = Relative::of_arms(&control, &treatment);
    let (estimate, se) = if input.prior.scale.as_deref() == Some("absolute") {
        (effect.difference, effect.variance.sqrt())
    } else {
        (effect.lift()?, effect.delta_se()?)
    };
    let prior = if input.prior.proper {
        Prior::Normal { mean: input.prior.mean, variance: input.prior.variance }
    } else {
        Prior::Flat
    };
    let after = posterior(estimate, se, prior, input.alpha.alpha()?)?;
    let (win, control_risk, treatment_risk) = if input.inverse {
        (after.positive.complement(), after.loss, after.gain)
    } else {
        (after.positive, after.gain, after.loss)
    };
    Ok(json!({
        "posterior_mean": after.mean,
        "posterior_sd": after.sd,
        "ci_lower": after.interval.lower,
        "ci_upper": after.interval.upper,
        "chance_to_win": win.p(),
        "risk_control": control_risk,
        "risk_treatment": treatment_risk,
    }))
}
