//! The rate of a CPU's time stamp counter: measured with a timer, which a busy host disturbs, or stated by the CPU.
//!
//! A measurement is a range that contains the rate. An interruption during a measurement makes its range wide, not wrong;
//! where ranges contradict each other, the intersection that most of them share counts (Marzullo and Owicki, Maintaining
//! the Time in a Distributed System, 1983). `kernel/src/arch/x86_64/clock.rs` reads the timers.

/// A rate stated by the CPU may be outside of the measured range by one part in this many.
const STATED_TOLERANCE: u64 = 1000;
/// The same for a timer's ticks, some of which a busy host may lose.
const TICKS_TOLERANCE: u64 = 200;
/// Rates outside of this range are not believed.
const PLAUSIBLE_HZ: RateRange = RateRange { min_hz: 1_000_000, max_hz: 100_000_000_000 };

/// A reading of a timer, between two readings of the counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The counter before.
    pub before: u64,
    /// The counter after.
    pub after: u64,
    /// The timer's ticks, since any fixed time.
    pub ticks: u64,
}

/// A range of rates, in counts per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRange {
    /// Lower bound.
    pub min_hz: u64,
    /// Upper bound.
    pub max_hz: u64,
}

impl RateRange {
    /// The counter's rate between two readings of a timer of `timer_hz`. The number of ticks between them may be wrong by
    /// `slack_ticks`. `None` if the readings give no range.
    pub fn between(first: Reading, last: Reading, timer_hz: u64, slack_ticks: u64) -> Option<Self> {
        let ticks = last.ticks.checked_sub(first.ticks)?;
        let min_counts = last.before.checked_sub(first.after)?;
        let max_counts = last.after.checked_sub(first.before)?;
        Some(Self {
            min_hz: scaled(min_counts, timer_hz, ticks.saturating_add(slack_ticks))?,
            max_hz: scaled(max_counts, timer_hz, ticks.checked_sub(slack_ticks)?)?,
        })
    }

    /// Whether a rate lies within.
    pub fn contains(self, hz: u64) -> bool {
        (self.min_hz..=self.max_hz).contains(&hz)
    }

    /// The middle.
    pub fn middle(self) -> u64 {
        self.min_hz.midpoint(self.max_hz)
    }

    /// The range, widened at both ends by one part in `parts`.
    fn widened(self, parts: u64) -> Self {
        let more = |hz: u64| hz.checked_div(parts).unwrap_or(0);
        Self {
            min_hz: self.min_hz.saturating_sub(more(self.min_hz)),
            max_hz: self.max_hz.saturating_add(more(self.max_hz)),
        }
    }

    fn common(self, other: Self) -> Option<Self> {
        let both = Self { min_hz: self.min_hz.max(other.min_hz), max_hz: self.max_hz.min(other.max_hz) };
        (both.min_hz <= both.max_hz).then_some(both)
    }

    fn width(self) -> u64 {
        self.max_hz.saturating_sub(self.min_hz)
    }
}

/// `counts` in `ticks` of a timer, as counts per second.
fn scaled(counts: u64, timer_hz: u64, ticks: u64) -> Option<u64> {
    let product = u128::from(counts).checked_mul(timer_hz.into())?;
    product.checked_div(ticks.into())?.try_into().ok()
}

/// The range that most of the measurements agree on; of several such, the narrowest.
pub fn most_plausible(measured: &[RateRange]) -> Option<RateRange> {
    // The lower bound of the intersection is the lower bound of one of the ranges.
    let candidates = measured.iter().map(|range| {
        let agreeing = measured.iter().filter(|other| other.contains(range.min_hz));
        let common = agreeing.clone().try_fold(PLAUSIBLE_HZ, |common, other| common.common(*other));
        (agreeing.count(), common)
    });
    let known = candidates.filter_map(|(count, common)| Some((count, common?)));
    known
        .max_by_key(|(count, common)| (*count, u64::MAX.saturating_sub(common.width())))
        .map(|(_, common)| common)
}

/// The counter's rate: the first of the `stated` rates that fits the measurements, as it is exact; otherwise the middle of
/// the measured range. `None` if there is neither.
pub fn choose(measured: &[RateRange], stated: &[u64]) -> Option<u64> {
    let range = most_plausible(measured);
    let allowed = range.map_or(PLAUSIBLE_HZ, |range| range.widened(STATED_TOLERANCE));
    let fitting = stated.iter().copied().find(|hz| allowed.contains(*hz));
    fitting.or(range.map(RateRange::middle))
}

