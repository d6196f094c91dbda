//! Time: the time stamp counter (TSC) for time stamps, the programmable interval timer for ticks.
//!
//! Source: Intel 8254 data sheet; Intel SDM vol. 3B, section 18.17 (time stamp counter).

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrayvec::ArrayVec;
use calendar::{RateRange, RateWatch, Reading, Watched};
use x86::io::{inb, outb};

use super::cpu::IrqLock;
use super::{cpu, cpuid, idt, rtc};
use sched::{LoadAverage, SAMPLE_SECONDS};

/// Timer interrupts per second.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

const PIT_HZ: u64 = 1_193_182;
const TIMER_LINE: u8 = 0;
const CHANNEL_0: u16 = 0x40;
const CHANNEL_2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const SPEAKER: u16 = 0x61;

/// Number of measuring windows, one after the other, in which the TSC is compared with the timer: 10 ms in total.
const WINDOWS: usize = 5;
const WINDOW_TICKS: u64 = PIT_HZ / 500;
/// Number of readings of the timer at each end of a window; the one that took the shortest time counts.
const READINGS_AT_END: usize = 3;
/// Number of ranges after which no further run of the timer is needed: those of four readings in one run.
const ENOUGH_RANGES: usize = 6;
/// Maximum number of ranges: those of one whole run, and of earlier runs that were not enough.
const MAX_RANGES: usize = WINDOWS * (WINDOWS + 1) / 2 + ENOUGH_RANGES;
/// Maximum number of runs of the timer, of 55 ms each: a busy host may suspend the CPU for most of a run.
const MAX_RUNS: usize = 40;
/// Timer interrupts between two checks of the TSC's rate: ten minutes.
const CHECK_INTERVAL_TICKS: u64 = 600 * TICKS_PER_SECOND;
/// Assumed rate if the timer does not work: 1 GHz.
const FALLBACK_HZ: u64 = 1_000_000_000;

static START: AtomicU64 = AtomicU64::new(0);
/// The TSC's rate in counts per second; 0 until measured.
static COUNTER_HZ: AtomicU64 = AtomicU64::new(0);
static TICKS: AtomicU64 = AtomicU64::new(0);
static IDLE_COUNTS: AtomicU64 = AtomicU64::new(0);
/// Whether the CPU waits for an interrupt, for the load average that the timer's handler samples.
static IS_IDLE: AtomicBool = AtomicBool::new(false);
static LOAD: LoadAverage = LoadAverage::new();
static CHECK: IrqLock<Check> = IrqLock::new(Check { watch: RateWatch::new(), next_tick: 0, corrected: None });

/// The check of the TSC's rate, which is repeated while the kernel runs.
struct Check {
    watch: RateWatch,
    /// The timer interrupt from which on the check continues.
    next_tick: u64,
    /// The previous rate, if a correction was not logged yet.
    corrected: Option<u64>,
}

fn write(port: u16, value: u8) {
    // SAFETY: the timer's and the speaker gate's ports, which only this file touches.
    unsafe { outb(port, value) };
}

fn read(port: u16) -> u8 {
    // SAFETY: as for `write`.
    unsafe { inb(port) }
}

/// Starts the uptime. The first thing that the kernel does.
pub(crate) fn start() {
    START.store(cpu::time_stamp_counter(), Ordering::Relaxed);
}

/// Measures the TSC's rate, so that time stamps can be converted to seconds.
pub(crate) fn calibrate() {
    let hz = calendar::choose(&measure(), &cpuid::counter_rates()).unwrap_or(FALLBACK_HZ);
    COUNTER_HZ.store(hz, Ordering::Relaxed);
}

/// Starts the timer.
pub(crate) fn init() {
    let divisor = (PIT_HZ / TICKS_PER_SECOND) as u16;
    // Channel 0, both bytes, mode 2: a pulse each period.
    write(COMMAND, 0b0011_0100);
    write(CHANNEL_0, divisor as u8);
    write(CHANNEL_0, (divisor >> 8) as u8);
    idt::handle_line(TIMER_LINE, "timer", tick);
}

fn tick() {
    let ticks = TICKS.fetch_add(1, Ordering::Relaxed) + 1;
    if ticks.is_multiple_of(SAMPLE_SECONDS * TICKS_PER_SECOND) {
        // There is one thread.
        LOAD.sample(u64::from(!IS_IDLE.load(Ordering::Relaxed)));
    }
    check_rate(ticks);
}

/// Checks the TSC's rate against the real-time clock and this timer.
fn check_rate(ticks: u64) {
    let mut check = CHECK.lock();
    if ticks < check.next_tick {
        return;
    }
    let Some(second) = rtc::second() else { return };
    let Some(Watched { clock_chip, timer }) = check.watch.tick(counts(), second, TICKS_PER_SECOND) else {
        return;
    };
    check.next_tick = ticks + CHECK_INTERVAL_TICKS;
    let hz = counter_hz();
    if let Some(better_hz) = calendar::corrected(hz, clock_chip, timer) {
        COUNTER_HZ.store(better_hz, Ordering::Relaxed);
        check.corrected = Some(hz);
    }
}

/// Logs a correction of the rate, if there was one.
fn report_correction() {
    let corrected = CHECK.lock().corrected.take();
    if let Some(before_hz) = corrected {
        let (before, now) = (before_hz / 1000, counter_hz() / 1000);
        log::warn!(
            "clock: the counter runs at {now} kHz, not {before}, by clock chip and timer; uptime is corrected"
        );
    }
}

