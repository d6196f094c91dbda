//! The part of a call stack that a report shows: without the outer frames that are the same for all of them.

/// The frames before the first one for which `is_end` is true. The innermost frame is shown in any case.
pub fn frames_before_end<F>(
    frames: impl Iterator<Item = F>,
    is_end: impl Fn(&F) -> bool,
) -> impl Iterator<Item = F> {
    frames
        .enumerate()
        .take_while(move |(number, frame)| *number == 0 || !is_end(frame))
        .map(|(_, frame)| frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(frames: &[usize], ends: &[usize]) -> Vec<usize> {
        frames_before_end(frames.iter().copied(), |address| ends.contains(address)).collect()
    }

    #[test]
    fn a_stack_ends_before_the_first_end_or_is_whole() {
        assert_eq!(shown(&[1, 2, 3, 8, 9], &[8]), [1, 2, 3]);
        assert_eq!(shown(&[1, 8, 2, 8, 9], &[8]), [1], "a command that ran in another: its own part");
        assert_eq!(shown(&[1, 2, 3], &[8]), [1, 2, 3], "cut before its end");
        assert_eq!(shown(&[], &[8]), []);
    }

    #[test]
    fn a_stack_is_never_shown_empty() {
        assert_eq!(shown(&[8, 9], &[8]), [8, 9]);
        assert_eq!(shown(&[8, 2, 8, 9], &[8]), [8, 2]);
    }
}
