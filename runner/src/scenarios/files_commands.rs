//! Redirection, pipelines and the commands on files: what they print, and that they do not use the heap.

use crate::error::{Result, ensure};
use crate::figures::{Allocs, MemInfo};
use crate::machine::{DEFAULT, Machine};
use crate::scenario::{Judge, Scenario};
use crate::text;
use crate::vm::{COMMAND_LIMIT, Vm};

/// A row of the table below: lines, and what each must print.
const fn says(name: &'static str, about: &'static str, drive: fn(&mut Vm) -> Result<()>) -> Scenario {
    Scenario { name, about, judge: Judge::Drive(DEFAULT, drive) }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    says("shell-redirection", "< > >> | && || ( ) do what POSIX says", redirection_works),
    says("shell-syntax", "a line that cannot be run is refused whole, in one line", half_lines_do_not_run),
    says("shell-text", "head, tail, wc, grep, sort, tee, hexdump on files and pipes", text_commands_answer),
    says("shell-files", "cp, mv, rm, mkdir, rmdir, touch, ln, stat, ls, df, mount", file_commands_answer),
    says("shell-long-lines", "lines longer than every buffer come through whole", long_lines_stay_whole),
    says("shell-diff", "changes in the classic form, 100,000 lines, and files too different", diff_answers),
    says("shell-file-errors", "each error is one line with the file and POSIX's name", errors_name_the_file),
    Scenario {
        name: "shell-no-space",
        about: "a full file system ends the command with one line; EXDEV makes mv copy",
        judge: Judge::Drive(Machine { cmdline: "tmpfs.size=64K", ..DEFAULT }, full_file_system_is_reported),
    },
    Scenario {
        name: "shell-pipe-memory",
        about: "a pipe that outgrows the memory is one line, and all pages come back",
        judge: Judge::Drive(Machine { memory_mib: 64, ..DEFAULT }, full_pipe_is_reported),
    },
    says("shell-interrupt", "Ctrl-C ends a whole line, redirected or not", control_c_ends_the_line),
    says("leak-diff", "two reports of allocs differ by the leaked blocks alone", leak_is_found),
    says("shell-heap", "none of the commands changes the heap", heap_is_left_alone),
];

/// Types each line and compares its answer with the expected one.
fn expect(vm: &mut Vm, cases: &[(&str, &str)]) -> Result<()> {
    for (line, expected) in cases {
        let answer = vm.run(line)?;
        ensure!(answer == *expected, "`{line}` answers\n{answer}\ninstead of\n{expected}");
    }
    Ok(())
}

fn redirection_works(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    expect(
        vm,
        &[
            ("echo one > /tmp/a", ""),
            ("echo two >> /tmp/a; cat /tmp/a", "one\ntwo"),
            ("cat < /tmp/a", "one\ntwo"),
            ("echo three >/tmp/a; cat /tmp/a", "three"),
            ("> /tmp/empty; wc -c < /tmp/empty", "0"),
            ("echo -n x > /tmp/a; echo y >> /tmp/a; cat /tmp/a", "xy"),
            ("echo a > /tmp/x > /tmp/y; cat /tmp/x /tmp/y", "a"),
            ("echo b a | cat | cat", "b a"),
            ("(echo one; echo two) | tail -n 1", "two"),
            ("(cd /tmp; pwd; echo x | cat) > /tmp/g; pwd; cat /tmp/g", "/\n/tmp\nx"),
            ("echo a && echo b || echo c", "a\nb"),
            ("cat /nope > /tmp/err || echo failed", "cat: /nope: no such file or directory (ENOENT)\nfailed"),
            ("wc -c < /tmp/err", "0"),
            ("rm /nope || echo a && echo b", "rm: /nope: no such file or directory (ENOENT)\na\nb"),
            ("(head -n 1; cat) < /proc/version | wc -l", "1"),
            ("echo '>' \"|\" \\;", "> | ;"),
            ("ls /tmp | head -n 2", "a\nempty"),
        ],
    )
}

