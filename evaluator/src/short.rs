//! Equality of short texts. Names and values in rules are mostly a few bytes long, where calling the general
//! comparison of memory takes longer than comparing.

/// Whether two texts are the same, in one or two comparisons of words up to 16 bytes.
#[inline]
pub(crate) fn same_text(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        8..=16 => ends::<8>(left) == ends::<8>(right),
        4..8 => ends::<4>(left) == ends::<4>(right),
        2..4 => ends::<2>(left) == ends::<2>(right),
        _ => left == right,
    }
}

/// The first and the last bytes, which may overlap.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_any_byte_is_seen_at_every_length() {
        for length in 0..40 {
            let text = "a".repeat(length);
            assert!(same_text(&text, &text.clone()));
            assert!(!same_text(&text, &format!("{text}a")));
            for place in 0..length {
                let mut other = text.clone();
                other.replace_range(place..=place, "b");
                assert!(!same_text(&text, &other), "{place} of {length}");
            }
        }
    }
}
