//! Changes against a table of all common parts.

use proptest::prelude::*;

use super::*;

fn changes(old: &[u64], new: &[u64], work_length: usize) -> Result<Vec<Change>, DiffError> {
    let mut found = Vec::new();
    let mut work = vec![0; work_length];
    compare(old, new, &mut work, &|| false, &mut |change| found.push(change))?;
    Ok(found)
}

/// The length of the longest common subsequence, by the table of all prefixes.
fn common(old: &[u64], new: &[u64]) -> usize {
    let mut row = vec![0; new.len() + 1];
    for line in old {
        let mut diagonal = 0;
        for (place, other) in new.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if line == other { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    row[new.len()]
}

#[test]
fn changes_are_named_as_diff_names_them() {
    let shown = |old: &[u64], new: &[u64]| {
        changes(old, new, 100).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(&[], &[]), "");
    assert_eq!(shown(&[1, 2, 3], &[1, 2, 3]), "");
    assert_eq!(shown(&[1, 2, 3], &[1, 2, 3, 4]), "3a4");
    assert_eq!(shown(&[], &[1, 2]), "0a1,2");
    assert_eq!(shown(&[1, 2, 3], &[1]), "2,3d1");
    assert_eq!(shown(&[1, 2, 3], &[1, 5, 6, 3]), "2c2,3");
    assert_eq!(shown(&[1, 2, 3, 4], &[5, 1, 2, 4]), "0a1 3d3");
}

#[test]
fn hundred_thousand_lines_with_few_differences_need_little_memory() {
    let old: Vec<u64> = (0..100_000).collect();
    let mut new = old.clone();
    new.remove(10);
    new[50_000] = 1_000_000;
    new.insert(99_990, 1_000_001);
    assert_eq!(changes(&old, &new, 64).unwrap().len(), 3);
}

#[test]
fn texts_too_different_are_refused_before_anything_is_said() {
    let (old, new): (Vec<u64>, Vec<u64>) = ((0..1000).collect(), (1000..2000).collect());
    let mut work = vec![0; 1000];
    let result = compare(&old, &new, &mut work, &|| false, &mut |_| panic!("a change was named"));
    assert!(matches!(result, Err(DiffError::TooDifferent { .. })));
    assert_eq!(compare(&old, &new, &mut work, &|| true, &mut |_| {}), Err(DiffError::Stopped));
    // No memory at all is no reason to fail in another way.
    assert!(changes(&old, &new, 0).is_err());
}

#[test]
fn lines_hash_the_same_however_they_are_cut() {
    let text = b"one\ntwo\n\nlast";
    let hashes = |size: usize| {
        let (mut line, mut found) = (None, Vec::new());
        for piece in text.chunks(size) {
            hash_lines(&mut line, piece, |hash, length| found.push((hash, length)));
        }
        found.extend(line);
        found
    };
    let whole = hashes(100);
    assert_eq!(whole.iter().map(|(_, length)| *length).collect::<Vec<_>>(), [4, 4, 1, 4]);
    assert_eq!(whole, hashes(1));
    assert_eq!(whole, hashes(3));
}

proptest! {
    #[test]
    fn changes_are_the_fewest_and_lead_from_old_to_new(
        old in prop::collection::vec(0..5_u64, 0..40),
        new in prop::collection::vec(0..5_u64, 0..40),
    ) {
        let found = changes(&old, &new, 400).unwrap();
        let (mut built, mut at, mut steps) = (Vec::new(), 0, 0);
        for change in &found {
            built.extend_from_slice(&old[at..change.old.start]);
            prop_assert_eq!(built.len(), change.new.start);
            built.extend_from_slice(&new[change.new.clone()]);
            at = change.old.end;
            steps += change.old.len() + change.new.len();
        }
        built.extend_from_slice(&old[at..]);
        prop_assert_eq!(&built, &new);
        prop_assert_eq!(steps, old.len() + new.len() - 2 * common(&old, &new));
    }
}
