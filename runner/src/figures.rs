//! The figures in the files of /proc, read as strictly as their formats are written down (docs/proc.md).

use crate::error::{Error, Result, ensure};

/// `/proc/meminfo`: names and kibibytes, in the file's order.
pub(crate) struct MemInfo(Vec<(String, u64)>);

impl MemInfo {
    /// Reads Linux's layout to the letter: `"%-16s%8llu kB"`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut fields = Vec::new();
        for line in text.lines() {
            let parsed = line.split_once(':').and_then(|(name, rest)| {
                let kibibytes = rest.strip_suffix(" kB")?.trim_start().parse::<u64>().ok()?;
                Some((name.to_owned(), kibibytes))
            });
            let Some((name, kibibytes)) = parsed else {
                return Err(Error::Wrong(format!("meminfo: not a field: `{line}`")));
            };
            let expected = format!("{:<16}{kibibytes:>8} kB", format!("{name}:"));
            ensure!(line == expected, "meminfo: `{line}` should be `{expected}`");
            ensure!(!fields.iter().any(|(known, _)| *known == name), "meminfo: {name} stands there twice");
            fields.push((name, kibibytes));
        }
        Ok(Self(fields))
    }

    /// A field in kibibytes.
    pub(crate) fn kibibytes(&self, name: &str) -> Result<u64> {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| *value).ok_or_else(|| Error::Wrong(format!("meminfo: no field {name}")))
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// `/proc/allocs`: the summary line, and every row as it stands.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Allocs {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) untracked: u64,
    pub(crate) rows: Vec<String>,
}

impl Allocs {
    /// Reads the file and holds it against itself: the summary must be the number and the sum of the rows.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        ensure!(first == "allocs - version: 1.0", "allocs: the first line is `{first}`");
        let summary = lines.next().unwrap_or_default();
        let numbers = parse_summary(summary);
        let (blocks, bytes, untracked) =
            numbers.ok_or_else(|| Error::Wrong(format!("allocs: the summary is `{summary}`")))?;
        let header = lines.next().unwrap_or_default();
        let columns: Vec<&str> = header.split_whitespace().collect();
        let expected =
            ["#", "<address>", "<size>", "<align>", "<seq>", "<time>", "<cpu>", "<task>", "<stack>"];
        ensure!(
            columns.strip_prefix(&expected) == Some(&["<site>"]),
            "allocs: the column header is `{header}`"
        );
        let rows: Vec<String> = lines.map(str::to_owned).collect();
        let mut sum = 0;
        for row in &rows {
            sum += parse_row(row).ok_or_else(|| Error::Wrong(format!("allocs: not a block: `{row}`")))?;
        }
        ensure!(rows.len() as u64 == blocks, "allocs: {} rows, but {blocks} live blocks", rows.len());
        ensure!(sum == bytes, "allocs: the rows sum up to {sum} bytes, the summary says {bytes}");
        Ok(Self { blocks, bytes, untracked, rows })
    }
}

/// `123 live blocks, 45678 bytes, 0 untracked`
fn parse_summary(line: &str) -> Option<(u64, u64, u64)> {
    let (blocks, rest) = line.split_once(" live block")?;
    let (bytes, rest) = rest.strip_prefix("s, ").or(rest.strip_prefix(", "))?.split_once(" byte")?;
    let untracked = rest.strip_prefix("s, ").or(rest.strip_prefix(", "))?.strip_suffix(" untracked")?;
    Some((blocks.parse().ok()?, bytes.parse().ok()?, untracked.parse().ok()?))
}

/// The size in a row, if the row has all its columns and a kernel address.
fn parse_row(row: &str) -> Option<u64> {
    let mut columns = row.split_whitespace();
    let address = u64::from_str_radix(columns.next()?, 16).ok()?;
    let size = columns.next()?.parse().ok()?;
    let align: u64 = columns.next()?.parse().ok()?;
    let has_site = columns.nth(5).is_some();
    (address >> 47 == 0x1_ffff && align.is_power_of_two() && has_site).then_some(size)
}

