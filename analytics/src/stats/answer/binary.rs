//! Conversion rates.

use serde::Deserialize;
use serde_json::json;

use super::Answer;
use super::input::{Conversions, Count, Level};
use crate::stats::bayes::beta_binomial;
use crate::stats::chi_square::Yates;
use crate::stats::{Proportion, chi_square as pearson, fisher as exact, proportions};

#[derive(Deserialize)]
pub(super) struct Table {
    #[serde(flatten)]
    arms: Conversions,
    #[serde(default)]
    yates: bool,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct One {
    x: Count,
    n: Count,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Believed {
    #[serde(flatten)]
    arms: Conversions,
    prior: (f64, f64),
}

pub(super) fn chi_square(input: &Table) -> Answer {
    let yates = if input.yates { Yates::Corrected } else { Yates::Without };
    let test = pearson::chi_square(&input.arms.arms()?, yates)?;
    Ok(json!({
        "statistic": test.statistic,
        "df": test.df,
        "p_value": test.p.p(),
        "log10_p": test.p.log10(),
        "small_cells": test.small_cells,
    }))
}

pub(super) fn fisher(input: &Table) -> Answer {
    let [control, treatment] = input.arms.two()?;
    let p = exact::exact(&control, &treatment)?;
    Ok(json!({ "p_value": p.p(), "log10_p": p.log10() }))
}

pub(super) fn difference(input: &Table) -> Answer {
    let [control, treatment] = input.arms.two()?;
    let difference = proportions::difference(&control, &treatment, input.alpha.alpha()?)?;
    Ok(json!({
        "estimate": difference.estimate,
        "newcombe_lower": difference.newcombe.lower,
        "newcombe_upper": difference.newcombe.upper,
        "wald_lower": difference.wald.lower,
        "wald_upper": difference.wald.upper,
    }))
}

pub(super) fn wilson(input: &One) -> Answer {
    let arm = Proportion::new(input.x.0, input.n.0)?;
    let interval = proportions::wilson(&arm, input.alpha.alpha()?)?;
    Ok(json!({ "ci_lower": interval.lower, "ci_upper": interval.upper }))
}

pub(super) fn bayes(input: &Believed) -> Answer {
    let [control, treatment] = input.arms.two()?;
    let posterior = beta_binomial::compare(&control, &treatment, input.prior)?;
    Ok(json!({
        "chance_treatment_beats_control": posterior.treatment_wins.p(),
        "expected_loss_choose_treatment": posterior.loss_of_treatment,
        "expected_loss_choose_control": posterior.loss_of_control,
    }))
}
