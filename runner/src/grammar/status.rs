//! `status` of a process. Source: Linux, fs/proc/array.c (`proc_pid_status`), `fs/proc/task_mmu.c` (`task_mem`).

use super::line::{Line, lines};
use super::order::Order;
use crate::error::{Result, ensure};

/// A kernel thread has no memory of its own, so no `Vm` and no `Rss`.
const FIELDS: &str = "Name, Umask?, State, Tgid, Ngid, Pid, PPid, TracerPid, Uid, Gid, FDSize, Groups, NStgid?, NSpid?, \
    NSpgid?, NSsid?, Kthread?, VmPeak?, VmSize?, VmLck?, VmPin?, VmHWM?, VmRSS?, RssAnon?, RssFile?, RssShmem?, VmData?, \
    VmStk?, VmExe?, VmLib?, VmPTE?, VmSwap?, HugetlbPages?, CoreDumping?, THP_enabled?, untag_mask?, Threads, SigQ, \
    SigPnd, ShdPnd, SigBlk, SigIgn, SigCgt, CapInh, CapPrm, CapEff, CapBnd, CapAmb, NoNewPrivs, Seccomp?, \
    Seccomp_filters?, Speculation_Store_Bypass?, SpeculationIndirectBranch?, x86_Thread_features?, \
    x86_Thread_features_locked?, Cpus_allowed, Cpus_allowed_list, Mems_allowed?, Mems_allowed_list?, \
    voluntary_ctxt_switches, nonvoluntary_ctxt_switches";

/// `"%s:\t"`, and what the field's format is.
pub(super) fn status(text: &str) -> Result<()> {
    let mut order = Order::new("self/status", FIELDS);
    for mut line in lines("self/status", text)? {
        let name = line.up_to(":")?;
        order.step(name)?;
        line.literal("\t")?;
        value(&mut line, name)?;
        line.end()?;
    }
    order.finish()
}

fn value(line: &mut Line, name: &str) -> Result<()> {
    match name {
        "State" => {
            let state = line.word()?;
            ensure!(state.len() == 1, "self/status: `{state}` is no state");
            line.literal(" (")?;
            line.up_to(")")?;
        }
        "Umask" => {
            let umask = line.word()?;
            let is_octal = umask.len() == 4 && umask.starts_with('0') && umask.chars().all(|c| c.is_digit(8));
            ensure!(is_octal, "self/status: `{umask}` is no umask");
        }
        "Uid" | "Gid" => {
            line.unsigned(0)?;
            for _ in 0..3 {
                line.literal("\t")?;
                line.unsigned(0)?;
            }
        }
        "NStgid" | "NSpid" | "NSpgid" | "NSsid" => {
            line.unsigned(0)?;
            while line.skips("\t") {
                line.unsigned(0)?;
            }
        }
        "Groups" => {
            // The blank at the end is there even without a group.
            while !line.skips(" ") {
                line.unsigned(0)?;
                if line.skips(" ") && line.is_at_end() {
                    break;
                }
            }
        }
        "SigQ" => {
            line.unsigned(0)?;
            line.literal("/")?;
            line.unsigned(0)?;
        }
        "untag_mask" => {
            line.literal("0x")?;
            line.hex(1)?;
        }
        _ if name.starts_with("Vm") || name.starts_with("Rss") || name == "HugetlbPages" => {
            line.unsigned(8)?;
            line.literal(" kB")?;
        }
        _ if name.starts_with("Sig") || name.starts_with("Shd") || name.starts_with("Cap") => {
            line.hex(16)?;
        }
        _ if name.starts_with("Speculation") || name.starts_with("x86") => drop(line.remainder()),
        "Name" | "Cpus_allowed" | "Cpus_allowed_list" | "Mems_allowed" | "Mems_allowed_list" => {
            let text = line.remainder();
            ensure!(!text.is_empty() && text.trim() == text, "self/status: {name} is `{text}`");
        }
        _ => drop(line.unsigned(0)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::status;

    /// From Linux 6.18.
    const SAMPLE: &str = include_str!("samples/status");

    #[test]
    fn only_linux_text_passes() {
        assert_strict(
            status,
            SAMPLE,
            &[
                ("Name:\t", "Name: "),
                ("Umask:\t0022", "Umask:\t22"),
                ("R (running)", "R"),
                ("Uid:\t0\t0\t0\t0", "Uid:\t0\t0\t0"),
                ("Uid:\t0\t0\t0\t0", "Uid:\t0 0 0 0"),
                ("Groups:\t ", "Groups:\t"),
                ("VmRSS:\t    1744 kB", "VmRSS:\t1744 kB"),
                ("VmRSS:\t    1744 kB", "VmRSS:\t    1744"),
                ("SigBlk:\t0000", "SigBlk:\t000"),
                ("PPid", "ppid"),
                ("Threads:\t1\n", ""),
                ("SigQ:\t0/96365", "SigQ:\t0"),
                ("nonvoluntary_ctxt_switches:\t0\n", ""),
            ],
        );
        let states = SAMPLE.replace("(running)", "");
        assert!(status(&states).is_err());
        assert_every_blank_counts(status, &SAMPLE.replace("always enabled", "off"));
        status(&SAMPLE.replace("Groups:\t ", "Groups:\t4 24 27 ")).unwrap();
        assert!(status(&SAMPLE.replace("Groups:\t ", "Groups:\t4 24 27")).is_err());
        assert!(status("").is_err());
    }

    #[test]
    fn thread_of_the_kernel_has_no_memory() {
        let lines = SAMPLE.lines().filter(|line| !line.starts_with("Vm") && !line.starts_with("Rss"));
        status(&lines.flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
    }
}
