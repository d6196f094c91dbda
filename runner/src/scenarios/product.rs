//! The kernel without its feature `lab`: without self-tests, benchmarks and demonstration bugs.

use std::fs;
use std::path::Path;

use super::{has_all, is_consistent, power_off};
use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Image, Machine};
use crate::scenario::{Judge, Scenario};
use crate::settings::Settings;
use crate::vm::Vm;

const PRODUCT: Machine = Machine { image: Image::Product, ..DEFAULT };

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "product-size",
        about: "the kernel without the lab is smaller",
        judge: Judge::Files(kernel_is_smaller),
    },
    Scenario {
        name: "product-works",
        about: "without the lab it boots, its files are read, its commands work, it switches off",
        judge: Judge::Drive(PRODUCT, works),
    },
    Scenario {
        name: "product-alone",
        about: "without the lab no command makes mistakes, measures or tests",
        judge: Judge::Drive(PRODUCT, has_no_lab),
    },
];

fn bytes(path: &Path) -> Result<u64> {
    let metadata = fs::metadata(path).map_err(Error::host(format!("looking at {}", path.display())))?;
    Ok(metadata.len())
}

fn kernel_is_smaller(settings: &Settings) -> Result<()> {
    let (product, lab) = (bytes(&settings.product_elf())?, bytes(&settings.elf())?);
    ensure!(product < lab, "the kernel without the lab has {product} bytes, with it {lab}");
    Ok(())
}

fn works(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for file in [
        "meminfo",
        "buddyinfo",
        "slabinfo",
        "allocs",
        "allocinfo",
        "kmemleak",
        "guard",
        "last_boot",
        "vmstat",
    ] {
        let text = vm.run(&format!("cat /proc/{file} > /tmp/copy && echo copied"))?;
        ensure!(text.trim_end() == "copied", "/proc/{file} gives `{text}`");
    }
    is_consistent(vm)?;
    // Whatever was allocated since the mark, the report has its first line.
    let leaks = vm.run("leaks mark; leaks since; leaks scan")?;
    has_all(&leaks, &["mark default:", "since default, set "])?;
    let text =
        vm.run("echo one two > /tmp/words && wc /tmp/words && fail && fail nth 1 echo three && guard")?;
    has_all(&text, &["2 ", "/tmp/words", "blocks: ", "pages: ", "three"])?;
    let help = vm.run("help")?;
    has_all(&help, &["cat", "leaks", "memstat", "poweroff"])?;
    power_off(vm)
}

fn has_no_lab(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    for command in ["bug", "bench", "fuzz", "selftest"] {
        let answer = vm.run(command)?;
        ensure!(answer.contains("command not found"), "`{command}` answers `{answer}`");
    }
    let help = vm.run("help")?;
    let names: Vec<&str> = help.split_whitespace().collect();
    for name in ["bug", "bench", "fuzz", "selftest"] {
        ensure!(!names.contains(&name), "help lists {name}:\n{help}");
    }
    let answer = vm.run("leaks drill")?;
    ensure!(answer.contains("no such subcommand"), "`leaks drill` answers `{answer}`");
    for word in ["fill", "drain", "sweep echo"] {
        let answer = vm.run(&format!("fail {word}"))?;
        ensure!(answer.starts_with("fail: "), "`fail {word}` answers `{answer}`");
    }
    let usage = vm.run("help fail")?;
    ensure!(!usage.contains("sweep") && !usage.contains("fill"), "help tells of what is not there:\n{usage}");
    Ok(())
}
