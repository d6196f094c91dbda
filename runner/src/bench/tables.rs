//! The figures as tables, in Markdown, which docs/benchmarks.md holds.

use std::fmt::Write;

use super::figure::Figure;
use super::{LEVELS, OTHER_BACKENDS};

/// A column: its name, and the workload, size and number of blocks that stand in it.
type Column<'a> = (&'a str, &'a str, u64, u64);

const PAIRS: [Column; 6] = [
    ("16", "pair", 16, 0),
    ("64", "pair", 64, 0),
    ("256", "pair", 256, 0),
    ("4096", "pair", 4096, 0),
    ("aligned page", "aligned-page", 4096, 0),
    ("frame", "frame", 4096, 0),
];
const BULK: [Column; 3] = [
    ("10,000 live", "bulk", 0, 10_000),
    ("100,000 live", "bulk", 0, 100_000),
    ("1,000,000 live", "bulk", 0, 1_000_000),
];
const FRAMES: [Column; 6] = [
    ("take, 10,000 live", "frames-take", 4096, 10_000),
    ("100,000 live", "frames-take", 4096, 100_000),
    ("1,000,000 live", "frames-take", 4096, 1_000_000),
    ("give, 10,000 live", "frames-give", 4096, 10_000),
    ("100,000 live", "frames-give", 4096, 100_000),
    ("1,000,000 live", "frames-give", 4096, 1_000_000),
];
const WORST: [Column; 4] = [
    ("growing", "worst-growing", 0, 1_000_000),
    ("growing, 99.99 %", "99.99%-growing", 0, 1_000_000),
    ("churning", "worst-churning", 0, 1_000_000),
    ("churning, 99.99 %", "99.99%-churning", 0, 1_000_000),
];
const ARENA: [Column; 4] = [
    ("10,000 to 1,000,000", "arena-from-10000", 16, 1_000_000),
    ("100,000 to 1,000,000", "arena-from-100000", 16, 1_000_000),
    ("10,000 to 10,000,000", "arena-from-10000", 16, 10_000_000),
    ("100,000 to 10,000,000", "arena-from-100000", 16, 10_000_000),
];

/// All tables.
pub(super) fn all(figures: &[Figure]) -> String {
    let mut text = String::new();
    let every: Vec<&str> = std::iter::once("slab").chain(OTHER_BACKENDS).collect();
    table(
        &mut text,
        "Instructions for a pair of kmalloc and kfree, by size in bytes",
        &every,
        &PAIRS,
        figures,
    );
    table(&mut text, "Instructions for an operation, many blocks live, mixed sizes", &every, &BULK, figures);
    table(
        &mut text,
        "Instructions to take a page from the frames, and to give it back",
        &["slab"],
        &FRAMES,
        figures,
    );
    table(&mut text, "Instructions for the most expensive single operation", &["slab"], &WORST, figures);
    table(&mut text, "Bytes of the arena for a live block, at most", &["slab"], &ARENA, figures);
    text
}

fn table(text: &mut String, title: &str, backends: &[&str], columns: &[Column], figures: &[Figure]) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "\n{title}:\n");
    let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).collect();
    let _ = writeln!(text, "| heap | level | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "---:|".repeat(columns.len()));
    for backend in backends {
        for level in LEVELS {
            let cells: Vec<String> =
                columns.iter().map(|column| cell(backend, level, column, figures)).collect();
            if cells.iter().any(|cell| cell != "-") {
                let _ = writeln!(text, "| {backend} | {level} | {} |", cells.join(" | "));
            }
        }
    }
}

/// The figure in a cell, of the machine with most memory.
fn cell(backend: &str, level: &str, column: &Column, figures: &[Figure]) -> String {
    let (_, workload, size_bytes, live_blocks) = *column;
    let is_it = |figure: &&Figure| {
        let (its_backend, its_level, its_workload, its_size, its_blocks, _) = figure.key();
        (its_backend, its_level, its_workload, its_size, its_blocks)
            == (backend, level, workload, size_bytes, live_blocks)
    };
    let found = figures.iter().filter(is_it).max_by_key(|figure| figure.memory_mib);
    let value = found.and_then(|figure| figure.instructions.or(figure.bytes_per_block));
    value.map_or("-".into(), |value| format!("{value:.1}").trim_end_matches(".0").to_owned())
}
