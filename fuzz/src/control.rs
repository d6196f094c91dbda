//! Lines that are written to control files, and the kernel's command line.

use config::Config;
use control::faults::{Text, apply};
use control::{kmemleak, memstat as tracker};
use memstat::{Faults, Sites};

/// Carries out each line as a command. An unknown command changes nothing.
///
/// # Panics
///
/// If a refused line changed something.
pub fn control(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut faults = Faults::OFF;
    for line in text.lines() {
        let _ = (kmemleak::parse(line), tracker::parse(line));
        Config::default().apply(line, |_| {});
        let before = faults.clone();
        let find_site = |word: &str, sites: &mut Sites| sites.add(word.len()..=word.len() + 9);
        if apply(&mut faults, line, find_site).is_err() {
            assert_eq!(faults, before, "a line that is no command changed something");
        }
        for size_bytes in [0, 64, usize::MAX] {
            let _ = faults.should_fail(size_bytes, size_bytes == 0, |sites| sites.contains(size_bytes));
        }
        assert!(faults.failed <= faults.seen && !Text(&faults).to_string().is_empty());
    }
}
