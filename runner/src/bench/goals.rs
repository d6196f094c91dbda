//! What the figures must reach, and what they must not lose.

use super::figure::Figure;

/// The most instructions for a pair of 64 bytes over the slab heap, by level.
const PAIR_GOALS: [(&str, f64); 5] =
    [("off", 110.0), ("counters", 140.0), ("blocks", 330.0), ("stacks", 530.0), ("full", 570.0)];
/// The most instructions for a pair of one page, taken and given back, by level.
const PAGE_GOALS: [(&str, f64); 5] =
    [("off", 300.0), ("counters", 330.0), ("blocks", 450.0), ("stacks", 650.0), ("full", 720.0)];
/// An operation with a million blocks live may cost so much more than one with ten thousand.
const MAX_BULK_RATIO: f64 = 1.25;
/// The most instructions for any single operation of the slab heap.
const MAX_OPERATION: f64 = 9000.0;
/// The most bytes of the arena that a block may take.
const ARENA_GOALS: [(&str, f64); 2] = [("arena-from-10000", 64.0), ("arena-from-100000", 52.0)];
/// From so many blocks on, the most expensive operations are compared with the baseline.
const STEADY_BLOCKS: u64 = 100_000;
const PAGE_BYTES: u64 = 4096;
/// How much worse than the baseline a figure may be.
const TOLERANCE: f64 = 1.03;

/// The goals that the figures miss, each in a line. What was not measured is not judged.
pub(crate) fn judge_goals(figures: &[Figure]) -> Vec<String> {
    let mut failures = Vec::new();
    let slab = || figures.iter().filter(|figure| figure.backend == "slab");
    for figure in slab() {
        let goal = match figure.workload.as_str() {
            "pair" if figure.size_bytes == 64 => goal_of(&PAIR_GOALS, &figure.level),
            "frame" => goal_of(&PAGE_GOALS, &figure.level),
            "worst-growing" | "worst-churning" => Some(MAX_OPERATION),
            // Call stacks and history take a fixed amount besides.
            workload if figure.level == "blocks" => goal_of(&ARENA_GOALS, workload),
            _ => None,
        };
        let found = figure.instructions.or(figure.bytes_per_block);
        if let Some((goal, found)) = goal.zip(found)
            && found > goal
        {
            failures.push(format!("{}: {found}, the goal is {goal}", name(figure)));
        }
    }
    let mean = |workload: &str, level: &str, live_blocks: u64| {
        let is_it = |figure: &&Figure| {
            (figure.workload.as_str(), figure.level.as_str(), figure.live_blocks)
                == (workload, level, live_blocks)
        };
        // Of several machines the one with most memory.
        slab().filter(is_it).max_by_key(|figure| figure.memory_mib)?.instructions
    };
    let bulk = PAIR_GOALS.iter().map(|(level, _)| ("bulk", *level));
    for (workload, level) in bulk.chain([("frames", "off"), ("frames-give", "off")]) {
        if let Some((few, many)) = mean(workload, level, 10_000).zip(mean(workload, level, 1_000_000))
            && many > few * MAX_BULK_RATIO
        {
            failures.push(format!("{level} {workload}: {many} with 1,000,000 live, {few} with 10,000"));
        }
    }
    failures
}

/// How the tracker on the host compares with what it should reach, each in a line. These are shown and not judged:
/// how much another crate takes is not in our hands.
pub(crate) fn host_ratios(figures: &[Figure]) -> Vec<String> {
    let added = |level: &str| {
        let is_it = |figure: &&Figure| figure.workload == "host-pair" && figure.level == level;
        figures.iter().find(is_it)?.instructions
    };
    let mut lines = Vec::new();
    if let Some((dhat, full)) = added("dhat").zip(added("memstat-full")) {
        lines.push(format!("full is {:.0} times cheaper than dhat; the goal is 90.", dhat / full));
    }
    if let Some((tracking, blocks)) = added("tracking-allocator").zip(added("memstat-blocks")) {
        lines.push(format!(
            "blocks adds {blocks:.0}, tracking-allocator, which keeps no map, {tracking:.0}; the goal is 170."
        ));
    }
    if let Some(counters) = added("memstat-counters") {
        lines.push(format!("counters adds {counters:.0}; the goal is 30."));
    }
    lines
}