/// A corrected rate, if both the real-time clock and the timer contradict `hz` and agree with each other. One of them alone
/// does not count: ticks get lost, and the clock of a virtual machine may run at another speed.
pub fn corrected(hz: u64, clock_chip: RateRange, timer: RateRange) -> Option<u64> {
    let timer = timer.widened(TICKS_TOLERANCE);
    let is_wrong = !clock_chip.contains(hz) && !timer.contains(hz);
    let agreed = clock_chip.common(timer).filter(|_| is_wrong)?;
    Some(agreed.middle())
}

/// Measures the counter against the seconds of the real-time clock and the ticks of a timer, tick by tick.
#[derive(Debug, Default)]
pub struct RateWatch {
    /// The counter at the tick before, and the second then.
    previous: Option<(u64, u8)>,
    ticks: u64,
    /// The first beginning of a second that was seen.
    first: Option<Edge>,
    seconds: u64,
}

/// The beginning of a second, between two ticks.
#[derive(Clone, Copy, Debug)]
struct Edge {
    before: u64,
    after: u64,
    ticks: u64,
}

/// The result of a [`RateWatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The rate by the real-time clock.
    pub clock_chip: RateRange,
    /// The rate by the timer's ticks.
    pub timer: RateRange,
}

impl RateWatch {
    /// Duration of a watch in seconds.
    pub const SECONDS: u64 = 10;
    /// A larger step of the real-time clock means that it was set.
    const MAX_STEP_SECONDS: u64 = 5;

    /// A watch that has not begun.
    pub const fn new() -> Self {
        Self { previous: None, ticks: 0, first: None, seconds: 0 }
    }

    /// Takes a tick of a timer of `timer_hz`: the counter, and the second (0 to 59) of the real-time clock. Returns the
    /// result when the watch is over; the next tick begins a new one.
    pub fn tick(&mut self, counter: u64, second: u8, timer_hz: u64) -> Option<Watched> {
        self.ticks = self.ticks.saturating_add(1);
        let (before, previous) = self.previous.replace((counter, second))?;
        let step = u64::from(second.saturating_add(60).saturating_sub(previous) % 60);
        if step == 0 {
            return None;
        }
        let edge = Edge { before, after: counter, ticks: self.ticks };
        let Some(first) = self.first.filter(|_| step <= Self::MAX_STEP_SECONDS) else {
            (self.first, self.seconds) = (Some(edge), 0);
            return None;
        };
        self.seconds = self.seconds.saturating_add(step);
        if self.seconds < Self::SECONDS {
            return None;
        }
        let (start, end) = (Reading { ticks: 0, ..first.reading() }, edge.reading());
        let clock_chip = RateRange::between(start, Reading { ticks: self.seconds, ..end }, 1, 0);
        // The tick itself happened at the later of the two counter values.
        let [start, end] = [first, edge].map(|edge| Reading { before: edge.after, ..edge.reading() });
        let timer = RateRange::between(start, end, timer_hz, 1);
        *self = Self::new();
        Some(Watched { clock_chip: clock_chip?, timer: timer? })
    }
}

