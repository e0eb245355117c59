//! Two conversion rates with beta priors.

use serde::Serialize;

use crate::stats::no_answer::{NoAnswer, require};
use crate::stats::special::{ln_beta_density_logit, ln_beta_tails, ln_integral_of_log_concave};
use crate::stats::{Proportion, Tail};

/// What the posterior says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Posterior {
    /// The probability that the treatment's rate is the higher one.
    pub treatment_wins: Tail,
    /// The rate lost on average by choosing the treatment, `E max(p1 - p2, 0)`.
    pub loss_of_treatment: f64,
    /// The rate lost on average by choosing control, `E max(p2 - p1, 0)`.
    pub loss_of_control: f64,
}

/// Compares the posteriors `Beta(a + x, b + n - x)`: `P(p2 > p1) = ∫ f2 F1`, `E max(p1 - p2, 0) = ∫ F2 (1 - F1)`. Equal to
/// the sums of Miller (2015, "Formulas for Bayesian A/B testing") where those can be summed, but without their
/// differences of nearly equal numbers; the integrands are log-concave on the logit scale.
///
/// # Errors
/// Invalid unless the prior's shapes lie in 1e-3 to 1e12.
pub fn compare(
    control: &Proportion,
    treatment: &Proportion,
    prior: (f64, f64),
) -> Result<Posterior, NoAnswer> {
    let range = 1e-3..=1e12;
    require(
        range.contains(&prior.0) && range.contains(&prior.1),
        "the shapes of the prior must lie between 0.001 and 1e12",
    )?;
    let (first, second) = (Shape::of(control, prior), Shape::of(treatment, prior));
    let gap = first.gap(&second);
    // Only the smaller loss is integrated: the other one is larger by the difference of the means, and its integrand
    // is flat between them.
    let (loss_of_treatment, loss_of_control) = if gap >= 0.0 {
        let small = loss(&second, &first);
        (small, small + gap)
    } else {
        let small = loss(&first, &second);
        (small - gap, small)
    };
    Ok(Posterior { treatment_wins: wins(&first, &second), loss_of_treatment, loss_of_control })
}

/// Against the narrower density, on whose scale the other tail is smooth.
fn wins(first: &Shape, second: &Shape) -> Tail {
    Tail::from_ln(if second.spread() <= first.spread() {
        integrate(first, second, |x, y| second.density(x, y) + first.tails(x, y).0)
    } else {
        integrate(first, second, |x, y| first.density(x, y) + second.tails(x, y).1)
    })
}

/// `E max(other - chosen, 0)`.
fn loss(chosen: &Shape, other: &Shape) -> f64 {
    let ln = |x: f64, y: f64| chosen.tails(x, y).0 + other.tails(x, y).1 + x.ln() + y.ln();
    integrate(chosen, other, ln).exp()
}

fn integrate(one: &Shape, two: &Shape, ln: impl Fn(f64, f64) -> f64) -> f64 {
    let low = (one.center().min(two.center()) - 60.0).max(-600.0);
    let high = (one.center().max(two.center()) + 60.0).min(600.0);
    let breaks = [one, two].into_iter().flat_map(|shape| {
        (-3_i32..=3).map(|k| shape.center() + 4.0 * f64::from(k) * shape.spread())
    });
    let on_logits = |u: f64| ln(1.0 / (1.0 + (-u).exp()), 1.0 / (1.0 + u.exp()));
    ln_integral_of_log_concave(on_logits, (low, high), breaks)
}

struct Shape {
    a: f64,
    b: f64,
}

impl Shape {
    fn of(arm: &Proportion, prior: (f64, f64)) -> Self {
        let (x, n) = arm.numbers();
        Self { a: prior.0 + x, b: prior.1 + (n - x) }
    }

    fn center(&self) -> f64 {
        (self.a / self.b).ln()
    }

    /// About one standard deviation, on the logit scale.
    fn spread(&self) -> f64 {
        (1.0 / self.a + 1.0 / self.b).sqrt()
    }

    /// How much larger the other mean is.
    fn gap(&self, other: &Self) -> f64 {
        let (n1, n2) = (self.a + self.b, other.a + other.b);
        (other.a / n2) * (self.b / n1) - (self.a / n1) * (other.b / n2)
    }

    fn tails(&self, x: f64, y: f64) -> (f64, f64) {
        ln_beta_tails(self.a, self.b, x, y)
    }

    fn density(&self, x: f64, y: f64) -> f64 {
        ln_beta_density_logit(self.a, self.b, x, y)
    }
}