fn half_lines_do_not_run(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    expect(
        vm,
        &[
            ("echo a; echo b |", "shell: no command after '|'"),
            ("echo a > /tmp/made; (echo b", "shell: '(' is not closed"),
            ("cat /tmp/made", "cat: /tmp/made: no such file or directory (ENOENT)"),
            ("echo a &", "shell: '&' is not supported; quote it to use it literally"),
            (
                "echo a 2> /tmp/made",
                "shell: '2>' is not supported; put a space after the number to use it as a word",
            ),
            ("echo a >", "shell: no file name after '>'"),
            ("echo a; | cat", "shell: no command before '|'"),
            ("cat << end", "shell: '<<' is not supported; quote it to use it literally"),
            ("echo a )", "shell: ')' without '('"),
            ("((((( echo a )))))", "shell: groups nested more than 4 deep"),
            ("(((( echo deep ))))", "deep"),
            ("cat", "cat: nothing to read: name a file, or use < or |"),
            ("head -x", "usage: head [-n LINES] [FILE...]"),
            ("cp /tmp/a", "usage: cp [-rR] FROM... TO"),
            ("ln /tmp/a /tmp/b", "usage: ln -s [-f] TARGET [LINK]"),
        ],
    )?;
    let help = vm.run("help")?;
    ensure!(help.lines().count() < 24, "help does not fit on a screen of 25 lines:\n{help}");
    ensure!(help.lines().all(|line| line.len() <= 80), "help has a line that is too long:\n{help}");
    Ok(())
}

fn text_commands_answer(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("(echo delta 4; echo alpha 10; echo Beta 9; echo alpha 10; echo gamma -1) > /tmp/t")?;
    expect(
        vm,
        &[
            ("head -n 2 /tmp/t", "delta 4\nalpha 10"),
            ("head -1 < /tmp/t", "delta 4"),
            ("tail -n 2 /tmp/t", "alpha 10\ngamma -1"),
            ("cat /tmp/t | tail -1", "gamma -1"),
            ("(echo a; echo -n b) | tail -n 1; echo", "b"),
            ("head -n 1 /tmp/t /tmp/t", "==> /tmp/t <==\ndelta 4\n\n==> /tmp/t <==\ndelta 4"),
            ("wc /tmp/t", "      5      10      42 /tmp/t"),
            ("wc -l < /tmp/t", "5"),
            ("wc -w /tmp/t /tmp/t", "10 /tmp/t\n10 /tmp/t\n20 total"),
            ("grep alpha /tmp/t", "alpha 10\nalpha 10"),
            ("grep -vc alpha /tmp/t", "3"),
            ("grep -n -i BETA /tmp/t", "3:Beta 9"),
            ("grep '^.e.*a' /tmp/t", "delta 4\nBeta 9"),
            ("grep '1$' /tmp/t", "gamma -1"),
            ("cat /tmp/t | grep -F '.' || echo none", "none"),
            ("grep '[a]' /tmp/t", "grep: [a]: '[' is not supported in a pattern; \\[ is the character"),
            ("sort /tmp/t", "Beta 9\nalpha 10\nalpha 10\ndelta 4\ngamma -1"),
            ("sort -u -r /tmp/t", "gamma -1\ndelta 4\nalpha 10\nBeta 9"),
            ("sort -n -k 2 /tmp/t | head -n 2", "gamma -1\ndelta 4"),
            ("echo x | tee /tmp/p /tmp/q | wc -c; cat /tmp/p /tmp/q", "2\nx\nx"),
            ("echo y | tee -a /tmp/p; cat /tmp/p", "y\nx\ny"),
            (
                "echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | hexdump",
                "00000000  78 78 78 78 78 78 78 78  78 78 78 78 78 78 78 78  |xxxxxxxxxxxxxxxx|\n*\n\
                 00000030  78 78 0a                                          |xx.|\n00000033",
            ),
            (
                "echo 'Hello, world!' | hexdump -C",
                "00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 0a        |Hello, world!.|\n0000000e",
            ),
        ],
    )?;
    let head = vm.run("cat /proc/meminfo | grep '^Mem' | head -n 1")?;
    ensure!(head.starts_with("MemTotal:") && head.lines().count() == 1, "a pipe of three answers {head}");
    Ok(())
}

