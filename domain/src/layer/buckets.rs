//! Ranges of buckets: counting, cutting out and putting together.

use ff_evaluator::Weight;

use super::Range;

/// How many buckets there are.
pub const BUCKETS: u16 = 10_000;

/// Thousandths of a percent in a bucket.
const STEP: u32 = 10;

/// How many buckets a share is, rounded down.
pub fn of_weight(share: Weight) -> u16 {
    u16::try_from(share.thousandths() / STEP).expect("a share is at most ten thousand buckets")
}

/// The share that so many buckets are.
pub(crate) fn to_weight(buckets: u16) -> Weight {
    Weight::from_thousandths(u32::from(buckets) * STEP).unwrap_or(Weight::WHOLE)
}

/// Whether a share is a whole number of buckets.
pub(crate) fn is_whole(share: Weight) -> bool {
    share.thousandths().is_multiple_of(STEP)
}

/// How many buckets ranges hold that do not overlap.
pub fn count(ranges: &[Range]) -> u16 {
    ranges.iter().map(|[from, to]| to - from).sum()
}

/// What is left of a range, in order.
pub(super) fn without(whole: Range, taken: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut taken: Vec<Range> = taken.into_iter().collect();
    taken.sort_unstable();
    let mut left = Vec::new();
    let mut from = whole[0];
    for [start, end] in taken {
        if from < start.min(whole[1]) {
            left.push([from, start.min(whole[1])]);
        }
        from = from.max(end);
    }
    if from < whole[1] {
        left.push([from, whole[1]]);
    }
    left
}

/// The first so many buckets of ranges, or all of them.
pub(super) fn first(ranges: &[Range], mut buckets: u16) -> Vec<Range> {
    let mut taken = Vec::new();
    for [from, to] in ranges {
        let here = buckets.min(to - from);
        if here > 0 {
            taken.push([*from, from + here]);
        }
        buckets -= here;
    }
    taken
}

/// Ranges that do not overlap, in order, those that touch as one.
pub(super) fn joined(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut sorted: Vec<Range> = ranges.into_iter().collect();
    sorted.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for [from, to] in sorted {
        match joined.last_mut() {
            Some(last) if last[1] == from => last[1] = to,
            _ => joined.push([from, to]),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_and_joined() {
        assert_eq!(without([10, 20], []), [[10, 20]]);
        assert_eq!(without([10, 20], [[15, 16], [0, 12], [18, 30]]), [[12, 15], [16, 18]]);
        assert_eq!(without([10, 20], [[30, 40], [0, 5]]), [[10, 20]]);
        assert!(without([10, 20], [[10, 15], [15, 20]]).is_empty());
        assert_eq!(first(&[[0, 5], [8, 20]], 7), [[0, 5], [8, 10]]);
        assert!(first(&[[0, 5]], 0).is_empty());
        assert_eq!(joined([[8, 10], [0, 5], [5, 8], [12, 13]]), [[0, 10], [12, 13]]);
        assert_eq!(count(&[[0, 5], [8, 20]]), 17);
    }

    #[test]
    fn shares_are_buckets() {
        let share = Weight::from_percent(12.34).unwrap();
        assert_eq!((of_weight(share), is_whole(share)), (1234, true));
        assert_eq!(to_weight(1234), share);
        let odd = Weight::from_percent(0.005).unwrap();
        assert_eq!((of_weight(odd), is_whole(odd)), (0, false));
        assert_eq!(of_weight(Weight::WHOLE), BUCKETS);
    }
}
