//! How much better the treatment is: a percentage, as in `--effect 3%`.

use std::{fmt, str::FromStr};

/// A relative change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effect(f64);

/// The most that the keenest user's chance to buy can grow by.
const MOST: f64 = 0.5;

/// A text is no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EffectError {
    /// It has another form.
    #[error("give a percentage, such as 3% or -2.5%")]
    Form,
    /// It is too large or too small.
    #[error("give a percentage between -100% and 50%")]
    Range,
}

impl Effect {
    /// What a chance is multiplied by.
    pub(super) fn factor(self) -> f64 {
        1.0 + self.0
    }
}

impl FromStr for Effect {
    type Err = EffectError;

    fn from_str(text: &str) -> Result<Self, EffectError> {
        let number = text.trim().strip_suffix('%').ok_or(EffectError::Form)?.trim_end();
        let percent: f64 = number.parse().map_err(|_| EffectError::Form)?;
        let share = percent / 100.0;
        if (-1.0..=MOST).contains(&share) { Ok(Self(share)) } else { Err(EffectError::Range) }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parts of a millionth are noise of the division.
        let percent = (self.0 * 1e8).round() / 1e6;
        write!(f, "{percent:+} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_and_written() {
        for (text, factor, shown) in [
            ("3%", 1.03, "+3 %"),
            (" 3 %", 1.03, "+3 %"),
            ("+0.7%", 1.007, "+0.7 %"),
            ("-2.5%", 0.975, "-2.5 %"),
            ("0%", 1.0, "+0 %"),
            ("50%", 1.5, "+50 %"),
        ] {
            let effect: Effect = text.parse().unwrap();
            assert!((effect.factor() - factor).abs() < 1e-12, "{text}");
            assert_eq!(effect.to_string(), shown);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["3", "", "%", "three%", "3%%", "0.03"] {
            assert_eq!(text.parse::<Effect>(), Err(EffectError::Form), "{text}");
        }
        for text in ["-101%", "51%", "NaN%", "inf%"] {
            assert_eq!(text.parse::<Effect>(), Err(EffectError::Range), "{text}");
        }
    }
}
