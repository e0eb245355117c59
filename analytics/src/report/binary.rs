//! What is said of shares beside the deciding statistic: the tests and intervals people know. They are of the newest
//! state and of a single look, and decide nothing.

use serde::Serialize;

use super::answer::{Answer, Missing, P};
use super::health::ChiSquare;
use crate::stats::chi_square::{Yates, chi_square};
use crate::stats::proportions::{difference, wilson};
use crate::stats::{Alpha, Interval, NoAnswer, Proportion, fisher};

/// A variation against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Binary {
    /// Pearson's chi-square without Yates's correction.
    pub chi_square: Answer<ChiSquare>,
    /// Fisher's exact p-value, where an expected cell is below 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fisher: Option<Answer<P>>,
    /// Newcombe's interval of the difference (1998, method 10).
    pub newcombe: Answer<Interval>,
}

/// The share of an arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// Users who have it.
    pub conversions: u64,
    /// Wilson's score interval (1927) of the share, at 1 - alpha.
    pub wilson: Answer<Interval>,
}

pub(super) fn share(arm: &Proportion, alpha: Alpha) -> Share {
    Share { conversions: arm.successes(), wilson: wilson(arm, alpha).into() }
}

pub(super) fn compare(
    control: Result<Proportion, Missing>,
    treatment: Result<Proportion, Missing>,
    alpha: Alpha,
) -> Answer<Binary> {
    let both = control.and_then(|control| Ok((control, treatment?)));
    both.map(|(control, treatment)| {
        let test = chi_square(&[control, treatment], Yates::Without);
        let small = test.is_ok_and(|test| test.small_cells);
        Binary {
            chi_square: test.map(said).into(),
            fisher: small.then(|| fisher::exact(&control, &treatment).map(P::from).into()),
            newcombe: difference(&control, &treatment, alpha).map(|found| found.newcombe).into(),
        }
    })
    .into()
}

/// All arms at once, if there are more than two.
pub(super) fn overall(arms: &[Result<Proportion, Missing>]) -> Option<Answer<ChiSquare>> {
    if arms.len() < 3 {
        return None;
    }
    let known: Result<Vec<Proportion>, Missing> = arms.iter().copied().collect();
    let test = |arms: Vec<Proportion>| -> Result<ChiSquare, NoAnswer> {
        chi_square(&arms, Yates::Without).map(said)
    };
    Some(known.and_then(|arms| Ok(test(arms)?)).into())
}

fn said(test: crate::stats::chi_square::ChiSquare) -> ChiSquare {
    ChiSquare { statistic: test.statistic, df: test.df, p: test.p.into() }
}
