//! `leaks drill`: plants leaks among many blocks in structures, scans twice, and says how many were found.

use core::fmt;

use shell::{Command, Options, Session, Syntax};

use crate::commands::leaks::page_leaks;
use crate::commands::leaks::scan::{self, Summary};
use crate::memory::heap::tracker;
use crate::memory::page_tracker::page_tracker;
use crate::selftest::drill::{self, DrillError, LEAKS};
use crate::selftest::page_drill::{LOST, Planted};

pub(super) const DRILL: Command = Command {
    name: "drill",
    usage: "leaks drill [SEED [BLOCKS]] | drill plant [SEED [BLOCKS]] | drill free | drill pages [SEED [RUNS]]",
    summary: "lose 100 blocks among many, or runs of pages, and see how many of them scans find",
    syntax: Syntax::at_least(0),
    run,
};

const DEFAULT_SEED: u64 = 1;
const DEFAULT_BLOCKS: usize = 100_000;
const DEFAULT_RUNS: usize = 10_000;
/// A drill of fewer has no place for the leaks.
const MIN_BLOCKS: usize = 1000;
const MAX_BLOCKS: usize = 4_000_000;

fn run(session: &mut Session, options: &Options<'_>) {
    let words = options.operands.as_slice();
    let (is_planted_only, numbers) = match words {
        ["free"] => return report(session, drill::free()),
        ["pages", rest @ ..] if rest.len() <= 2 => return page_drill(session, rest),
        ["plant", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if numbers.len() > 2 {
        return session.show_usage(&DRILL);
    }
    match parse_numbers(numbers) {
        Ok((seed, blocks)) if is_planted_only => report(session, drill::plant(seed, blocks)),
        Ok((seed, blocks)) => {
            let outcome = whole(session, seed, blocks);
            report(session, outcome);
        }
        Err(error) => session.report_failure(format_args!("leaks drill: {error}")),
    }
}

fn report(session: &mut Session, outcome: Result<(), DrillError>) {
    if let Err(error) = outcome {
        session.report_failure(format_args!("leaks drill: {error}"));
    }
}

/// A word that no drill can be made of.
enum NumberError<'a> {
    Seed(&'a str),
    Blocks(&'a str),
}

impl fmt::Display for NumberError<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(word) => write!(out, "'{word}' is not a seed; expected a whole number"),
            Self::Blocks(word) => {
                write!(out, "'{word}' is not a number of blocks; expected {MIN_BLOCKS} to {MAX_BLOCKS}")
            }
        }
    }
}

/// The seed, and how many blocks.
fn parse_numbers<'a>(words: &[&'a str]) -> Result<(u64, usize), NumberError<'a>> {
    let seed =
        words.first().map_or(Ok(DEFAULT_SEED), |word| word.parse().map_err(|_| NumberError::Seed(word)))?;
    let blocks = words.get(1).map_or(Ok(DEFAULT_BLOCKS), |word| {
        let blocks = word.parse().ok().filter(|blocks| (MIN_BLOCKS..=MAX_BLOCKS).contains(blocks));
        blocks.ok_or(NumberError::Blocks(word))
    })?;
    Ok((seed, blocks))
}

/// The drill for runs of pages.
fn page_drill(session: &mut Session, words: &[&str]) {
    let numbers = if words.len() < 2 {
        parse_numbers(words).map(|(seed, _)| (seed, DEFAULT_RUNS))
    } else {
        parse_numbers(words)
    };
    let (seed, runs) = match numbers {
        Ok(numbers) => numbers,
        Err(error) => return session.report_failure(format_args!("leaks drill: {error}")),
    };
    let outcome = whole_of_pages(session, seed, runs);
    report(session, outcome);
}

fn whole_of_pages(session: &mut Session, seed: u64, runs: usize) -> Result<(), DrillError> {
    let before = page_tracker().counters();
    let planted = Planted::plant(seed, runs)?;
    for _ in 0..2 {
        match page_leaks::timed(session) {
            Ok((scanned, took_ns)) => session.print(format_args!("{}\n", Summary(scanned, took_ns))),
            Err(error) => {
                session.report_failure(format_args!("leaks drill: {error}"));
                return Ok(());
            }
        }
    }
    let result = planted.judge();
    drop(planted);
    let after = page_tracker().counters();
    let left_runs = after.live_blocks as i64 - before.live_blocks as i64;
    let left_bytes = after.taken_bytes as i64 - before.taken_bytes as i64;
    let result = result.ok_or(DrillError::NoMemory)?;
    session.print(format_args!(
        "drill: seed {seed}: {} of {LOST} lost runs found among {runs} runs, {} wrong; {} new since the mark; \
         {left_runs} runs, {left_bytes} bytes left\n",
        result.judged.found, result.judged.wrong, result.grown
    ));
    Ok(())
}

/// The whole drill; all is freed in the end, also when it is stopped.
fn whole(session: &mut Session, seed: u64, blocks: usize) -> Result<(), DrillError> {
    let before = tracker().counters();
    let last = tracker().leaks().snapshot().sequence;
    drill::plant(seed, blocks)?;
    for _ in 0..2 {
        match scan::timed(session) {
            Ok((scanned, took_ns)) => session.print(format_args!("{}\n", Summary(scanned, took_ns))),
            Err(error) => {
                session.report_failure(format_args!("leaks drill: {error}"));
                return drill::free();
            }
        }
    }
    let judged = drill::judge(last)?;
    drill::free()?;
    let after = tracker().counters();
    let left_blocks = after.live_blocks as i64 - before.live_blocks as i64;
    let left_bytes = after.live_bytes as i64 - before.live_bytes as i64;
    session.print(format_args!(
        "drill: seed {seed}: {} of {LEAKS} leaks found among {blocks} blocks, {} wrong; {left_blocks} blocks, {left_bytes} bytes left\n",
        judged.found, judged.wrong
    ));
    Ok(())
}
