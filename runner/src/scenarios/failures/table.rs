//! What each command of the shell is given where its allocations fail, and what is left out, with the reason.
//!
//! A command that has no row fails the scenarios: `help` says which there are.

/// A command, and lines that use it.
pub(super) struct Row {
    pub(super) command: &'static str,
    pub(super) lines: &'static [&'static str],
}

/// What a command is not tried with, and why.
pub(super) struct Exception {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
}

const fn row(command: &'static str, lines: &'static [&'static str]) -> Row {
    Row { command, lines }
}

/// Makes what the lines work with, whatever was there: a file of three lines, a directory with a file in it, a link.
pub(super) const SET_UP: &str = "rm -rf /tmp/s; mkdir -p /tmp/s/d; (echo c; echo a; echo b) > /tmp/s/f; \
                                 echo d > /tmp/s/d/g; ln -s f /tmp/s/l";

/// The commands, in the order of their names.
pub(super) const TABLE: &[Row] = &[
    row(
        "allocs",
        &["allocs", "allocs -g function -k blocks; allocs -p -g size > /tmp/s/new", "allocs -f nowhere -s x"],
    ),
    row("bench", &["bench pair", "bench bulk 100", "bench frames 20", "bench worst 50 50", "bench list 50"]),
    // Its bugs are tried one by one.
    row("bug", &["bug", "bug nonsense"]),
    row(
        "cat",
        &[
            "cat /tmp/s/f /proc/allocs /proc/slabinfo",
            "cat < /tmp/s/l > /tmp/s/new",
            "cat /proc/kmsg | cat | cat",
        ],
    ),
    row("cd", &["cd /tmp/s/d; cd .. && pwd; cd /"]),
    row("clear", &["clear"]),
    row("cp", &["cp /tmp/s/f /tmp/s/new", "cp -r /tmp/s/d /tmp/s/e", "cp /proc/meminfo /tmp/s/f /tmp/s/d"]),
    row("df", &["df", "df /tmp | tail -n 1 > /tmp/s/new"]),
    row("diff", &["diff /tmp/s/f /tmp/s/d/g", "sort /tmp/s/f | diff - /tmp/s/f > /tmp/s/new"]),
    row("dmesg", &["dmesg", "dmesg | wc >> /tmp/s/f"]),
    row(
        "echo",
        &["echo a b > /tmp/s/new", "echo -n a | cat >> /tmp/s/f", "echo mark a > /proc/memstat_control"],
    ),
    row("exit", &["exit"]),
    row("export", &["export | wc > /tmp/s/new", "export -b /tmp/s/new"]),
    row("fail", &["fail", "fail off", "fail site nowhere", "fail nth 1 pwd"]),
    row("free", &["free", "free | head -n 1 > /tmp/s/new"]),
    row("fuzz", &["fuzz 200 3"]),
    row("grep", &["grep Mem /proc/meminfo", "grep -v a < /tmp/s/f | grep -c b > /tmp/s/new"]),
    row("guard", &["guard", "guard stats", "guard check", "guard full; guard check; guard off"]),
    row("head", &["head -n 2 /tmp/s/f /proc/stat", "cat /tmp/s/f | head -n 1 > /tmp/s/new"]),
    row("help", &["help", "help cat | wc > /tmp/s/new"]),
    row("hexdump", &["hexdump -C /tmp/s/f", "hexdump < /proc/version > /tmp/s/new"]),
    row("kfree", &["kfree all", "kfree 0 12 nonsense"]),
    row("kmalloc", &["kmalloc 100 3; kfree all", "kmalloc 64K > /tmp/s/new; kfree all"]),
    row("krealloc", &["krealloc 0 100; kfree all", "krealloc 12 100"]),
    row("kzalloc", &["kzalloc 5000 2; kfree all"]),
    row(
        "leaks",
        &[
            "leaks",
            "leaks mark sweep; leaks since sweep; leaks diff sweep sweep",
            "leaks mark; leaks marks > /tmp/s/new",
            "leaks scan; echo clear > /proc/kmemleak",
            "leaks drill 1 1000",
            "leaks drill pages 1 1000",
            "leaks watch -n 1 -c 1",
        ],
    ),
    row("ln", &["ln -s d /tmp/s/new"]),
    row("ls", &["ls /tmp/s", "ls -la / /proc /tmp/s > /tmp/s/new", "ls /proc | wc"]),
    row("man", &["man", "man cat | wc > /tmp/s/new"]),
    row(
        "memstat",
        &[
            "memstat",
            "memstat summary; memstat stacks; memstat stacks rate; memstat histogram; memstat history",
            "memstat mark sweep; memstat since sweep > /tmp/s/new; memstat pages",
            "memstat level full; memstat level blocks; memstat reset-peaks; memstat level stacks",
        ],
    ),
    row("mkdir", &["mkdir /tmp/s/new /tmp/s/other", "mkdir -p /tmp/s/1/2/3/4/5"]),
    row("mount", &["mount", "mount | wc > /tmp/s/new"]),
    row("mv", &["mv /tmp/s/f /tmp/s/new", "mv /tmp/s/d /tmp/s/f /; rm -rf /d /f"]),
    row("pwd", &["pwd", "pwd > /tmp/s/new"]),
    row("refs", &["refs 12 > /tmp/s/new", "refs ffff80000ff06000; refs nonsense"]),
    row("retained", &["retained > /tmp/s/new", "retained -n 0"]),
    row("rm", &["rm /tmp/s/f", "rm -rf /tmp/s"]),
    row("rmdir", &["rm /tmp/s/d/g; rmdir /tmp/s/d"]),
    // The others are tried one by one.
    row("selftest", &["selftest breakpoint_returns"]),
    row("sort", &["sort -r /tmp/s/f", "cat /proc/vmstat | sort -n -k 2 > /tmp/s/new"]),
    row("stat", &["stat /tmp/s/f /tmp/s/l /proc", "stat / > /tmp/s/new"]),
    row("tail", &["tail -n 2 /tmp/s/f", "cat /proc/meminfo | tail > /tmp/s/new"]),
    row("tee", &["tee /tmp/s/1 /tmp/s/2 < /tmp/s/f", "cat /proc/stat | tee -a /tmp/s/f | wc"]),
    row("touch", &["touch /tmp/s/new /tmp/s/f"]),
    row("uptime", &["uptime", "uptime > /tmp/s/new"]),
    row("wc", &["wc /tmp/s/f /proc/allocs", "ls / | wc -l > /tmp/s/new"]),
    row(
        "whatis",
        &["whatis ffff80000ff06000 12 > /tmp/s/new", "whatis HEAP tally_main+0x1; whatis nonsense"],
    ),
    row("why", &["why ffff80000ff06000", "why 12 > /tmp/s/new"]),
];

/// Commands that are left out.
pub(super) const EXCEPTED: &[Exception] = &[
    Exception { name: "poweroff", reason: "it ends the machine" },
    Exception { name: "reboot", reason: "it ends the machine" },
];

/// Bugs that are left out. All others that `bug` lists are tried.
pub(super) const EXCEPTED_BUGS: &[Exception] = &[
    Exception { name: "page-fault", reason: "it stops" },
    Exception { name: "null", reason: "it stops" },
    Exception { name: "stack-overflow", reason: "it stops" },
    Exception { name: "panic", reason: "it stops" },
    Exception { name: "double-panic", reason: "it stops" },
    Exception { name: "locked-panic", reason: "it stops" },
    Exception { name: "interrupt-panic", reason: "it stops" },
    Exception { name: "lock-twice", reason: "it stops" },
    Exception { name: "deadlock", reason: "the free that is refused leaves its block" },
    Exception { name: "leak", reason: "it loses memory, as it is meant to" },
    Exception { name: "leak-pages", reason: "it loses pages, as it is meant to" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_use_their_command() {
        assert!(TABLE.is_sorted_by(|before, after| before.command < after.command));
        for Row { command, lines } in TABLE {
            assert!(!lines.is_empty(), "{command}");
            for line in *lines {
                let is_used = line.split([' ', ';', '|']).any(|word| word == *command);
                assert!(is_used && !line.contains('\''), "{command}: {line}");
            }
        }
        assert!(EXCEPTED.iter().chain(EXCEPTED_BUGS).all(|exception| !exception.reason.is_empty()));
    }
}
