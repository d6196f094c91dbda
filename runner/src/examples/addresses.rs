//! Addresses that an example prints and a later one types: on another machine they are other ones.

/// The farthest that an address may lie behind the start of the block that it is about.
const MAX_OFFSET: u64 = 4096;
/// Digits of an address in `/proc/allocs`.
const ROW_DIGITS: usize = 16;

/// Addresses of a document and those of a machine, in pairs.
#[derive(Debug, Default)]
pub(super) struct Addresses(Vec<(u64, u64)>);

impl Addresses {
    /// Takes in the addresses that lines begin with, as in `0xffff80000ff0c000: 100 bytes asked for`, or a row of
    /// `/proc/allocs`: in their order, those of the sample stand for those that were printed.
    pub(super) fn learn(&mut self, sample: &[&str], printed: &str) {
        let first = |line: &str| match line.split_whitespace().next()? {
            digits if digits.len() == ROW_DIGITS => u64::from_str_radix(digits, 16).ok(),
            _ => address(line.split_once(':')?.0),
        };
        let shown = sample.iter().filter_map(|line| first(line));
        for (shown, found) in shown.zip(printed.lines().filter_map(first)) {
            self.0.retain(|(known, _)| *known != shown);
            self.0.push((shown, found));
        }
    }

    /// A line of the document with the machine's addresses in place of the document's, those inside a block included.
    pub(super) fn on_machine(&self, line: &str) -> String {
        let words = line.split(' ').map(|word| match address(word).and_then(|shown| self.find(shown)) {
            Some(found) => format!("{found:#x}"),
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn find(&self, shown: u64) -> Option<u64> {
        let offsets = self.0.iter().filter_map(|(start, found)| Some((shown.checked_sub(*start)?, found)));
        let (offset, found) = offsets.min_by_key(|(offset, _)| *offset)?;
        (offset < MAX_OFFSET).then_some(found + offset)
    }
}

fn address(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::Addresses;

    #[test]
    fn a_printed_address_stands_for_the_one_that_is_shown() {
        let mut addresses = Addresses::default();
        addresses.learn(
            &["0xa000: 1 bytes", "0xb000: 2 bytes", "live: 1"],
            "0x1000: 1 bytes\n0x2000: 2 bytes\nlive: 1",
        );
        assert_eq!(addresses.on_machine("kfree 0xb000 0xa008 0xf0"), "kfree 0x2000 0x1008 0xf0");
        addresses.learn(&["0xa000: 3 bytes"], "0x3000: 3 bytes");
        assert_eq!(addresses.on_machine("kfree 0xd000 0xa000; pwd"), "kfree 0xd000 0xa000; pwd");
        assert_eq!(addresses.on_machine("kfree 0xa000"), "kfree 0x3000");
        addresses.learn(&["  ffff80000000c000   256  8"], "  ffff80000000e000   256  8");
        assert_eq!(addresses.on_machine("refs 0xffff80000000c000"), "refs 0xffff80000000e000");
    }
}
