//! What an error of ClickHouse means: wait, or give up on the rows.
//!
//! Giving up on rows because a table is missing would park everything; waiting on a row that will never fit would
//! stop everything. ClickHouse's error codes tell most cases apart. A code that is in neither list is waited for a few
//! times, and then taken for the rows' fault, unless every message is refused alike: then it is the table's.

use clickhouse::error::Error;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It will pass.
    Wait,
    /// These rows will never be taken.
    Refused,
    /// Not known.
    Unclear,
}

/// Of values: what cannot be parsed, converted or fits no column, and what breaks a constraint.
const OF_VALUES: &[u16] = &[
    6, 25, 26, 27, 32, 33, 34, 38, 41, 53, 69, 70, 72, 85, 117, 128, 130, 131, 190, 321, 349, 363,
    376, 395, 407, 432, 441, 469, 675, 676, 691,
];

/// Of the server, the network, the schema or the user's rights: timeouts, limits of memory and disk, too many queries
/// or parts, missing tables and columns, read-only tables, no quorum, no access.
const OF_THE_SERVER: &[u16] = &[
    3, 10, 16, 20, 47, 60, 74, 75, 76, 81, 95, 107, 159, 160, 164, 173, 192, 193, 194, 198, 201,
    202, 203, 209, 210, 216, 218, 219, 225, 236, 239, 241, 242, 243, 252, 254, 279, 285, 286, 289,
    290, 293, 305, 306, 307, 319, 336, 341, 364, 369, 372, 373, 394, 396, 410, 415, 416, 425, 439,
    452, 473, 492, 497, 499, 516, 530, 574, 603, 609, 612, 619, 668, 700, 705, 722, 735, 742, 744,
    999, 1001, 1002,
];

impl Verdict {
    /// What `error` means.
    pub(super) fn on(error: &Error) -> Self {
        match code(error) {
            Some(code) if OF_VALUES.contains(&code) => Self::Refused,
            Some(code) if !OF_THE_SERVER.contains(&code) => Self::Unclear,
            _ => Self::Wait,
        }
    }
}

/// ClickHouse's number for the error. None when it did not answer itself: a broken connection, a proxy.
pub(super) fn code(error: &Error) -> Option<u16> {
    let Error::BadResponse(text) = error else { return None };
    let number: String = text
        .trim_start()
        .strip_prefix("Code: ")?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide() {
        let answer = |text: &str| Verdict::on(&Error::BadResponse(text.to_owned()));
        assert_eq!(answer("Code: 469. DB::Exception: Constraint `c` …"), Verdict::Refused);
        assert_eq!(answer("Code: 60. DB::Exception: Unknown table"), Verdict::Wait);
        assert_eq!(answer("Code: 252. DB::Exception: Too many parts"), Verdict::Wait);
        assert_eq!(answer("Code: 65000"), Verdict::Unclear);
        assert_eq!(answer("502 Bad Gateway"), Verdict::Wait);
        assert_eq!(Verdict::on(&Error::TimedOut), Verdict::Wait);
    }

    #[test]
    fn no_code_is_in_both_lists() {
        assert!(OF_VALUES.iter().all(|code| !OF_THE_SERVER.contains(code)));
    }
}
