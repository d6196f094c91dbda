//! Anything that may be typed, sensible or not: an answer each, and the prompt again.

use std::time::Duration;

use crate::error::{Error, Result, ensure};
use crate::machine::DEFAULT;
use crate::scenario::{Judge, Scenario};
use crate::text;
use crate::vm::Vm;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "shell-errors",
        about: "a missing file, a directory in place of a file, an unknown command: one clear line each",
        judge: Judge::Drive(DEFAULT, mistakes_get_one_line),
    },
    Scenario {
        name: "shell-options",
        about: "each command explains itself, and refuses options that it does not have",
        judge: Judge::Drive(DEFAULT, options_are_refused),
    },
    Scenario {
        name: "shell-log-lines",
        about: "sixty lines to /dev/kmsg are sixty records",
        judge: Judge::Drive(DEFAULT, lines_to_the_log_are_records),
    },
    Scenario {
        name: "shell-editing",
        about: "backspace, DEL, Ctrl-C, Ctrl-U, and both ends of a line",
        judge: Judge::Drive(DEFAULT, line_editing_works),
    },
    Scenario {
        name: "shell-hostile-input",
        about: "a line of 5,000 characters and 256 random bytes, and the prompt again",
        judge: Judge::Drive(DEFAULT, hostile_input_is_survived),
    },
    Scenario {
        name: "shell-commands",
        about: "each command answers",
        judge: Judge::Drive(DEFAULT, commands_answer),
    },
];

fn mistakes_get_one_line(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let cases = [
        ("cat /nope", "no such file or directory"),
        ("cat /proc", "is a directory"),
        ("ls /proc/meminfo/x", "not a directory"),
        ("cd /proc/meminfo", "not a directory"),
        ("cd /nope", "no such file or directory"),
        ("frobnicate", "frobnicate: command not found; try help"),
        ("memsat", "memsat: command not found; did you mean memstat?"),
        ("ls /proc/*", "'*' is not supported"),
        ("echo $home", "'$home' is not supported"),
        ("pwd 2> x", "'2>' is not supported"),
        ("memstat histroy", "memstat: histroy: no such subcommand; did you mean history?"),
        ("memstat level blokcs", "unknown level 'blokcs'; did you mean blocks?"),
        ("guard chek", "unknown level 'chek'; did you mean check?"),
        ("fail fil", "fail: fil: no such subcommand; did you mean fill?"),
        ("fail evry 2", "fail: evry: no such subcommand; did you mean every?"),
        ("leaks drill plant 1 999", "'999' is not a number of blocks; expected 1000 to 4000000"),
        ("leaks drill one", "'one' is not a seed; expected a whole number"),
        ("bug nope", "no such bug; bug alone lists them"),
        ("bug nul", "no such bug; did you mean null?"),
        ("selftest nope", "no such test; selftest alone runs all"),
        ("bug leak leak", "usage: bug"),
        ("guard sample many", "'many' is not a number"),
        ("memstat level loud", "unknown level 'loud'; expected off, counters, blocks, stacks or full"),
        ("memstat stacks loud", "unknown order 'loud'; expected bytes, blocks, total or rate"),
    ];
    for (line, words) in cases {
        let answer = vm.run(line)?;
        ensure!(answer.to_lowercase().contains(words), "`{line}` answers `{answer}`, not `{words}`");
        ensure!(answer.lines().count() == 1, "`{line}` answers in more than one line:\n{answer}");
    }
    let several = vm.run("cat /nope /proc/version /proc")?;
    ensure!(several.lines().count() == 3, "cat of three files, two of them bad, answers\n{several}");
    Ok(())
}

/// Sixty lines to the log are sixty records of their severity, in whatever way they are written.
fn lines_to_the_log_are_records(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("echo 1 > /proc/sys/kernel/printk")?;
    let line = format!("<11>line with \u{e4} {}", "x".repeat(40));
    let ten = format!("echo '{line}'; ").repeat(10);
    vm.run(&format!(
        "({ten}) > /tmp/ten; cat /tmp/ten /tmp/ten /tmp/ten /tmp/ten /tmp/ten /tmp/ten > /tmp/sixty"
    ))?;
    let count = |vm: &mut Vm| vm.run("cat /dev/kmsg | grep -c '^11,.*;line with .*xxxxxxxxxx$'");
    for (number, command) in
        ["cat /tmp/sixty > /dev/kmsg", "cp /tmp/sixty /dev/kmsg", "tee /dev/kmsg < /tmp/sixty > /dev/null"]
            .into_iter()
            .enumerate()
    {
        let before = vm.run("dmesg | wc -l")?;
        let answer = vm.run(command)?;
        ensure!(answer.is_empty(), "`{command}` answers `{answer}`");
        let wanted = (60 * (number + 1)).to_string();
        let found = count(vm)?;
        ensure!(found == wanted, "after `{command}` the log has {found} records of lines, not {wanted}");
        let after = vm.run("dmesg | wc -l")?;
        let grown = after
            .parse::<usize>()
            .ok()
            .zip(before.parse::<usize>().ok())
            .map(|(after, before)| after - before);
        ensure!(grown == Some(60), "`{command}` makes {grown:?} records of 60 lines");
    }
    ensure!(vm.run("dmesg | grep -c 'line with'")? == "180", "dmesg has other lines");
    Ok(())
}