/// `/proc/allocinfo`: what is live by call site.
pub(crate) struct AllocInfo {
    pub(crate) sites: Vec<Site>,
}

/// One line of it.
pub(crate) struct Site {
    bytes: u64,
    calls: u64,
    /// `file:line [crate] func:name`, without the blank at the end.
    pub(crate) tag: String,
}

impl AllocInfo {
    /// Reads Linux's layout to the letter: `"%12lli %8llu "`, the tag, a blank.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        for expected in ["allocinfo - version: 1.0", "#     <size>  <calls> <tag info>"] {
            let line = lines.next().unwrap_or_default();
            ensure!(line == expected, "allocinfo: `{line}` should be `{expected}`");
        }
        let mut sites = Vec::new();
        for line in lines {
            let site =
                parse_site(line).ok_or_else(|| Error::Wrong(format!("allocinfo: not a site: `{line}`")))?;
            let expected = format!("{:12} {:8} {} ", site.bytes, site.calls, site.tag);
            ensure!(line == expected, "allocinfo: `{line}` should be `{expected}`");
            sites.push(site);
        }
        ensure!(!sites.is_empty(), "allocinfo: no site");
        Ok(Self { sites })
    }

    /// Bytes that are live.
    pub(crate) fn bytes(&self) -> u64 {
        self.sites.iter().map(|site| site.bytes).sum()
    }

    /// Blocks that are live.
    pub(crate) fn calls(&self) -> u64 {
        self.sites.iter().map(|site| site.calls).sum()
    }
}

fn parse_site(line: &str) -> Option<Site> {
    let rest = line.strip_suffix(' ')?.trim_start();
    let (bytes, rest) = rest.split_once(' ')?;
    let (calls, tag) = rest.trim_start().split_once(' ')?;
    let (place, function) = tag.split_once(" func:")?;
    let place = place.split_once(" [").map_or(place, |(place, _)| place);
    let (file, number) = place.rsplit_once(':')?;
    let is_whole = !file.is_empty() && !file.contains(' ') && number.parse::<u32>().is_ok();
    (is_whole && !function.is_empty()).then_some(())?;
    Some(Site { bytes: bytes.parse().ok()?, calls: calls.parse().ok()?, tag: tag.to_owned() })
}

/// `/proc/iomem`: top ranges and nested ones, by name.
pub(crate) struct IoMem(Vec<Range>);

/// One line of it: `  01000000-01ffffff : Kernel code`, two blanks a level.
pub(crate) struct Range {
    pub(crate) depth: usize,
    pub(crate) start: u64,
    pub(crate) end_inclusive: u64,
    pub(crate) name: String,
}

impl IoMem {
    /// Reads the file; ranges of one depth must be in order and apart, nested ones inside their parent.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parents: Vec<(u64, u64)> = Vec::new();
        let mut last_ends: Vec<u64> = Vec::new();
        let mut ranges = Vec::new();
        for line in text.lines() {
            let range =
                parse_range(line).ok_or_else(|| Error::Wrong(format!("iomem: not a range: `{line}`")))?;
            ensure!(range.start <= range.end_inclusive, "iomem: `{line}` ends before it starts");
            ensure!(range.depth <= parents.len(), "iomem: `{line}` has no parent");
            parents.truncate(range.depth);
            last_ends.truncate(range.depth + 1);
            if let Some((start, end)) = parents.last() {
                ensure!(
                    *start <= range.start && range.end_inclusive <= *end,
                    "iomem: `{line}` leaves its parent"
                );
            }
            match last_ends.get_mut(range.depth) {
                Some(last) => {
                    ensure!(*last < range.start, "iomem: `{line}` is out of order");
                    *last = range.end_inclusive;
                }
                None => last_ends.push(range.end_inclusive),
            }
            parents.push((range.start, range.end_inclusive));
            ranges.push(range);
        }
        ensure!(!ranges.is_empty(), "iomem: empty");
        Ok(Self(ranges))
    }

    /// The bytes of all ranges of a name.
    pub(crate) fn bytes(&self, name: &str) -> u64 {
        self.0
            .iter()
            .filter(|range| range.name == name)
            .map(|range| range.end_inclusive - range.start + 1)
            .sum()
    }
}

