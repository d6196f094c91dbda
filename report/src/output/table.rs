//! Tables to read in a terminal.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};

use crate::dump::Dump;
use crate::profile::{Profile, Value, Values};

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Totals, levels and marks.
    Summary,
    /// Call stacks with their frames.
    Stacks,
    /// The functions and lines that allocate.
    Sites,
    /// Functions, with all that they call.
    Functions,
    /// Live blocks by size.
    Sizes,
    /// Live blocks by age.
    Ages,
    /// Live blocks by task.
    Tasks,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Summary, Self::Stacks, Self::Sites, Self::Functions, Self::Sizes, Self::Ages, Self::Tasks];

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Stacks => "stacks",
            Self::Sites => "sites",
            Self::Functions => "functions",
            Self::Sizes => "sizes",
            Self::Ages => "ages",
            Self::Tasks => "tasks",
        }
    }
}

/// Rows by the names in them.
type Rows = BTreeMap<String, Values>;

/// Writes a table: its largest rows by `value`, at most `top`, and the sum over all.
///
/// # Errors
///
/// The writer's own.
pub fn write_table(
    table: Table,
    dump: &Dump,
    profile: &Profile,
    value: Value,
    top: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    match table {
        Table::Summary => write_summary(dump, out),
        Table::Stacks => write_stacks(profile, value, top, out),
        Table::Sites => write_rows("site", &sites(profile), &profile.sum(), value, top, out),
        Table::Functions => {
            write_rows("function and what it calls", &functions(profile), &profile.sum(), value, top, out)
        }
        Table::Sizes => write_sizes(dump, out),
        Table::Ages => write_ages(dump, out),
        Table::Tasks => write_tasks(dump, out),
    }
}

fn write_summary(dump: &Dump, out: &mut dyn Write) -> fmt::Result {
    let Dump { program, time_us, level, totals, live, .. } = dump;
    writeln!(out, "{program} at {}, level {level}: the dump is {}", Seconds(*time_us), dump.state)?;
    writeln!(
        out,
        "live: {} blocks ({} recorded), {} bytes asked for, {} bytes taken; peak {} blocks, {} bytes",
        live.blocks, live.recorded_blocks, live.bytes, live.taken_bytes, live.peak_blocks, live.peak_bytes
    )?;
    writeln!(
        out,
        "totals: {} allocations of {} bytes, {} frees, {} reallocations, {} failures, {} bad frees, {} not recorded",
        totals.allocations,
        totals.requested_bytes,
        totals.frees,
        totals.reallocations,
        totals.failures,
        totals.bad_frees,
        totals.untracked
    )?;
    write!(out, "since:")?;
    for (name, since) in ["totals", "blocks", "stacks", "history"].into_iter().zip(dump.since_us) {
        match since {
            Some(time_us) => write!(out, " {name} {}", Seconds(time_us))?,
            None => write!(out, " {name} off")?,
        }
        out.write_str(if name == "history" { "\n" } else { "," })?;
    }
    for mark in &dump.marks {
        writeln!(out, "mark {} at {}, event {}", mark.name, Seconds(mark.time_us), mark.sequence)?;
    }
    match dump.during {
        Some((allocations, frees)) if (allocations, frees) != (0, 0) => {
            writeln!(out, "while the dump was written: {allocations} allocations, {frees} frees")
        }
        _ => Ok(()),
    }
}

fn write_stacks(profile: &Profile, value: Value, top: usize, out: &mut dyn Write) -> fmt::Result {
    let mut samples: Vec<_> = profile.samples.iter().collect();
    // A difference may have large values below zero.
    samples.sort_by_key(|sample| (std::cmp::Reverse(value.of(&sample.values)), sample.number));
    writeln!(out, "{}", Counted(samples.len() as i64, "call stack"))?;
    for sample in samples.iter().take(top) {
        writeln!(out, "stack {}: {}", sample.number, InWords(&sample.values))?;
        if sample.places.is_empty() {
            writeln!(out, "    (no call stack)")?;
        }
        for (place, frame) in profile.frames(sample) {
            let name = shown(&place.shown(frame));
            match (frame.file.as_str(), frame.line) {
                ("", _) => writeln!(out, "    {name}")?,
                (file, line) => writeln!(out, "    {name} at {}:{line}", shown(file))?,
            }
        }
    }
    write_sum(&profile.sum(), out)
}

fn sites(profile: &Profile) -> Rows {
    let mut rows = Rows::new();
    for sample in &profile.samples {
        let name = profile.frames(sample).next().map_or_else(
            || "(no call stack)".into(),
            |(place, frame)| match frame.file.as_str() {
                "" => place.shown(frame),
                file => format!("{} at {file}:{}", place.shown(frame), frame.line),
            },
        );
        rows.entry(name).or_default().add(&sample.values);
    }
    rows
}

