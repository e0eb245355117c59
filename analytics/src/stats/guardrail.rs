//! Guardrails: "not significantly worse" is not "safe". A guardrail passes when it is shown not to be worse than the
//! margin, is breached when harm is shown, and is undecided otherwise.

use serde::Serialize;

use super::no_answer::{NoAnswer, finite, require};
use super::sequential::always_valid::{self, Tuning};
use super::special::student_sf;
use super::{Alpha, Arm, Tail, welch::welch};

/// Which way a metric should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Revenue, conversion.
    Higher,
    /// Latency, errors.
    Lower,
}

/// What a guardrail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Shown to be no worse than the margin.
    Pass,
    /// Shown to be worse, and not shown to be within the margin.
    Breach,
    /// Neither yet.
    Undecided,
}

/// The test of a guardrail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NonInferiority {
    /// `(m2 - (1 + m) m1) / √(s2²/n2 + (1 + m)² s1²/n1)`.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// One-sided p-value of "worse than the margin".
    pub p: Tail,
    /// One-sided p-value of "no worse than control", small when there is harm.
    pub p_harm: Tail,
    /// What follows at the level asked for.
    pub verdict: Verdict,
    /// Shown to be no worse than the margin.
    pub non_inferior: bool,
    /// Shown to be worse than control.
    pub harm: bool,
}

/// Non-inferiority with a relative margin (negative where higher is better, positive where lower is): a one-sided Welch
/// test of the contrast `m2 - (1 + m) m1`, exact in the margin, as no ratio is taken (Schuirmann 1987 for the one-sided
/// test; Fieller 1954 for the contrast). Harm is the one-sided test of the difference. For a single look; see
/// [`anytime`].
///
/// # Errors
/// Those of [`welch`]; invalid when the margin points the wrong way or is not above -1.
pub fn non_inferiority(
    control: &Arm,
    treatment: &Arm,
    margin: f64,
    better: Better,
    alpha: Alpha,
) -> Result<NonInferiority, NoAnswer> {
    let contrast = welch(&bound(control, margin, better)?, treatment, alpha)?;
    let harm = welch(control, treatment, alpha)?;
    let side = match better {
        Better::Higher => 1.0,
        Better::Lower => -1.0,
    };
    let p = student_sf(side * contrast.statistic, contrast.df)?;
    let p_harm = student_sf(-side * harm.statistic, harm.df)?;
    let (non_inferior, harm) = (p.p() < alpha.get(), p_harm.p() < alpha.get());
    Ok(NonInferiority {
        statistic: contrast.statistic,
        df: contrast.df,
        p,
        p_harm,
        verdict: verdict(non_inferior, harm),
        non_inferior,
        harm,
    })
}

/// The same verdict from always-valid confidence sequences (Waudby-Smith et al. 2021, arXiv 2103.06476), so that looking
/// all the time is safe: pass when the sequence of the contrast lies on the good side of zero, breach when that of the
/// difference lies on the bad side. Undecided during the burn-in.
///
/// # Errors
/// Those of [`welch`]; invalid when the margin points the wrong way or is not above -1.
pub fn anytime(
    control: &Arm,
    treatment: &Arm,
    margin: f64,
    better: Better,
    tuning: Tuning,
) -> Result<Verdict, NoAnswer> {
    let contrast = always_valid::of_means(&bound(control, margin, better)?, treatment, tuning)?;
    let difference = always_valid::of_means(control, treatment, tuning)?;
    if !always_valid::burned_in(control, treatment) {
        return Ok(Verdict::Undecided);
    }
    Ok(match better {
        Better::Higher => verdict(contrast.interval.lower > 0.0, difference.interval.upper < 0.0),
        Better::Lower => verdict(contrast.interval.upper < 0.0, difference.interval.lower > 0.0),
    })
}

fn bound(control: &Arm, margin: f64, better: Better) -> Result<Arm, NoAnswer> {
    require(finite(margin)? > -1.0, "the margin must be above -1")?;
    match better {
        Better::Higher => require(margin <= 0.0, "the margin must be negative: higher is better")?,
        Better::Lower => require(margin >= 0.0, "the margin must be positive: lower is better")?,
    }
    control.scaled(1.0 + margin)
}

const fn verdict(non_inferior: bool, harm: bool) -> Verdict {
    match (non_inferior, harm) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Breach,
        (false, false) => Verdict::Undecided,
    }
}
