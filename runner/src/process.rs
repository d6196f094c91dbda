//! QEMU as a child process that never outlives its owner, and the processor time that it takes.
//!
//! Unlike elapsed time, processor time does not depend on what else this computer does, so two runs can be compared. It
//! is summed up per thread, as a scenario is carried out in one thread.

use std::cell::Cell;
use std::fs;
use std::process::{Child, ExitStatus};

use crate::error::{Error, Result};

/// The unit of times in /proc (`USER_HZ`) is the same on all Linux for this processor.
const TICKS_A_SECOND: f64 = 100.0;

thread_local! {
    static CPU_TICKS: Cell<u64> = const { Cell::new(0) };
}

/// Seconds of processor time of all processes that this thread has ended since the last call.
pub(crate) fn take_cpu_seconds() -> f64 {
    CPU_TICKS.take() as f64 / TICKS_A_SECOND
}

/// A child that is killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Its processor time when it was last read.
    ticks: u64,
}

impl Process {
    pub(crate) const fn new(child: Child) -> Self {
        Self { child, ticks: 0 }
    }

    /// Waits for its end, however long it takes.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().map_err(Error::host("waiting for QEMU"))
    }

    /// How it ended, if it has.
    pub(crate) fn end(&mut self) -> Result<Option<ExitStatus>> {
        self.look();
        self.child.try_wait().map_err(Error::host("asking for QEMU's end"))
    }

    /// A process that has ended has its times until somebody waits for it, and none afterwards.
    fn look(&mut self) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        self.ticks = self.ticks.max(cpu_ticks(&stat));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only if QEMU has ended by itself.
        let _ = self.child.kill();
        self.look();
        let _ = self.child.wait();
        CPU_TICKS.set(CPU_TICKS.get() + self.ticks);
    }
}

/// User and system time in `/proc/PID/stat` (man page `proc_pid_stat`, fields 14 and 15), or 0 where there is none.
fn cpu_ticks(stat: &str) -> u64 {
    // The second field is a name in brackets that may hold blanks and brackets.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::cpu_ticks;

    #[test]
    fn both_times_are_read_behind_the_name() {
        let stat = "12 (a ) b) S 1 12 12 0 -1 4194560 100 0 0 0 250 17 3 4 20 0 1 0 100 1000 10";
        assert_eq!(cpu_ticks(stat), 267);
        assert_eq!(cpu_ticks(""), 0);
    }
}