fn goal_of(goals: &[(&str, f64)], name: &str) -> Option<f64> {
    goals.iter().find(|(known, _)| *known == name).map(|(_, goal)| *goal)
}

/// The figures that are worse than in the baseline, each in a line. One that is new there is not judged, nor what
/// others' crates take, nor what hangs on a few operations.
pub(crate) fn judge_against_baseline(figures: &[Figure], baseline: &[Figure]) -> Vec<String> {
    let value = |figure: &Figure| figure.instructions.or(figure.bytes_per_block);
    let is_worse = |figure: &Figure| {
        let known = baseline.iter().find(|known| known.key() == figure.key())?;
        let (before, now) = value(known).zip(value(figure))?;
        (now > before * TOLERANCE).then(|| format!("{}: {now}, the baseline is {before}", name(figure)))
    };
    let is_ours = |figure: &&Figure| figure.workload != "host-pair" || figure.level.starts_with("memstat-");
    // Which table splits with how many entries follows from addresses, so from the size of the kernel's image. Only
    // among many operations the most expensive ones are the same each time; among few only the goal counts.
    let is_steady = |figure: &&Figure| {
        let is_extreme = figure.workload.starts_with("worst-") || figure.workload.starts_with("99.99%-");
        !is_extreme || figure.live_blocks >= STEADY_BLOCKS
    };
    // What a single page costs follows from how many larger blocks have to be split for it, so from what boot leaves
    // free; that follows from the image's size as well. Many pages are measured by `bench frames`.
    let is_of_many = |figure: &&Figure| figure.size_bytes != PAGE_BYTES || figure.live_blocks > 0;
    let judged = figures.iter().filter(is_ours).filter(is_steady).filter(is_of_many);
    judged.filter_map(is_worse).collect()
}

/// The figures that the baseline does not know, each in a line: nobody would notice how they change.
pub(crate) fn missing_in_baseline(figures: &[Figure], baseline: &[Figure]) -> Vec<String> {
    let is_known = |figure: &&Figure| baseline.iter().any(|known| known.key() == figure.key());
    let missing = figures.iter().filter(|figure| !is_known(figure));
    missing.map(|figure| format!("{}: not in the baseline; `make bench KEEP=1`", name(figure))).collect()
}

fn name(figure: &Figure) -> String {
    let Figure { backend, level, workload, size_bytes, live_blocks, .. } = figure;
    format!("{backend} {level} {workload} ({size_bytes} bytes, {live_blocks} blocks live)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(workload: &str, live_blocks: u64, instructions: f64) -> Figure {
        let line = format!(
            "bench: backend=slab level=blocks workload={workload} size_bytes=64 live_blocks={live_blocks} \
             counts={instructions}"
        );
        Figure::from_line(&line, 256).unwrap()
    }

    #[test]
    fn a_missed_goal_is_a_failure() {
        assert_eq!(judge_goals(&[figure("pair", 0, 330.0)]).len(), 0);
        assert_eq!(judge_goals(&[figure("pair", 0, 330.5)]).len(), 1);
        assert_eq!(judge_goals(&[figure("worst-churning", 9, 9001.0)]).len(), 1);
        let bulk = |many| [figure("bulk", 10_000, 100.0), figure("bulk", 1_000_000, many)];
        assert_eq!(judge_goals(&bulk(125.0)).len(), 0);
        assert_eq!(judge_goals(&bulk(126.0)).len(), 1);
    }

    #[test]
    fn more_than_three_percent_worse_is_a_failure() {
        let baseline = [figure("pair", 0, 100.0)];
        assert_eq!(judge_against_baseline(&[figure("pair", 0, 103.0)], &baseline).len(), 0);
        assert_eq!(judge_against_baseline(&[figure("pair", 0, 103.1)], &baseline).len(), 1);
        assert_eq!(judge_against_baseline(&[figure("bulk", 0, 500.0)], &baseline).len(), 0);
        assert_eq!(missing_in_baseline(&[figure("bulk", 0, 500.0)], &baseline).len(), 1);
        assert_eq!(missing_in_baseline(&baseline, &baseline).len(), 0);
    }
}
