//! `leaks drill`: plants leaks among many blocks in structures, scans twice, and says how many were found.

use shell::{Command, Session};

use crate::commands::leaks::scan::{self, Summary};
use crate::memory::heap::tracker;
use crate::selftest::drill::{self, LEAKS, NoDrill};

pub(super) const DRILL: Command = Command {
    name: "drill",
    usage: "leaks drill [SEED [BLOCKS]] | drill plant [SEED [BLOCKS]] | drill free",
    summary: "lose 100 blocks among many, and see how many of them scans find",
    run,
};

const DEFAULT_SEED: u64 = 1;
const DEFAULT_BLOCKS: usize = 100_000;
/// A drill of fewer has no place for the leaks.
const MIN_BLOCKS: usize = 1000;
const MAX_BLOCKS: usize = 4_000_000;

fn run(session: &mut Session, words: &[&str]) {
    let outcome = match words {
        ["free"] => drill::free(),
        ["plant", rest @ ..] => match numbers(rest) {
            Some((seed, blocks)) => drill::plant(seed, blocks),
            None => return session.show_usage(&DRILL),
        },
        rest => match numbers(rest) {
            Some((seed, blocks)) => whole(session, seed, blocks),
            None => return session.show_usage(&DRILL),
        },
    };
    if let Err(error) = outcome {
        session.complain(format_args!("leaks drill: {error}"));
    }
}

/// The seed, and how many blocks.
fn numbers(words: &[&str]) -> Option<(u64, usize)> {
    let (seed, blocks) = match words {
        [] => (DEFAULT_SEED, DEFAULT_BLOCKS),
        [seed] => (seed.parse().ok()?, DEFAULT_BLOCKS),
        [seed, blocks] => (seed.parse().ok()?, blocks.parse().ok()?),
        _ => return None,
    };
    (MIN_BLOCKS..=MAX_BLOCKS).contains(&blocks).then_some((seed, blocks))
}

/// The whole drill; all is freed in the end, also when it is stopped.
fn whole(session: &mut Session, seed: u64, blocks: usize) -> Result<(), NoDrill> {
    let before = tracker().counters();
    let last = tracker().leaks().snapshot().sequence;
    drill::plant(seed, blocks)?;
    for _ in 0..2 {
        match scan::timed(session) {
            Ok((scanned, took_ns)) => session.print(format_args!("{}\n", Summary(scanned, took_ns))),
            Err(error) => {
                session.complain(format_args!("leaks drill: {error}"));
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