fn parse_range(line: &str) -> Option<Range> {
    let trimmed = line.trim_start_matches(' ');
    let (addresses, name) = trimmed.split_once(" : ")?;
    let (start, end) = addresses.split_once('-')?;
    if start.len() < 8 || start.len() != end.len() {
        return None;
    }
    Some(Range {
        depth: (line.len() - trimmed.len()) / 2,
        start: u64::from_str_radix(start, 16).ok()?,
        end_inclusive: u64::from_str_radix(end, 16).ok()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{AllocInfo, Allocs, IoMem, MemInfo};

    const HEADER: &str = "#  <address> <size> <align> <seq> <time> <cpu> <task> <stack> <site>";

    #[test]
    fn meminfo_is_read_to_the_letter() {
        let info = MemInfo::parse("MemTotal:         984296 kB\nSwapFree:              0 kB\n").unwrap();
        assert_eq!(info.kibibytes("MemTotal").unwrap(), 984_296);
        assert_eq!(info.names(), ["MemTotal", "SwapFree"]);
        assert!(info.kibibytes("MemFree").is_err());
        assert!(MemInfo::parse("VmallocTotal:   34359738367 kB").is_ok());
        assert!(MemInfo::parse("MemTotal:        984296 kB").is_err());
        assert!(MemInfo::parse("MemTotal:         984296 KB").is_err());
        assert!(MemInfo::parse("MemTotal:         -84296 kB").is_err());
        assert!(MemInfo::parse("A:                     0 kB\nA:                     0 kB").is_err());
    }

    #[test]
    fn allocs_must_agree_with_its_summary() {
        let row = "  ffff800000123400          128        8           17       0.012345     0      0          3 a b";
        let file = |summary: &str| format!("allocs - version: 1.0\n{summary}\n{HEADER}\n{row}\n");
        let allocs = Allocs::parse(&file("1 live block, 128 bytes, 0 untracked")).unwrap();
        assert_eq!((allocs.blocks, allocs.bytes, allocs.untracked, allocs.rows.len()), (1, 128, 0, 1));
        assert!(Allocs::parse(&file("2 live blocks, 128 bytes, 0 untracked")).is_err());
        assert!(Allocs::parse(&file("1 live blocks, 127 bytes, 0 untracked")).is_err());
        assert!(Allocs::parse(&file("1 live blocks, 128 bytes")).is_err());
        assert!(Allocs::parse("").is_err());
    }

    #[test]
    fn allocinfo_is_read_to_the_letter() {
        let file = |row: &str| format!("allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n{row}\n");
        let row = "        2176        1 vfs/src/mount.rs:60 [vfs] func:add ";
        let info = AllocInfo::parse(&file(row)).unwrap();
        assert_eq!((info.bytes(), info.calls()), (2176, 1));
        assert!(AllocInfo::parse(&file("           0        0 <unknown>:0 func:none ")).is_ok());
        assert!(AllocInfo::parse(&file(row.trim_end())).is_err());
        assert!(AllocInfo::parse(&file(row.trim_start())).is_err());
        assert!(AllocInfo::parse(&file("           0        0 a.rs func:none ")).is_err());
        assert!(AllocInfo::parse(row).is_err());
    }

    #[test]
    fn iomem_ranges_nest_in_order() {
        let text = "00001000-0009fbff : System RAM\n00100000-0ffdffff : System RAM\n  00100000-001fffff : Kernel code\n";
        assert_eq!(IoMem::parse(text).unwrap().bytes("System RAM"), 0x9_ec00 + 0xfee_0000);
        assert!(IoMem::parse("").is_err());
        assert!(IoMem::parse("1000-2000 : short\n").is_err());
        assert!(IoMem::parse("00002000-00002fff : a\n00001000-00001fff : b\n").is_err());
        assert!(IoMem::parse("00001000-00001fff : a\n  00002000-00002fff : b\n").is_err());
        assert!(IoMem::parse("  00001000-00001fff : a\n").is_err());
    }
}
