//! Time: the time stamp counter for stamps, the programmable timer for ticks.
//!
//! Source: Intel 8254 data sheet; Intel SDM vol. 3B, section 18.17 (time stamp counter).

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrayvec::ArrayVec;
use calendar::{RateRange, RateWatch, Reading, Watched};
use x86::io::{inb, outb};

use super::cpu::IrqLock;
use super::{cpu, cpuid, idt, rtc};
use sched::{LoadAverage, SAMPLE_SECONDS};

/// Timer interrupts a second.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

const PIT_HZ: u64 = 1_193_182;
const TIMER_LINE: u8 = 0;
const CHANNEL_0: u16 = 0x40;
const CHANNEL_2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const SPEAKER: u16 = 0x61;

/// The counter is compared with the timer over so many windows, one after the other: a 100th of a second in all.
const WINDOWS: usize = 5;
const WINDOW_TICKS: u64 = PIT_HZ / 500;
/// Looks at the timer of which the shortest counts.
const LOOKS: usize = 3;
/// Ranges of the rate after which no further run of the timer is needed: four looks in one run give so many.
const ENOUGH_RANGES: usize = 6;
/// Most ranges that are kept: those of one whole run, and of one before it that was not enough.
const MAX_RANGES: usize = WINDOWS * (WINDOWS + 1) / 2 + ENOUGH_RANGES;
/// Runs of the timer, each of which is over after 55 ms: a busy host takes the CPU away for most of that.
const MAX_RUNS: usize = 40;
/// How long to wait before the counter's rate is checked again, in timer interrupts: ten minutes.
const CHECK_INTERVAL_TICKS: u64 = 600 * TICKS_PER_SECOND;
/// Taken when the timer does not answer: 1 GHz.
const FALLBACK_HZ: u64 = 1_000_000_000;

static START: AtomicU64 = AtomicU64::new(0);
/// Counts a second, 0 until measured.
static COUNTER_HZ: AtomicU64 = AtomicU64::new(0);
static TICKS: AtomicU64 = AtomicU64::new(0);
static IDLE_COUNTS: AtomicU64 = AtomicU64::new(0);
/// Whether the CPU waits for an interrupt: so the timer's finds out whether it broke into work.
static IS_IDLE: AtomicBool = AtomicBool::new(false);
static LOAD: LoadAverage = LoadAverage::new();
static CHECK: IrqLock<Check> = IrqLock::new(Check { watch: RateWatch::new(), next_tick: 0, corrected: None });

/// The check of the counter's rate, which goes on for as long as the kernel runs.
struct Check {
    watch: RateWatch,
    /// Timer interrupts before this one are not looked at.
    next_tick: u64,
    /// The rate before, if it was corrected and nobody was told yet.
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

/// Finds out how fast the time stamp counter runs, so that stamps can be converted to seconds.
pub(crate) fn calibrate() {
    let hz = calendar::choose(&measure(), &cpuid::counter_rates()).unwrap_or(FALLBACK_HZ);
    COUNTER_HZ.store(hz, Ordering::Relaxed);
}

/// Sets the timer going.
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

/// Holds the counter's rate against the clock chip and this timer.
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

/// Says in the log that the rate was corrected, if it was.
fn report_correction() {
    let corrected = CHECK.lock().corrected.take();
    if let Some(before_hz) = corrected {
        let (before, now) = (before_hz / 1000, counter_hz() / 1000);
        log::warn!(
            "clock: the counter runs at {now} kHz, not {before}, by clock chip and timer; uptime is corrected"
        );
    }
}

/// The counter's rate between each two looks at channel 2 that belong to one run; none if the timer stands.
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

/// Looks at channel 2 at both ends of each window, for as long as it has not run out; `None` if it stands.
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
        if !(0..MAX_POLLS).any(|_| look_at_timer().ticks >= start) {
            return None;
        }
        let shortest = (0..LOOKS).map(|_| look_at_timer()).min_by_key(|look| look.after - look.before);
        // Behind its end it counts on from the top: such a look says nothing.
        if read(SPEAKER) & HAS_RUN_OUT != 0 {
            break;
        }
        looks.extend(shortest);
    }
    // What was there before the timer was set may be seen once more.
    Some(if looks.is_sorted_by_key(|look| look.ticks) { looks } else { ArrayVec::new() })
}

/// Reads channel 2 by a latch, and the counter around that.
fn look_at_timer() -> Reading {
    let before = cpu::time_stamp_counter();
    write(COMMAND, 0b1000_0000);
    let after = cpu::time_stamp_counter();
    let count = u16::from_le_bytes([read(CHANNEL_2), read(CHANNEL_2)]);
    Reading { before, after: after.max(before), ticks: u64::from(u16::MAX - count) }
}

/// Counts since the kernel was entered. Cheap: one instruction and a subtraction.
#[inline]
pub(crate) fn counts() -> u64 {
    cpu::time_stamp_counter().wrapping_sub(START.load(Ordering::Relaxed))
}

/// The time stamp counter when the kernel was entered.
pub(crate) fn start_count() -> u64 {
    START.load(Ordering::Relaxed)
}

/// The nanoseconds that counts stand for; 0 before the counter was measured.
pub(crate) fn counts_to_ns(counts: u64) -> u64 {
    let hz = u128::from(COUNTER_HZ.load(Ordering::Relaxed));
    (u128::from(counts) * 1_000_000_000).checked_div(hz).unwrap_or(0) as u64
}

/// Nanoseconds since the kernel was entered.
pub(crate) fn uptime_ns() -> u64 {
    counts_to_ns(counts())
}

/// Waits without interrupts. Before the counter was measured it does not wait.
pub(crate) fn spin_for_ns(duration_ns: u64) {
    let end_ns = uptime_ns().saturating_add(duration_ns);
    while counter_hz() > 0 && uptime_ns() < end_ns {
        core::hint::spin_loop();
    }
}

/// Nanoseconds since 1970-01-01; since the boot, if the date is not known.
pub(crate) fn now_ns() -> u64 {
    rtc::boot_seconds() * 1_000_000_000 + uptime_ns()
}

/// Nanoseconds that the CPU waited for interrupts.
pub(crate) fn idle_ns() -> u64 {
    counts_to_ns(IDLE_COUNTS.load(Ordering::Relaxed))
}

/// Counts of the time stamp counter a second; 0 until measured.
pub(crate) fn counter_hz() -> u64 {
    COUNTER_HZ.load(Ordering::Relaxed)
}

/// How much the CPU had to do lately.
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