fn file_commands_answer(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    expect(
        vm,
        &[
            ("mkdir -p /tmp/d/e/f; mkdir -p /tmp/d/e; ls /tmp/d", "e"),
            ("echo text > /tmp/d/a; cp /tmp/d/a /tmp/d/e; cat /tmp/d/e/a", "text"),
            ("ln -s ../a /tmp/d/e/link; cat /tmp/d/e/link", "text"),
            ("cp -r /tmp/d /tmp/copy; cat /tmp/copy/e/link; ls /tmp/copy/e", "text\na\nf\nlink"),
            ("mv /tmp/copy/a /tmp/copy/e/f; cat /tmp/copy/e/f/a", "text"),
            // The tree moves to another file system, with its links.
            ("mv /tmp/copy /moved; ls /tmp; ls /moved/e; cat /moved/e/f/a", "d\na\nf\nlink\ntext"),
            ("mv /moved/e/a /tmp/there; cat /tmp/there; ls /moved/e", "text\nf\nlink"),
            ("touch /tmp/t; wc -c /tmp/t; rm /tmp/t; ls /tmp", "0 /tmp/t\nd\nthere"),
            ("rm -r /moved; ls / | grep -c moved", "0"),
            ("rm -f /tmp/nope; rm -rf /tmp/d; rmdir /tmp/d || echo gone", NO_D),
            ("mkdir /tmp/d; rmdir /tmp/d; ls /tmp", "there"),
            ("((((mkdir -p /tmp/k/l; cp -r /tmp/k /m; mv /m /tmp/k; rm -r /tmp/k; echo deep))))", "deep"),
            ("touch /tmp/.dot; ls /tmp; ls -a /tmp", "there\n.\n..\n.dot\nthere"),
        ],
    )?;
    for (line, words) in [
        ("ls -l /tmp", &["-rw-r--r--   1 0 0          5 ", " there"][..]),
        ("ln -s /proc/version /tmp/v; ls -l /tmp/v", &["lrw", " /tmp/v -> /proc/version"]),
        (
            "stat /tmp/there",
            &["  File: /tmp/there\n", "  Size: 5 ", "regular file", "0644/-rw-r--r--", "UTC"],
        ),
        ("stat /tmp/v", &["/tmp/v -> /proc/version", "symbolic link"]),
        ("df", &["1K-blocks", "% /tmp"]),
        ("df /tmp/there", &["% /tmp"]),
        ("mount", &[" on / type tmpfs (rw)", "proc on /proc type proc (rw)"]),
    ] {
        let answer = vm.run(line)?;
        for word in words {
            ensure!(answer.contains(word), "`{line}` answers without `{word}`:\n{answer}");
        }
    }
    Ok(())
}

const NO_D: &str = "rmdir: /tmp/d: no such file or directory (ENOENT)\ngone";

fn long_lines_stay_whole(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run(&format!("echo -n {} > /tmp/l", "x".repeat(900)))?;
    // 14,400 bytes without a newline.
    for _ in 0..4 {
        vm.run("(cat /tmp/l; cat /tmp/l) > /tmp/m; mv /tmp/m /tmp/l")?;
    }
    expect(
        vm,
        &[
            ("echo end >> /tmp/l; echo other >> /tmp/l; wc -l -c < /tmp/l", "      2   14410"),
            ("grep -c 'x*end$' /tmp/l", "1"),
            ("grep end /tmp/l | wc -c", "14404"),
            ("tail -n 2 /tmp/l | wc -c; head -n 1 /tmp/l | wc -c", "14410\n14404"),
            ("sort /tmp/l | head -n 1", "other"),
            ("cp /tmp/l /tmp/n; echo more >> /tmp/n; diff /tmp/l /tmp/n", "2a3\n> more"),
            ("grep other /tmp/n > /tmp/o; diff /tmp/o /tmp/l | wc -c", "14410"),
        ],
    )
}

fn diff_answers(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("(echo 1; echo 2; echo 3; echo 4) > /tmp/a; (echo 0; echo 1; echo 2; echo x; echo 4) > /tmp/b")?;
    expect(
        vm,
        &[
            ("diff /tmp/a /tmp/a && echo same", "same"),
            ("diff /tmp/a /tmp/b || echo differ", "0a1\n> 0\n3c4\n< 3\n---\n> x\ndiffer"),
            ("echo -n 4 > /tmp/c; echo 4 | diff /tmp/c /tmp/a | head -n 4", DIFF_AT_END),
        ],
    )?;
    // 131,072 lines, made by doubling; then a line less in the middle, and one more at the end.
    vm.run("(echo one; echo two; echo three; echo four) > /tmp/l")?;
    for _ in 0..15 {
        vm.run("(cat /tmp/l; cat /tmp/l) > /tmp/m; mv /tmp/m /tmp/l")?;
    }
    expect(
        vm,
        &[
            ("wc -l /tmp/l", "131072 /tmp/l"),
            ("(head -n 60000 /tmp/l; echo new; tail -n 71071 /tmp/l; echo last) > /tmp/m", ""),
            ("diff /tmp/l /tmp/m", "60001c60001\n< one\n---\n> new\n131072a131073\n> last"),
            ("head -n 20000 /tmp/l | sort -u | wc -l", "4"),
            (
                "head -n 8000 /tmp/l > /tmp/a; head -n 8000 /tmp/l | grep -n . > /tmp/b; diff /tmp/a /tmp/b",
                TOO_DIFFERENT,
            ),
        ],
    )
}

