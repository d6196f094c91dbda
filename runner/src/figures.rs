//! The figures in the files of /proc, read only from text that `grammar` has accepted.

use crate::error::{Error, Result, ensure};
use crate::grammar;

/// `/proc/meminfo`: names and kibibytes, in the file's order.
pub(crate) struct MemInfo(Vec<(String, u64)>);

impl MemInfo {
    /// Reads text that keeps Linux's format.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        grammar::meminfo(text)?;
        let field = |line: &str| {
            let (name, rest) = line.split_once(':')?;
            Some((name.to_owned(), rest.trim_end_matches(" kB").trim_start().parse().ok()?))
        };
        Ok(Self(text.lines().filter_map(field).collect()))
    }

    /// A field in kibibytes.
    pub(crate) fn kibibytes(&self, name: &str) -> Result<u64> {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| *value).ok_or_else(|| Error::Wrong(format!("meminfo: no field {name}")))
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
    /// Reads the file and checks it: the summary must be the number and the sum of the rows.
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

impl MemInfo {
    /// What is free, and what the trackers hold for records to come: they keep some of it when records go.
    pub(crate) fn free_kibibytes(&self) -> Result<u64> {
        Ok(self.kibibytes("MemFree")? + self.kibibytes("MemstatArena")?)
    }
}

/// `/proc/pages`: every run of pages in use.
pub(crate) struct PagesFile {
    /// Pages of all runs.
    pub(crate) pages: u64,
    /// Runs that have a record.
    pub(crate) recorded_runs: u64,
    /// Pages of those.
    pub(crate) recorded_pages: u64,
    /// Purpose and pages of each run.
    pub(crate) runs: Vec<(String, u64)>,
}

impl PagesFile {
    /// Reads the text; the runs must be in order, without overlaps, and sum up to what its second line says.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        ensure!(first == "pages - version: 1.0", "pages: the first line is `{first}`");
        let summary = lines.next().unwrap_or_default();
        let in_use = summary.split_once(" pages in use, ").and_then(|(pages, _)| pages.parse::<u64>().ok());
        let header = lines.next().unwrap_or_default();
        let columns = "# <address> <pages> <order> <purpose> <seq> <time> <cpu> <task> <stack> <site>";
        ensure!(header.split_whitespace().eq(columns.split(' ')), "pages: the column header is `{header}`");
        let mut file = Self { pages: 0, recorded_runs: 0, recorded_pages: 0, runs: Vec::new() };
        let mut end = 0;
        for row in lines {
            let run = parse_run(row).ok_or_else(|| Error::Wrong(format!("pages: not a run: `{row}`")))?;
            let (address, pages, purpose, is_recorded) = run;
            ensure!(address >= end, "pages: `{row}` overlaps the run before it");
            end = address + pages * 4096;
            file.pages += pages;
            file.recorded_runs += u64::from(is_recorded);
            file.recorded_pages += if is_recorded { pages } else { 0 };
            file.runs.push((purpose.to_owned(), pages));
        }
        ensure!(Some(file.pages) == in_use, "pages: the rows sum up to {}, but: {summary}", file.pages);
        Ok(file)
    }
}

/// Address, pages, purpose, and whether there is a record, if the row has all its columns.
fn parse_run(row: &str) -> Option<(u64, u64, &str, bool)> {
    let mut columns = row.split_whitespace();
    let address = u64::from_str_radix(columns.next()?, 16).ok()?;
    let pages: u64 = columns.next()?.parse().ok()?;
    let order: u32 = columns.next()?.parse().ok()?;
    let purpose = columns.next()?;
    let is_recorded = columns.next()? != "-";
    let is_whole =
        columns.nth(4).is_some() && pages > 0 && pages.next_power_of_two().trailing_zeros() == order;
    is_whole.then_some((address, pages, purpose, is_recorded))
}

/// `/proc/allocinfo`: live blocks by call site.
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
    /// Reads text that keeps Linux's format.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        grammar::allocinfo(text)?;
        Ok(Self { sites: text.lines().filter_map(parse_site).collect() })
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

/// A line that is no header.
fn parse_site(line: &str) -> Option<Site> {
    let (bytes, rest) = line.trim().split_once(' ')?;
    let (calls, tag) = rest.trim_start().split_once(' ')?;
    Some(Site { bytes: bytes.parse().ok()?, calls: calls.parse().ok()?, tag: tag.to_owned() })
}

/// `/proc/iomem`: every range, by start, last byte and name.
pub(crate) struct IoMem(Vec<(u64, u64, String)>);

impl IoMem {
    /// Reads text that keeps Linux's format.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        grammar::iomem(text)?;
        let range = |line: &str| {
            let (addresses, name) = line.trim_start().split_once(" : ")?;
            let (start, end) = addresses.split_once('-')?;
            let number = |digits| u64::from_str_radix(digits, 16).ok();
            Some((number(start)?, number(end)?, name.to_owned()))
        };
        Ok(Self(text.lines().filter_map(range).collect()))
    }

    /// First and last byte of the ranges of a name.
    pub(crate) fn ranges(&self, name: &str) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().filter(move |range| range.2 == name).map(|range| (range.0, range.1))
    }

    /// The bytes of all ranges of a name.
    pub(crate) fn bytes(&self, name: &str) -> u64 {
        self.ranges(name).map(|(start, end)| end - start + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{AllocInfo, Allocs, IoMem, MemInfo};

    const HEADER: &str = "#  <address> <size> <align> <seq> <time> <cpu> <task> <stack> <site>";

    #[test]
    fn meminfo_has_its_figures() {
        let text = include_str!("grammar/samples/meminfo");
        let info = MemInfo::parse(text).unwrap();
        assert_eq!(info.kibibytes("MemTotal").unwrap(), 24_684_092);
        assert_eq!(info.kibibytes("HugePages_Total").unwrap(), 0);
        assert!(info.kibibytes("MemBroken").is_err());
        assert!(MemInfo::parse(&text.replacen(' ', "", 1)).is_err());
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
    fn iomem_has_its_ranges() {
        let text = "00001000-0009fbff : System RAM\n00100000-0ffdffff : System RAM\n  00100000-001fffff : Kernel code\n";
        let memory = IoMem::parse(text).unwrap();
        assert_eq!(memory.bytes("System RAM"), 0x9_ec00 + 0xfee_0000);
        assert_eq!(memory.ranges("Kernel code").collect::<Vec<_>>(), [(0x10_0000, 0x1f_ffff)]);
        assert!(IoMem::parse("1000-2000 : short\n").is_err());
    }

    #[test]
    fn allocinfo_has_its_sums() {
        let head = "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n";
        let rows = "        2176        1 vfs/src/mount.rs:60 [vfs] func:add \n          12        2 a.rs:1 func:b \n";
        let info = AllocInfo::parse(&format!("{head}{rows}")).unwrap();
        assert_eq!((info.bytes(), info.calls()), (2188, 3));
        assert_eq!(info.sites[1].tag, "a.rs:1 func:b");
        assert!(AllocInfo::parse(rows).is_err());
    }
}
