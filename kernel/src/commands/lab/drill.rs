//! `leaks drill`: plants leaks among many blocks in structures, scans twice, and says how many were found.

use core::fmt;

use shell::{Command, Options, Session, Syntax};

use crate::commands::leaks::scan::{self, Summary};
use crate::memory::heap::tracker;
use crate::selftest::drill::{self, DrillError, LEAKS};

pub(super) const DRILL: Command = Command {
    name: "drill",
    usage: "leaks drill [SEED [BLOCKS]] | drill plant [SEED [BLOCKS]] | drill free",
    summary: "lose 100 blocks among many, and see how many of them scans find",
    syntax: Syntax::at_least(0),
    run,
};

const DEFAULT_SEED: u64 = 1;
const DEFAULT_BLOCKS: usize = 100_000;
/// A drill of fewer has no place for the leaks.
const MIN_BLOCKS: usize = 1000;
const MAX_BLOCKS: usize = 4_000_000;

fn run(session: &mut Session, options: &Options<'_>) {
    let words = options.operands.as_slice();
    let (is_planted_only, numbers) = match words {
        ["free"] => return report(session, drill::free()),
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
