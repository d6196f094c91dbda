//! Time: the time stamp counter for stamps, the programmable timer for ticks.
//!
//! Source: Intel 8254 data sheet; Intel SDM vol. 3B, section 18.17 (time stamp counter).

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use x86::io::{inb, outb};

use super::{cpu, idt, rtc};
use sched::{LoadAverage, SAMPLE_SECONDS};

/// Timer interrupts a second.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

const PIT_HZ: u64 = 1_193_182;
const TIMER_LINE: u8 = 0;
const CHANNEL_0: u16 = 0x40;
const CHANNEL_2: u16 = 0x42;
const COMMAND: u16 = 0x43;
const SPEAKER: u16 = 0x61;

/// How long the counter is measured: a 100th of a second.
const CALIBRATION_TICKS: u64 = PIT_HZ / 100;
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

/// Measures the time stamp counter, so that stamps can be converted to seconds.
pub(crate) fn calibrate() {
    let hz = measure().filter(|hz| (1_000_000..100_000_000_000).contains(hz)).unwrap_or(FALLBACK_HZ);
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
}

/// Counts of the time stamp counter in one run of channel 2, as a frequency; `None` if the timer stands.
fn measure() -> Option<u64> {
    const MAX_POLLS: u32 = 10_000_000;
    let gate = read(SPEAKER) & !0b11;
    // Gate on, speaker off; channel 2, both bytes, mode 0: the output rises when the count is done.
    write(SPEAKER, gate | 1);
    write(COMMAND, 0b1011_0000);
    write(CHANNEL_2, CALIBRATION_TICKS as u8);
    write(CHANNEL_2, (CALIBRATION_TICKS >> 8) as u8);
    let start = cpu::time_stamp_counter();
    let is_done = (0..MAX_POLLS).any(|_| read(SPEAKER) & 0x20 != 0);
    let counts = cpu::time_stamp_counter().wrapping_sub(start);
    write(SPEAKER, gate);
    is_done.then(|| counts * PIT_HZ / CALIBRATION_TICKS)
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
    let start = counts();
    IS_IDLE.store(true, Ordering::Relaxed);
    cpu::wait_for_interrupt_unless(is_ready);
    IS_IDLE.store(false, Ordering::Relaxed);
    IDLE_COUNTS.fetch_add(counts() - start, Ordering::Relaxed);
}