impl Edge {
    fn reading(self) -> Reading {
        Reading { before: self.before, after: self.after, ticks: self.ticks }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMER_HZ: u64 = 1_193_182;
    const TICK_HZ: u64 = 100;

    /// Looks at a timer at these microseconds, each of which takes so long.
    fn readings(hz: u64, looks: &[(u64, u64, u64)]) -> Vec<Reading> {
        let counter = |us: u64| 77 + us * (hz / 1000) / 1000;
        let reading = |(at, before, after): &(u64, u64, u64)| Reading {
            before: counter(at - before),
            after: counter(at + after),
            ticks: at * TIMER_HZ / 1_000_000,
        };
        looks.iter().map(reading).collect()
    }

    fn ranges(readings: &[Reading]) -> Vec<RateRange> {
        let pairs = readings
            .iter()
            .enumerate()
            .flat_map(|(number, first)| readings[number + 1..].iter().map(move |last| (*first, *last)));
        pairs.filter_map(|(first, last)| RateRange::between(first, last, TIMER_HZ, 1)).collect()
    }

    fn assert_close(found: u64, hz: u64, parts: u64) {
        assert!(found.abs_diff(hz) <= hz / parts, "{found} is not {hz}");
    }

    #[test]
    fn quiet_windows_give_the_rate() {
        let looks: Vec<_> = (0..6).map(|number| (100 + number * 2000, 1, 1)).collect();
        for hz in [1_000_000_000, 2_394_460_000, 5_000_000_000] {
            assert_close(choose(&ranges(&readings(hz, &looks)), &[]).unwrap(), hz, 1000);
        }
    }

    /// The host takes the CPU away for 50 ms, within a look or between two: before, that made the rate six times too
    /// high.
    #[test]
    fn stretched_windows_do_not_count() {
        let hz = 2_400_000_000;
        for stretched in 0..6 {
            for (before, after) in [(50_000, 1), (1, 50_000), (30_000, 30_000)] {
                let mut looks: Vec<_> = (0..6).map(|number| (100_000 + number * 2000, 1, 1)).collect();
                looks[stretched] = (looks[stretched].0, before, after);
                for look in &mut looks[stretched + 1..] {
                    look.0 += 40_000;
                }
                assert_close(choose(&ranges(&readings(hz, &looks)), &[]).unwrap(), hz, 500);
            }
        }
    }

    /// A timer that was late or early itself makes ranges that exclude the rate.
    #[test]
    fn most_ranges_are_believed() {
        let range = |min_hz, max_hz| RateRange { min_hz, max_hz };
        let good = [
            range(990_000_000, 1_010_000_000),
            range(995_000_000, 1_030_000_000),
            range(999_000_000, 1_001_000_000),
        ];
        for bad in [range(6_000_000_000, 6_000_000_100), range(150_000_000, 160_000_000)] {
            let all = [&[bad, bad][..], &good].concat();
            assert_eq!(most_plausible(&all), Some(good[2]));
            assert_eq!(choose(&all, &[6_000_000_000, 1_000_400_000]), Some(1_000_400_000));
        }
        assert_eq!(choose(&good, &[1_100_000_000]), Some(1_000_000_000));
        assert_eq!(choose(&[], &[0, 2_000_000_000]), Some(2_000_000_000));
        assert_eq!(choose(&[], &[0]), None);
    }

    proptest! {
        #[test]
        fn rate_is_never_excluded(
            mhz in 100_u64..6000,
            looks in prop::collection::vec((1_u64..3000, 0_u64..60_000, 0_u64..60_000), 2..7),
            quiet in 0_usize..7,
        ) {
            let mut at = 100_000;
            let looks: Vec<_> = looks.iter().enumerate().map(|(number, (step, before, after))| {
                at += 2000 + step;
                let is_quiet = number >= quiet;
                let look = if is_quiet { (at, 1, 1) } else { (at, *before, *after) };
                at += look.2;
                look
            }).collect();
            let hz = mhz * 1_000_000;
            let ranges = ranges(&readings(hz, &looks));
            for range in &ranges {
                prop_assert!(range.widened(100_000).contains(hz), "{range:?} excludes {hz}");
            }
            prop_assert!(ranges.is_empty() || most_plausible(&ranges).unwrap().widened(100_000).contains(hz));
        }
    }

    /// A watch over ticks, some of which come late or are lost.
    fn watched(hz: u64, chip_speed_percent: u64, is_lost: impl Fn(u64) -> bool) -> Watched {
        let mut watch = RateWatch::new();
        for tick in (0..10_000_u64).filter(|tick| !is_lost(*tick)) {
            let late_us = if tick % 7 == 0 { 3000 } else { 5 };
            let us = 370_000 + tick * 10_000 + late_us;
            let second = us * chip_speed_percent / 100_000_000 % 60;
            if let Some(found) = watch.tick(us * (hz / 1_000_000), second as u8, TICK_HZ) {
                return found;
            }
        }
        panic!("the watch has no end");
    }

    #[test]
    fn wrong_rate_is_corrected_where_chip_and_timer_agree() {
        let hz = 2_400_000_000;
        let Watched { clock_chip, timer } = watched(hz, 100, |_| false);
        assert!(clock_chip.contains(hz) && timer.widened(TICKS_TOLERANCE).contains(hz));
        assert_eq!(corrected(hz, clock_chip, timer), None);
        for wrong in [hz * 6, hz / 3, hz * 102 / 100, hz * 98 / 100] {
            assert_close(corrected(wrong, clock_chip, timer).unwrap(), hz, 200);
        }
    }

    #[test]
    fn one_witness_does_not_suffice() {
        let hz = 2_400_000_000;
        // A tenth of the ticks is lost.
        let Watched { clock_chip, timer } = watched(hz, 100, |tick| tick % 10 == 3);
        assert_eq!((corrected(hz, clock_chip, timer), corrected(hz * 6, clock_chip, timer)), (None, None));
        // The clock chip follows another time than counter and timer.
        let Watched { clock_chip, timer } = watched(hz, 50, |_| false);
        assert_eq!(corrected(hz, clock_chip, timer), None);
    }

    #[test]
    fn clock_chip_that_is_set_starts_the_watch_over() {
        let mut watch = RateWatch::new();
        for tick in 0..2000_u64 {
            let second = if tick < 900 { tick / 100 } else { tick / 100 + 30 };
            let found = watch.tick(tick * 10_000_000, (second % 60) as u8, TICK_HZ);
            assert_eq!(found.is_some(), tick == 1900, "tick {tick}");
        }
    }
}
