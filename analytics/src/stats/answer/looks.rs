//! Sequential designs and confidence sequences.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answer;
use super::input::{Level, Means, Sided};
use crate::stats::NoAnswer;
use crate::stats::sequential::always_valid::{self, Running, Tuning};
use crate::stats::sequential::design::{self, Design, Shape};
use crate::stats::sequential::spending::{self, Boundary, Sides, Spending};

#[derive(Deserialize)]
enum ShapeName {
    #[serde(rename = "P", alias = "pocock", alias = "Pocock")]
    Pocock,
    #[serde(rename = "OF", alias = "OBF", alias = "obf")]
    OBrienFleming,
}

impl ShapeName {
    const fn shape(&self) -> Shape {
        match self {
            Self::Pocock => Shape::Pocock,
            Self::OBrienFleming => Shape::OBrienFleming,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Equal {
    looks: u16,
    #[serde(default)]
    alpha: Level,
    #[serde(default)]
    sided: Sided,
}

#[derive(Deserialize)]
pub(super) struct Seen {
    looks: u16,
    z: f64,
}

#[derive(Deserialize)]
pub(super) struct Cost {
    design: ShapeName,
    looks: u16,
    power: f64,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Repeated {
    design: ShapeName,
    looks: u16,
    look: Option<u16>,
    estimate: f64,
    se: f64,
    #[serde(default)]
    alpha: Level,
}

#[derive(Deserialize)]
pub(super) struct Spent {
    information_fractions: Vec<f64>,
    #[serde(default)]
    alpha: Level,
    #[serde(default)]
    sided: Sided,
    spending: Option<String>,
    #[serde(alias = "gamma", alias = "gammaA", alias = "exponent")]
    rho: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Band {
    #[serde(flatten)]
    arms: Means,
    #[serde(default)]
    alpha: Level,
    n_star: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Bands {
    looks: Vec<Means>,
    #[serde(default)]
    alpha: Level,
    n_star: Option<f64>,
}

pub(super) fn pocock(input: &Equal) -> Answer {
    let (constant, bounds) = equal(input, Shape::Pocock)?;
    let nominal = spending::nominal_alpha(constant)?;
    Ok(json!({ "constant": constant, "boundaries_z": bounds, "nominal_alpha_per_look": nominal }))
}

pub(super) fn o_brien_fleming(input: &Equal) -> Answer {
    let (constant, bounds) = equal(input, Shape::OBrienFleming)?;
    Ok(json!({ "constant": constant, "boundaries_z": bounds }))
}

fn equal(input: &Equal, shape: Shape) -> Result<(f64, Vec<f64>), NoAnswer> {
    let design = Design::new(shape, input.looks)?;
    let constant = design.constant(input.alpha.two_sided(input.sided)?);
    Ok((constant, design.boundaries(constant)))
}

pub(super) fn adjusted_p(input: &Seen) -> Answer {
    let p = Design::new(Shape::Pocock, input.looks)?.repeated_p(input.looks, input.z)?;
    Ok(json!({ "pocock_adjusted_p": p.p() }))
}

pub(super) fn peeking(input: &Seen) -> Answer {
    Ok(json!({ "crossing_probability": design::peeking(input.looks, input.z)? }))
}

pub(super) fn inflation(input: &Cost) -> Answer {
    let design = Design::new(input.design.shape(), input.looks)?;
    let inflation = design.inflation(input.alpha.alpha()?, input.power)?;
    Ok(json!({
        "inflation_factor": inflation.factor,
        "inflation_factor_counting_wrong_direction": inflation.both_sides,
    }))
}

pub(super) fn repeated_interval(input: &Repeated) -> Answer {
    let design = Design::new(input.design.shape(), input.looks)?;
    let look = input.look.unwrap_or(input.looks);
    let interval =
        design.repeated_interval(look, input.estimate, input.se, input.alpha.alpha()?)?;
    Ok(json!({
        "ci_lower": interval.lower,
        "ci_upper": interval.upper,
        "crossed": interval.lower >= 0.0 || interval.upper <= 0.0,
    }))
}

pub(super) fn lan_demets(input: &Spent) -> Answer {
    let spending = named(input.spending.as_deref().unwrap_or("asOF"), input.rho)?;
    let sides = if input.sided.0 == 1 { Sides::One } else { Sides::Two };
    let alpha = input.alpha.alpha()?;
    let looks = spending::boundaries(spending, alpha, sides, &input.information_fractions)?;
    Ok(json!({
        "boundaries_z": looks.iter().map(|look| look.z).collect::<Vec<_>>(),
        "alpha_spent": looks.iter().map(|look| look.spent).collect::<Vec<_>>(),
        "information_used": looks.iter().map(|look| look.time).collect::<Vec<_>>(),
        "total_alpha": looks.last().map_or(0.0, |Boundary { spent, .. }| *spent),
    }))
}

/// The names other packages give to spending functions.
fn named(name: &str, rho: Option<f64>) -> Result<Spending, NoAnswer> {
    let lower = name.to_ascii_lowercase();
    Ok(match lower.as_str() {
        "asof" | "obf" | "of" => Spending::OBrienFleming,
        "asp" | "pocock" | "p" => Spending::Pocock,
        "obf_jt_two_sided" => Spending::OBrienFlemingJoint,
        _ if lower.starts_with("askd") || lower.contains("power") || lower.contains("t^") => {
            let digits = lower.trim_start_matches(|c: char| !c.is_ascii_digit());
            let rho = rho.or_else(|| digits.parse().ok());
            Spending::Power {
                rho: rho.ok_or(NoAnswer::InvalidInput { what: "the power must have a rho" })?,
            }
        }
        _ => {
            return Err(NoAnswer::InvalidInput {
                what: "the spending function must be a known one",
            });
        }
    })
}

pub(super) fn asymp_cs(input: &Band) -> Answer {
    let [control, treatment] = input.arms.arms()?;
    let tuning = Tuning::new(input.alpha.alpha()?, input.n_star.unwrap_or(Tuning::USERS))?;
    let point = always_valid::of_means(&control, &treatment, tuning)?;
    Ok(json!({
        "estimate": point.estimate,
        "se": point.se,
        "rho": tuning.rho(),
        "ci_lower": point.interval.lower,
        "ci_upper": point.interval.upper,
        "log_e_value": point.ln_e,
        "always_valid_p": point.p.p(),
        "log10_p": point.p.log10(),
    }))
}

pub(super) fn asymp_cs_running(input: &Bands) -> Answer {
    let tuning = Tuning::new(input.alpha.alpha()?, input.n_star.unwrap_or(Tuning::USERS))?;
    let mut running = Running::default();
    let mut columns: [Vec<f64>; 4] = Default::default();
    for look in &input.looks {
        let [control, treatment] = look.arms()?;
        let point = always_valid::of_means(&control, &treatment, tuning)?;
        running.add(&point);
        let row = [point.p.p(), running.p.p(), running.interval.lower, running.interval.upper];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let [p, running_p, lower, upper] = columns.map(Value::from);
    Ok(json!({
        "p_by_look": p, "running_p": running_p, "running_lower": lower, "running_upper": upper,
    }))
}

pub(super) fn msprt(input: &Band) -> Answer {
    let [control, treatment] = input.arms.arms()?;
    let test = always_valid::msprt(&control, &treatment, input.alpha.alpha()?)?;
    Ok(json!({
        "tau": test.tau,
        "z_star_documented_alpha_over_2": test.critical_documented,
        "z_star_exact_two_sided": test.critical,
        "ci_lower_documented": test.interval_documented.lower,
        "ci_upper_documented": test.interval_documented.upper,
    }))
}