/// The TSC's rate between each two readings of channel 2 in one run; none if the timer does not run.
fn measure() -> ArrayVec<RateRange, MAX_RANGES> {
    let gate = read(SPEAKER) & !0b11;
    let mut ranges = ArrayVec::new();
    for _ in 0..MAX_RUNS {
        let Some(looks) = run_timer(gate) else { break };
        let pairs = looks.iter().enumerate().flat_map(|(number, last)| {
            looks.iter().take(number).map(move |first| RateRange::between(*first, *last, PIT_HZ, 1))
        });
        ranges.extend(pairs.flatten().take(ranges.remaining_capacity()));
        if ranges.len() >= ENOUGH_RANGES {
            break;
        }
    }
    write(SPEAKER, gate);
    ranges
}

/// Measures the counter's rate again, for a test.
#[cfg(feature = "lab")]
pub(crate) fn measure_again() -> Option<RateRange> {
    calendar::most_plausible(&measure())
}

/// Reads channel 2 at both ends of each window, until it expires. `None` if it does not run.
fn run_timer(gate: u8) -> Option<ArrayVec<Reading, { WINDOWS + 1 }>> {
    const MAX_POLLS: u32 = 100_000;
    const HAS_RUN_OUT: u8 = 1 << 5;
    // Gate on, speaker off; channel 2, both bytes, mode 0: it counts down once, and the output rises at the end.
    write(SPEAKER, gate | 1);
    write(COMMAND, 0b1011_0000);
    write(CHANNEL_2, 0xff);
    write(CHANNEL_2, 0xff);
    let mut looks = ArrayVec::<Reading, { WINDOWS + 1 }>::new();
    while !looks.is_full() {
        let start = looks.last().map_or(0, |look| look.ticks + WINDOW_TICKS);
        if !(0..MAX_POLLS).any(|_| read_timer().ticks >= start) {
            return None;
        }
        let shortest =
            (0..READINGS_AT_END).map(|_| read_timer()).min_by_key(|reading| reading.after - reading.before);
        // Behind its end it counts on from the top: such a reading says nothing.
        if read(SPEAKER) & HAS_RUN_OUT != 0 {
            break;
        }
        looks.extend(shortest);
    }
    // What was there before the timer was set may be seen once more.
    Some(if looks.is_sorted_by_key(|look| look.ticks) { looks } else { ArrayVec::new() })
}

/// Latches and reads channel 2, and reads the TSC before and after.
fn read_timer() -> Reading {
    let before = cpu::time_stamp_counter();
    write(COMMAND, 0b1000_0000);
    let after = cpu::time_stamp_counter();
    let count = u16::from_le_bytes([read(CHANNEL_2), read(CHANNEL_2)]);
    Reading { before, after: after.max(before), ticks: u64::from(u16::MAX - count) }
}

/// TSC counts since the kernel was entered. Takes one instruction and a subtraction.
#[inline]
pub(crate) fn counts() -> u64 {
    cpu::time_stamp_counter().wrapping_sub(START.load(Ordering::Relaxed))
}

/// The time stamp counter when the kernel was entered.
pub(crate) fn start_count() -> u64 {
    START.load(Ordering::Relaxed)
}

/// Converts TSC counts to nanoseconds; 0 before the rate was measured.
pub(crate) fn counts_to_ns(counts: u64) -> u64 {
    let hz = u128::from(COUNTER_HZ.load(Ordering::Relaxed));
    (u128::from(counts) * 1_000_000_000).checked_div(hz).unwrap_or(0) as u64
}

/// Nanoseconds since the kernel was entered.
pub(crate) fn uptime_ns() -> u64 {
    counts_to_ns(counts())
}

/// Busy-waits, without interrupts. Does not wait before the rate was measured.
pub(crate) fn spin_for_ns(duration_ns: u64) {
    let end_ns = uptime_ns().saturating_add(duration_ns);
    while counter_hz() > 0 && uptime_ns() < end_ns {
        core::hint::spin_loop();
    }
}

/// Nanoseconds since 1970-01-01, or since boot if the date is unknown.
pub(crate) fn now_ns() -> u64 {
    rtc::boot_seconds() * 1_000_000_000 + uptime_ns()
}

/// Nanoseconds that the CPU waited for interrupts.
pub(crate) fn idle_ns() -> u64 {
    counts_to_ns(IDLE_COUNTS.load(Ordering::Relaxed))
}

/// The TSC's rate in counts per second; 0 until measured.
pub(crate) fn counter_hz() -> u64 {
    COUNTER_HZ.load(Ordering::Relaxed)
}

/// The load average.
pub(crate) fn load_average() -> &'static LoadAverage {
    &LOAD
}

/// Waits for the next interrupt unless `is_ready`, and counts the time as idle.
pub(crate) fn idle_unless(is_ready: impl FnOnce() -> bool) {
    report_correction();
    let start = counts();
    IS_IDLE.store(true, Ordering::Relaxed);
    cpu::wait_for_interrupt_unless(is_ready);
    IS_IDLE.store(false, Ordering::Relaxed);
    IDLE_COUNTS.fetch_add(counts() - start, Ordering::Relaxed);
}
