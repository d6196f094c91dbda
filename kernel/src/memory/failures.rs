//! Fault injection: makes allocations of the heap and of pages fail on purpose.
//!
//! Rules come through `/proc/fail_alloc` and `/proc/fail_page_alloc`, the command `fail`, and words of the boot
//! loader's command line. Without rules, the heap's fast path is unchanged, and an allocation of pages costs one
//! check of a flag.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use control::faults::{self, FaultsError};
use memstat::{FaultRule, Faults, Sites, TooManySites};

use spin::Once;

use crate::arch::{VAddr, backtrace, idt};
use crate::sync::IrqLock;
use config::Config;

/// Number of innermost frames that are compared with a rule's sites; the heap's own are among them.
const FRAMES: usize = 16;

/// Fault injection for one kind of allocation.
pub(crate) struct Failures {
    faults: IrqLock<Faults>,
    is_armed: AtomicBool,
    /// Called when rules are set or removed, with whether there are any.
    on_arm: Once<fn(bool)>,
}

/// For blocks of the heap.
pub(crate) static HEAP: Failures = Failures::new();
/// For pages.
pub(crate) static PAGES: Failures = Failures::new();

/// Sets the rules of the command line.
pub(crate) fn configure(config: &Config) {
    for (failures, number) in [(&HEAP, config.fail_nth), (&PAGES, config.fail_nth_page)] {
        if let Some(number) = number {
            failures.set(Faults::OFF.with_rule(FaultRule::Nth(number)));
        }
    }
}

impl Failures {
    const fn new() -> Self {
        Self { faults: IrqLock::new(Faults::OFF), is_armed: AtomicBool::new(false), on_arm: Once::new() }
    }

    /// Registers `arm`, which is called each time rules are set, with whether there are any.
    pub(super) fn on_arm(&self, arm: fn(bool)) {
        self.on_arm.call_once(|| arm);
    }

    /// Whether there is a rule.
    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed.load(Ordering::Relaxed)
    }

    /// Whether an allocation must fail.
    #[cold]
    pub(crate) fn should_fail(&self, size_bytes: usize, frame_pointer: VAddr) -> bool {
        let is_at_site = |sites: &Sites| {
            backtrace::walk(frame_pointer).take(FRAMES).any(|address| sites.contains(address.as_usize()))
        };
        self.faults.lock().should_fail(size_bytes, idt::is_in_interrupt(), is_at_site)
    }

    /// The rule and its counters.
    pub(crate) fn get(&self) -> Faults {
        self.faults.lock().clone()
    }

    /// Replaces the rule and its counters.
    pub(crate) fn set(&self, faults: Faults) {
        let is_armed = faults.rule != FaultRule::Off;
        *self.faults.lock() = faults;
        self.is_armed.store(is_armed, Ordering::Relaxed);
        if let Some(arm) = self.on_arm.get() {
            arm(is_armed);
        }
    }

    /// Applies a command. Names are looked up without a lock.
    pub(crate) fn apply(
        &self,
        command: &str,
        find_site: impl FnOnce(&str, &mut Sites) -> Result<(), TooManySites>,
    ) -> Result<(), FaultsError> {
        let mut faults = self.get();
        faults::apply(&mut faults, command, find_site)?;
        self.set(faults);
        Ok(())
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        faults::Text(&self.get()).fmt(out)
    }
}
