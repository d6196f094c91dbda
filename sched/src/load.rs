//! The load average: how many threads wanted to run, smoothed over 1, 5 and 15 minutes.
//!
//! Computed as in Linux, so that the figures can be compared: every five seconds the runnable threads are counted, and
//! each average moves towards that number. Source: Linux, include/linux/sched/loadavg.h and
//! kernel/sched/loadavg.c (fixed point with 11 bits, the factors of the decay).

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

/// Interval between two samples in seconds.
pub const SAMPLE_SECONDS: u64 = 5;

const FRACTION_BITS: u32 = 11;
const ONE: u64 = 1 << FRACTION_BITS;
/// exp(-5 s / T) for T = 1, 5 and 15 minutes, in units of 2^-11.
const DECAYS: [u64; 3] = [1884, 2014, 2037];

/// The three averages.
#[derive(Debug)]
pub struct LoadAverage {
    averages: [AtomicU64; 3],
}

impl LoadAverage {
    /// All averages are 0.
    #[expect(clippy::new_without_default, reason = "made at compile time, into a static")]
    pub const fn new() -> Self {
        Self { averages: [const { AtomicU64::new(0) }; 3] }
    }

    /// Takes a sample: the number of runnable threads. There is one caller at a time, the timer's interrupt.
    pub fn sample(&self, runnable: u64) {
        let active = runnable * ONE;
        for (average, decay) in self.averages.iter().zip(DECAYS) {
            let old = average.load(Ordering::Relaxed);
            let rounding = if active >= old { ONE - 1 } else { 0 };
            let new = (old * decay + active * (ONE - decay) + rounding) >> FRACTION_BITS;
            average.store(new, Ordering::Relaxed);
        }
    }
}

/// As `0.00 0.01 0.05`.
impl fmt::Display for LoadAverage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, average) in self.averages.iter().enumerate() {
            // Half of the last digit is added, so that cutting rounds.
            let value = average.load(Ordering::Relaxed) + ONE / 200;
            let blank = if number == 0 { "" } else { " " };
            write!(out, "{blank}{}.{:02}", value >> FRACTION_BITS, ((value % ONE) * 100) >> FRACTION_BITS)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_kernel_has_no_load() {
        let load = LoadAverage::new();
        (0..1000).for_each(|_| load.sample(0));
        assert_eq!(load.to_string(), "0.00 0.00 0.00");
    }

    #[test]
    fn busy_minute_shows_as_one_minus_its_decay() {
        let load = LoadAverage::new();
        (0..12).for_each(|_| load.sample(1));
        // 1 - 1/e, 1 - e^(-1/5), 1 - e^(-1/15), as far as 11 bits tell.
        assert_eq!(load.to_string(), "0.63 0.18 0.06");
        (0..1000).for_each(|_| load.sample(1));
        assert!(load.to_string().starts_with("1.00 1.00"));
        (0..2000).for_each(|_| load.sample(0));
        assert_eq!(load.to_string(), "0.00 0.00 0.00");
    }
}