/// Each function once a call stack, even if it calls itself.
fn functions(profile: &Profile) -> Rows {
    let mut rows = Rows::new();
    for sample in &profile.samples {
        for name in profile.functions(sample).into_iter().collect::<HashSet<_>>() {
            rows.entry(name).or_default().add(&sample.values);
        }
    }
    rows
}

fn write_rows(
    title: &str,
    rows: &Rows,
    sum: &Values,
    value: Value,
    top: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|(_, values)| std::cmp::Reverse(value.of(values)));
    writeln!(out, "{:>14} {:>10} {:>14} {:>10}  {title}", "live bytes", "blocks", "total bytes", "blocks")?;
    for (name, values) in rows.iter().take(top) {
        let Values { live_bytes, live_blocks, total_bytes, total_blocks, .. } = values;
        writeln!(
            out,
            "{live_bytes:>14} {live_blocks:>10} {total_bytes:>14} {total_blocks:>10}  {}",
            shown(name)
        )?;
    }
    if rows.len() > top {
        writeln!(out, "{} more", rows.len() - top)?;
    }
    write_sum(sum, out)
}

fn write_sum(sum: &Values, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "sum: {}", InWords(sum))
}

/// Values as part of a sentence.
struct InWords<'a>(&'a Values);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Values { live_bytes, live_blocks, total_bytes, total_blocks, .. } = *self.0;
        let [live_bytes, total_bytes] = [live_bytes, total_bytes].map(|bytes| Counted(bytes, "byte"));
        let [live_blocks, total_blocks] = [live_blocks, total_blocks].map(|blocks| Counted(blocks, "block"));
        write!(out, "{live_bytes} in {live_blocks} live, {total_bytes} in {total_blocks} in total")
    }
}

/// A number with its noun, which ends with an s unless there is one of it.
struct Counted(i64, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(out, "{count} {noun}{}", if count.abs() == 1 { "" } else { "s" })
    }
}

fn write_sizes(dump: &Dump, out: &mut dyn Write) -> fmt::Result {
    writeln!(
        out,
        "{:>14} {:>14} {:>10} {:>14} {:>12}",
        "from bytes", "to bytes", "live", "live bytes", "allocations"
    )?;
    for class in &dump.sizes {
        let (from, to) = (class.from_bytes, class.from_bytes.saturating_mul(2).saturating_sub(1));
        writeln!(
            out,
            "{from:>14} {to:>14} {:>10} {:>14} {:>12}",
            class.blocks, class.bytes, class.allocations
        )?;
    }
    let sum = |part: fn(&crate::dump::SizeClass) -> u64| {
        dump.sizes.iter().fold(0_u64, |sum, class| sum.saturating_add(part(class)))
    };
    writeln!(
        out,
        "sum: {} blocks and {} bytes live, {} allocations",
        sum(|class| class.blocks),
        sum(|class| class.bytes),
        sum(|class| class.allocations)
    )
}

fn write_ages(dump: &Dump, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "{:>14} {:>14} {:>10} {:>14}", "from ms", "to ms", "blocks", "bytes")?;
    let (mut blocks, mut bytes) = (0_u64, 0_u64);
    for class in &dump.ages {
        let (from, to) = (class.from_ms, class.from_ms.saturating_mul(2).saturating_sub(1));
        writeln!(out, "{from:>14} {to:>14} {:>10} {:>14}", class.blocks, class.bytes)?;
        (blocks, bytes) = (blocks.saturating_add(class.blocks), bytes.saturating_add(class.bytes));
    }
    writeln!(out, "sum: {blocks} blocks, {bytes} bytes")
}

fn write_tasks(dump: &Dump, out: &mut dyn Write) -> fmt::Result {
    if dump.blocks.is_empty() {
        return writeln!(out, "the dump has no blocks, so tasks are not known: export -b");
    }
    let mut tasks: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for block in &dump.blocks {
        let (blocks, bytes) = tasks.entry(block.task).or_default();
        (*blocks, *bytes) = (*blocks + 1, bytes.saturating_add(block.size_bytes));
    }
    writeln!(out, "{:>10} {:>10} {:>14}", "task", "blocks", "bytes")?;
    for (task, (blocks, bytes)) in tasks {
        writeln!(out, "{task:>10} {blocks:>10} {bytes:>14}")?;
    }
    Ok(())
}

/// A text from a dump without what a terminal would act on.
fn shown(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

/// Microseconds, shown in seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:06} s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
