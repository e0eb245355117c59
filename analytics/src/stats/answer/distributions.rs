//! Distribution functions.

use serde::Deserialize;
use serde_json::json;

use super::Answer;
use crate::stats::{Tail, special};

#[derive(Deserialize)]
pub(super) struct Point {
    #[serde(alias = "x", alias = "t")]
    z: f64,
    #[serde(default)]
    df: f64,
}

#[derive(Deserialize)]
pub(super) struct Level {
    upper_tail: f64,
    #[serde(default)]
    df: f64,
}

#[derive(Deserialize)]
pub(super) struct Beta {
    a: f64,
    b: f64,
    x: f64,
}

fn tail(tail: Tail) -> Answer {
    Ok(json!({ "sf": tail.p(), "log10_sf": tail.log10() }))
}

pub(super) fn normal_sf(input: &Point) -> Answer {
    tail(special::normal_sf(input.z)?)
}

pub(super) fn chi_square_sf(input: &Point) -> Answer {
    tail(special::chi_square_sf(input.z, input.df)?)
}

pub(super) fn student_sf(input: &Point) -> Answer {
    tail(special::student_sf(input.z, input.df)?)
}

pub(super) fn normal_quantile(input: &Level) -> Answer {
    Ok(json!({ "z": special::normal_quantile_above(input.upper_tail)? }))
}

pub(super) fn student_quantile(input: &Level) -> Answer {
    Ok(json!({ "t": special::student_quantile_above(input.upper_tail, input.df)? }))
}

pub(super) fn beta_cdf(input: &Beta) -> Answer {
    Ok(json!({ "cdf": special::beta_cdf(input.x, input.a, input.b)? }))
}
