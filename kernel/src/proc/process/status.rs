//! `/proc/1/status`: the thread's figures for people, as Linux writes them.
//!
//! Lines about a program's memory are absent; capabilities, which Linux reports for every thread, are none.
//! Source: Linux, fs/proc/array.c.

use core::fmt::{self, Write};

use vfs::{MAX_OPEN_FILES, Text};

use super::{NAME, PID};

/// The file.
pub(super) struct Status;

impl Text for Status {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "Name:\t{NAME}\nState:\tR (running)\nTgid:\t{PID}\nNgid:\t0\nPid:\t{PID}")?;
        writeln!(out, "PPid:\t0\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0")?;
        writeln!(out, "FDSize:\t{MAX_OPEN_FILES}\nGroups:\t \nKthread:\t1\nThreads:\t1\nSigQ:\t0/0")?;
        for signals in ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"] {
            writeln!(out, "{signals}:\t{:016x}", 0)?;
        }
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            writeln!(out, "{set}:\t{:016x}", 0)?;
        }
        writeln!(out, "NoNewPrivs:\t0")?;
        writeln!(out, "Cpus_allowed:\t1\nCpus_allowed_list:\t0")?;
        writeln!(out, "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0")
    }
}