const TOO_DIFFERENT: &str = "diff: /tmp/a and /tmp/b: the files differ in more than 10000 lines";
const DIFF_AT_END: &str = "1c1,4\n< 4\n\\ No newline at end of file\n---";

fn errors_name_the_file(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("touch /tmp/f; mkdir /tmp/d; touch /tmp/d/x; ln -s loop /tmp/loop")?;
    expect(
        vm,
        &[
            ("echo x > /proc/meminfo", "shell: /proc/meminfo: permission denied (EACCES)"),
            ("echo x > /tmp", "shell: /tmp: is a directory (EISDIR)"),
            ("echo x > /tmp/f/g", "shell: /tmp/f/g: not a directory (ENOTDIR)"),
            ("cat < /nope", "shell: /nope: no such file or directory (ENOENT)"),
            ("cat /tmp/loop", "cat: /tmp/loop: too many symbolic links (ELOOP)"),
            ("rm /tmp/d", "rm: /tmp/d: is a directory (EISDIR)"),
            ("rmdir /tmp/d", "rmdir: /tmp/d: directory not empty (ENOTEMPTY)"),
            ("rmdir /tmp/f", "rmdir: /tmp/f: not a directory (ENOTDIR)"),
            ("mkdir /tmp/d", "mkdir: /tmp/d: exists already (EEXIST)"),
            ("mkdir -p /tmp/f/g", "mkdir: /tmp/f/g: not a directory (ENOTDIR)"),
            ("rm /proc/meminfo", "rm: /proc/meminfo: permission denied (EACCES)"),
            ("rm -r / /tmp/..", "rm: /: in use (EBUSY)\nrm: /tmp/..: in use (EBUSY)"),
            ("cp /tmp/f /tmp/f", "cp: /tmp/f and /tmp/f are the same file"),
            ("cp /tmp/d /tmp/e", "cp: /tmp/d: is a directory (EISDIR)"),
            ("cp -r /tmp/d /tmp/d", "cp: /tmp/d: invalid argument (EINVAL)"),
            ("cp /tmp/f /tmp/nope/x", "cp: /tmp/nope/x: no such file or directory (ENOENT)"),
            ("cp /tmp/f /tmp/loop /tmp/f", "cp: /tmp/f: not a directory (ENOTDIR)"),
            ("mv /tmp/d /tmp/d/e", "mv: /tmp/d: invalid argument (EINVAL)"),
            ("mv /tmp /t", "mv: /tmp: in use (EBUSY)"),
            ("stat /tmp/nope", "stat: /tmp/nope: no such file or directory (ENOENT)"),
            ("diff /tmp/f /tmp/nope", "diff: /tmp/nope: no such file or directory (ENOENT)"),
            ("cat /tmp/d | wc -c", "cat: /tmp/d: is a directory (EISDIR)\n0"),
            ("ln -s x /tmp/f", "ln: /tmp/f: exists already (EEXIST)"),
        ],
    )
}

fn full_file_system_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("(echo 1; echo 2; echo 3; echo 4) > /big")?;
    for _ in 0..12 {
        vm.run("(cat /big; cat /big) > /big2; mv /big2 /big")?;
    }
    expect(
        vm,
        &[
            ("wc -c /big", "32768 /big"),
            ("cat /big /big > /tmp/a", "shell: /tmp/a: no space left on device (ENOSPC)"),
            ("cp /big /tmp/a; wc -c /tmp/a", "32768 /tmp/a"),
            ("cp /big /tmp/b", "cp: /tmp/b: no space left on device (ENOSPC)"),
            ("cat /big | tee /tmp/b | wc -c", "tee: /tmp/b: no space left on device (ENOSPC)\n32768"),
            ("mv /big /tmp/b", "mv: /tmp/b: no space left on device (ENOSPC)"),
            // What could not be moved is still there.
            ("wc -c /big; rm /tmp/b; ls /tmp", "32768 /big\na"),
            (
                "head -n 100 /big > /small; mv /small /tmp; wc -l /tmp/small; ls / | grep small",
                "100 /tmp/small",
            ),
        ],
    )
}