fn options_are_refused(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let help = vm.run("help")?;
    let (list, _) = help.split_once("\n\n").ok_or_else(|| Error::Wrong(format!("no list in `{help}`")))?;
    let names: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
    ensure!(names.len() > 30, "`help` lists only {names:?}");
    for name in &names {
        let explained = vm.run(&format!("help {name}"))?;
        ensure!(explained.starts_with(name.as_str()), "`help {name}` answers `{explained}`");
        let answer = vm.run(&format!("{name} --help && echo 'and went well'"))?;
        ensure!(answer == format!("{explained}\nand went well"), "`{name} --help` answers `{answer}`");
        // All words are text for it.
        for option in ["-?", "--no-such"].into_iter().filter(|_| name != "echo") {
            let answer = vm.run(&format!("{name} {option} || echo 'and failed'"))?;
            let is_usage = answer.starts_with(&format!("usage: {name}")) && answer.ends_with("\nand failed");
            ensure!(is_usage && answer.lines().count() == 2, "`{name} {option}` answers `{answer}`");
        }
    }
    for line in [
        "poweroff now",
        "reboot -f",
        "free -h",
        "uptime -p",
        "dmesg -c",
        "pwd -x",
        "mount x",
        "clear x",
        "guard check x",
        "guard sample 1 2",
        "memstat summary x",
        "memstat since a b",
        "memstat level off off",
        "leaks scan -v",
        "leaks marks x",
        "fail fill 1",
        "fail drain x",
        "bench pair 1 2 3",
    ] {
        let answer = vm.run(line)?;
        let name = line.split(' ').next().unwrap_or_default();
        ensure!(answer.starts_with(&format!("usage: {name}")), "`{line}` answers `{answer}`");
    }
    Ok(())
}

fn line_editing_works(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let cases: [(&str, &[u8], &str); 5] = [
        ("backspace", b"echo ax\x08b\r", "ab"),
        ("DEL", b"echo ax\x7fb\r", "ab"),
        ("Ctrl-U", b"frobnicate\x15echo new\r", "new"),
        ("a line that ends with \\n", b"echo unix\n", "unix"),
        ("more backspaces than characters", b"xx\x08\x08\x08\x08echo empty\r", "empty"),
    ];
    for (name, bytes, expected) in cases {
        vm.type_bytes(bytes)?;
        let answer = vm.wait_for_prompt(&format!("prompt after {name}"), Duration::from_mins(1))?;
        ensure!(answer == expected, "{name}: got `{answer}`, not `{expected}`");
    }
    vm.type_bytes(b"frobnicate\x03")?;
    vm.expect("new prompt after Ctrl-C", Duration::from_mins(1), |text| {
        text.contains('\n').then(|| text::prompt_folder(text))?.map(drop)
    })?;
    ensure!(vm.run("echo alive")? == "alive", "no answer after Ctrl-C");
    Ok(())
}

fn hostile_input_is_survived(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let long = "x".repeat(5_000);
    vm.run(&long)?;
    ensure!(vm.run("echo alive")? == "alive", "no answer after a line of 5,000 characters");
    vm.run(&format!("cat {}", "/..".repeat(1_500)))?;
    ensure!(vm.run("echo alive")? == "alive", "no answer after a path of 4,500 characters");
    for seed in 1..=4 {
        vm.type_bytes(&random_bytes(seed))?;
        // The bytes may do anything to the line; after Ctrl-C and Ctrl-U it must be empty.
        vm.text_after(Duration::from_millis(500));
        vm.type_bytes(b"\x03\x15\r")?;
        vm.text_after(Duration::from_millis(500));
        let answer = vm.run("echo alive")?;
        ensure!(answer == "alive", "after random bytes (seed {seed}) echo answers `{answer}`");
    }
    Ok(())
}

/// 256 bytes, the same for the same seed (xorshift64, Marsaglia 2003).
fn random_bytes(seed: u64) -> [u8; 256] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [(); 256].map(|()| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}

fn commands_answer(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let help = vm.run("help")?;
    let commands =
        ["help", "ls", "cd", "pwd", "cat", "echo", "clear", "free", "uptime", "dmesg", "reboot", "poweroff"];
    for command in commands {
        ensure!(help.split_whitespace().any(|word| word == command), "help does not name {command}:\n{help}");
    }
    ensure!(vm.run("pwd")? == "/", "the shell does not start in /");
    vm.run("cd proc")?;
    ensure!(vm.run("pwd")? == "/proc", "cd proc does not lead to /proc");
    vm.run("cd ../proc//./..")?;
    ensure!(vm.run("pwd")? == "/", "cd ../proc//./.. does not lead to /");
    for line in ["free", "uptime", "dmesg", "ls", "ls -l /proc"] {
        ensure!(!vm.run(line)?.trim().is_empty(), "`{line}` prints nothing");
    }
    vm.run("clear")?;
    ensure!(vm.run("echo a; echo b")? == "a\nb", "`;` does not separate commands");
    Ok(())
}
