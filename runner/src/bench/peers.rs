//! What the tracker adds to a pair on the host, beside other crates: counted by callgrind, in one run.
//!
//! The program is memstat's example `peers`. It runs twice for each name: the difference is the pairs' alone.

use std::fmt::Write;
use std::process::Command;
use std::sync::Mutex;

use super::figure::Figure;
use super::{LEVELS, goals};
use crate::error::{Error, Result, ensure};
use crate::jobs;
use crate::settings::{Settings, variable};

/// Others' trackers, by the names that the program takes.
const OTHERS: [&str; 3] = ["stats_alloc", "tracking-allocator", "dhat"];
const FEW_PAIRS: u64 = 1000;
const MANY_PAIRS: u64 = 3000;

/// Counts all, and says what each adds to a pair.
pub(super) fn measure(settings: &Settings) -> Result<Vec<Figure>> {
    let program = variable("PEERS").ok_or(Error::Setting {
        name: "PEERS",
        value: String::new(),
        expected: "the path of memstat's example `peers`, as `make bench` sets it",
    })?;
    let names: Vec<String> = std::iter::once("system".to_owned())
        .chain(LEVELS.iter().map(|level| format!("memstat-{level}")))
        .chain(OTHERS.iter().map(ToString::to_string))
        .collect();
    let counted = Mutex::new(Vec::new());
    jobs::for_each(settings.jobs, names, |name| {
        let pair = instructions_of_pair(&program, &name);
        if let Ok(mut counted) = counted.lock() {
            counted.push((name, pair));
        }
    });
    let mut pairs = Vec::new();
    for (name, pair) in counted.into_inner().unwrap_or_default() {
        pairs.push((name, pair?));
    }
    let system = pairs.iter().find(|(name, _)| name == "system").map(|(_, pair)| *pair);
    let system =
        system.ok_or_else(|| Error::Wrong("peers: the system's allocator was not counted".into()))?;
    let added = |(name, pair): &(String, f64)| Figure {
        backend: "system".into(),
        level: name.clone(),
        workload: "host-pair".into(),
        size_bytes: 64,
        live_blocks: 40,
        memory_mib: 0,
        instructions: Some(if name == "system" { *pair } else { pair - system }),
        bytes_per_block: None,
    };
    Ok(pairs.iter().map(added).collect())
}

fn instructions_of_pair(program: &str, name: &str) -> Result<f64> {
    let (few, many) = (instructions(program, name, FEW_PAIRS)?, instructions(program, name, MANY_PAIRS)?);
    ensure!(many > few, "peers: {name} takes {few} instructions for few pairs and {many} for many");
    Ok((many - few) as f64 / (MANY_PAIRS - FEW_PAIRS) as f64)
}

fn instructions(program: &str, name: &str, pairs: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program, name, &pairs.to_string()])
        .output()
        .map_err(Error::host("starting valgrind"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| Error::Wrong(format!("callgrind of {program} {name}: {said}")))
}

/// The table: what each adds, and how the goals fare.
pub(super) fn table(figures: &[Figure]) -> String {
    let mut text = String::from(
        "\nInstructions that a tracker adds to a pair of 64 bytes on the host, over the system's allocator:\n\n\
         | tracker | instructions |\n|---|---:|\n",
    );
    for figure in figures.iter().filter(|figure| figure.workload == "host-pair") {
        let name = if figure.level == "system" { "(the system's allocator alone)" } else { &figure.level };
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {name} | {:.1} |", figure.instructions.unwrap_or_default());
    }
    for line in goals::host_ratios(figures) {
        let _ = writeln!(text, "\n{line}");
    }
    text
}