fn full_pipe_is_reported(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("(echo 1; echo 2; echo 3; echo 4) > /tmp/big")?;
    // 16 MiB in a file; three times as much does not fit into a pipe as well.
    for _ in 0..21 {
        vm.run("(cat /tmp/big; cat /tmp/big) > /tmp/m; mv /tmp/m /tmp/big")?;
    }
    let free = |vm: &mut Vm| MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.free_kibibytes();
    let before = free(vm)?;
    expect(
        vm,
        &[(
            "(cat /tmp/big; cat /tmp/big; cat /tmp/big; cat /tmp/big) | wc -c",
            "shell: pipe: out of memory (ENOMEM)",
        )],
    )?;
    let after = free(vm)?;
    ensure!(before == after, "a full pipe left pages behind: {before}, then {after}");
    Ok(())
}

fn control_c_ends_the_line(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("(echo 1; echo 2; echo 3; echo 4) > /tmp/big")?;
    for _ in 0..18 {
        vm.run("(cat /tmp/big; cat /tmp/big) > /tmp/m; mv /tmp/m /tmp/big")?;
    }
    // Two megabytes take minutes on the serial line.
    vm.enter("(cat /tmp/big; echo second) | cat; echo third")?;
    vm.expect("output to begin", COMMAND_LIMIT, |text| text.contains("1\n2\n3\n").then_some(()))?;
    vm.type_bytes(b"\x03")?;
    let rest = vm.expect("prompt after Ctrl-C", COMMAND_LIMIT, |text| {
        let (output, _) = text.split_once("^C\n")?;
        text::prompt_folder(text)?;
        Some(output.to_owned())
    })?;
    ensure!(!rest.contains("second") && !rest.contains("third"), "the line went on after Ctrl-C");
    expect(vm, &[("echo alive", "alive"), ("wc -c /tmp/big", "2097152 /tmp/big")])
}

fn leak_is_found(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let answer =
        vm.run("cat /proc/allocs > /tmp/a; bug leak; cat /proc/allocs > /tmp/b; diff /tmp/a /tmp/b")?;
    let added: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    let taken: Vec<&str> = answer.lines().filter_map(|line| line.strip_prefix("< ")).collect();
    // The summary counts the blocks, so it is on both sides.
    ensure!(taken.len() == 1 && taken.iter().all(|line| line.contains("live blocks")), "{answer}");
    let leaked: Vec<&&str> =
        added.iter().filter(|line| line.contains("packets::Loopback>::send+0x")).collect();
    ensure!(leaked.len() == 3 && added.len() == 4, "not three leaked blocks and a summary:\n{answer}");
    for (line, bytes) in leaked.iter().zip(1..) {
        let size = line.split_whitespace().nth(1).and_then(|size| size.parse::<u64>().ok());
        ensure!(
            size.is_some_and(|size| (70..=112).contains(&size)),
            "block {bytes} of {size:?} bytes: {line}"
        );
    }
    Ok(())
}

fn heap_is_left_alone(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let before = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    let free_pages = |vm: &mut Vm| MemInfo::parse(&vm.read_file("/proc/meminfo")?)?.free_kibibytes();
    let free = free_pages(vm)?;
    for line in [
        "cat /proc/allocs > /tmp/a; cat /proc/allocs | tee /tmp/b | sort | head -n 3",
        "diff /tmp/a /tmp/b; diff /tmp/a /proc/meminfo | tail -n 2",
        "grep -i kernel /proc/iomem; wc /tmp/a; hexdump /tmp/a | head -n 4",
        "mkdir -p /tmp/x/y; cp -r /tmp/x /tmp/z; cp -r /tmp/x /z; mv /z /tmp/w; touch /tmp/t",
        "ln -s /tmp/a /tmp/l; ls -la /tmp /proc; stat /tmp/l; df; mount",
        "cat /tmp/nope; cat /tmp/a > /tmp/x; echo a |; memstat summary > /tmp/s",
        "rm -r /tmp/x /tmp/z /tmp/w; rm /tmp/a /tmp/b /tmp/l /tmp/t /tmp/s",
    ] {
        vm.run(line)?;
    }
    let after = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    ensure!(before == after, "the commands changed the heap:\n{before:?}\n{after:?}");
    ensure!(vm.run("ls /tmp")?.is_empty(), "something is left in /tmp");
    let free_after = free_pages(vm)?;
    ensure!(free == free_after, "the commands kept pages: {free} kB free, then {free_after}");
    Ok(())
}
