//! `export`: the dump that Tally writes is read back, and has the figures of /proc to the byte.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use memstat_report::dump::{Dump, State, read};
use memstat_report::output::Form;
use memstat_report::output::table::{Table, write_table};
use memstat_report::profile::{Profile, Selection, Value, Values};

use super::sources::PACKETS;
use super::{is_consistent, with_words};
use crate::error::{Error, Result, ensure};
use crate::figures::{Allocs, PagesFile};
use crate::machine::{DEFAULT, Firmware, Machine};
use crate::profile::{profiled, write_reports};
use crate::scenario::{Judge, Scenario};
use crate::vm::{COMMAND_LIMIT, DATA, VIRTIO, Vm};

pub(crate) const SCENARIOS: &[Scenario] = &[
    with_words("export", "a dump has the figures of /proc to the byte, and names a leak", "", dump_is_right),
    with_words(
        "export-full",
        "the same with each event, at full with guards",
        "memstat=full guard=full",
        dump_is_right,
    ),
    Scenario {
        name: "export-profile",
        about: "what `make profile` writes: the leak is first in the difference, in each form",
        judge: Judge::Drive(Machine { has_data_line: true, ..DEFAULT }, leak_is_first_in_each_form),
    },
    Scenario {
        name: "export-virtio",
        about: "a dump over the virtio console is that of the second serial line, and its pages are accounted for",
        judge: Judge::Drive(VIRTIO_MACHINE, dumps_over_both_lines_agree),
    },
    Scenario {
        name: "export-virtio-uefi",
        about: "the same on a q35 board, with UEFI",
        judge: Judge::Drive(
            Machine { firmware: Firmware::Uefi, board: "q35", ..VIRTIO_MACHINE },
            dumps_over_both_lines_agree,
        ),
    },
    with_words("export-repeated", "dumps come every second until Ctrl-C", "", dumps_are_repeated),
];

const VIRTIO_MACHINE: Machine = Machine { has_data_line: true, has_virtio_console: true, ..DEFAULT };

/// What `bug leak` leaks each time: see the kernel's `packets.rs`.
const LEAK: (i64, i64) = (276, 3);

/// The line that allocates them.
const LEAKING: &str = "kmalloc(bytes.len())";

/// The one dump in a text.
fn one(text: &str) -> Result<Dump> {
    let mut dumps = read(text.as_bytes()).map_err(|error| Error::Wrong(error.to_string()))?;
    ensure!(dumps.len() == 1, "{} dumps in:\n{text}", dumps.len());
    let dump = dumps.remove(0);
    ensure!(dump.state == State::Whole, "the dump is {}: {:?}", dump.state, dump.problems);
    Ok(dump)
}

fn profile(dump: &Dump, selection: &Selection) -> Result<Profile> {
    Profile::new(dump, None, selection).map_err(|error| Error::Wrong(error.to_string()))
}

fn dump_is_right(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.run("leaks mark here")?;
    vm.run("bug leak")?;
    let dump = one(&vm.run("export -b")?)?;
    let allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    has_sums(&dump, &allocs)?;
    let blocks: BTreeSet<_> = dump.blocks.iter().map(|block| (block.address, block.size_bytes)).collect();
    for row in &allocs.rows {
        let mut columns = row.split_whitespace();
        let address = columns.next().and_then(|column| u64::from_str_radix(column, 16).ok());
        let block = address.zip(columns.next().and_then(|column| column.parse().ok()));
        ensure!(block.is_some_and(|block| blocks.contains(&block)), "the dump has no block `{row}`");
    }
    ensure!(blocks.len() as u64 == allocs.blocks, "{} blocks in the dump", blocks.len());
    ensure!(dump.events.is_empty() == (dump.level != "full"), "{} events", dump.events.len());
    has_totals(&dump, &vm.run("cat /proc/memstat")?)?;
    files_are_read(vm, &dump)?;

    let since = Selection { since: Some("here".into()), ..Selection::default() };
    let leaked = profile(&dump, &since)?;
    let Values { live_bytes, live_blocks, .. } = leaked.sum();
    ensure!((live_bytes, live_blocks) == LEAK, "since the mark: {live_bytes} bytes in {live_blocks} blocks");
    let mut table = String::new();
    write_table(Table::Stacks, &dump, &leaked, Value::LiveBytes, 1, &mut table)
        .map_err(|error| Error::Wrong(error.to_string()))?;
    ensure!(table.contains(&format!(" at {}", PACKETS.place())), "the leak is not named in:\n{table}");

    vm.run("export /tmp/dump")?;
    let by_stack = one(&vm.read_file("/tmp/dump")?)?;
    has_sums(&by_stack, &Allocs::parse(&vm.run("cat /proc/allocs")?)?)?;
    ensure!(by_stack.blocks.is_empty(), "there are blocks although -b was not given");
    let failed = vm.run("export /none/dump")?;
    ensure!(failed.contains("export: /none/dump: no such file or directory"), "it says: {failed}");
    is_consistent(vm)
}

fn leak_is_first_in_each_form(vm: &mut Vm) -> Result<()> {
    let (pair, _) = profiled(vm, "bug leak", &vm.log_file(DATA))?;
    let [before, after] = &pair;
    let Values { live_bytes, live_blocks, .. } = after.1.since(&before.1).sum();
    ensure!((live_bytes, live_blocks) == LEAK, "grown by {live_bytes} bytes in {live_blocks} blocks");
    let folder = vm.log_file("reports");
    std::fs::create_dir_all(&folder).map_err(Error::host(format!("making {}", folder.display())))?;
    let paths = write_reports(&folder, &pair)?;
    ensure!(paths.len() == 2 * Form::ALL.len(), "{} reports", paths.len());
    let read = |form: Form| {
        let path = folder.join(format!("diff.{}", form.extension()));
        std::fs::read(&path).map_err(Error::host(format!("reading {}", path.display())))
    };
    let table = String::from_utf8_lossy(&read(Form::Table)?).into_owned();
    PACKETS.expect(&table, "Loopback>::send", LEAKING)?;
    let row = first_place(Form::Table, &table).unwrap_or_default();
    let place = row.split_once(&PACKETS.place()).map(|(_, line)| PACKETS.place() + line);
    let place = place.ok_or_else(|| Error::Wrong(format!("first in the table is `{row}`")))?;
    for form in Form::ALL {
        // What pprof makes of its form is tested in the crate of memstat-report, by pprof.
        if form != Form::Pprof {
            let text = String::from_utf8_lossy(&read(form)?).into_owned();
            let first = first_place(form, &text).unwrap_or_default();
            ensure!(first.ends_with(&place), "first in {} is `{first}`", form.name());
        }
    }
    is_consistent(vm)
}

/// The place that a reader sees first: the innermost frame of what grew most.
fn first_place(form: Form, text: &str) -> Option<String> {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let of = |frame: &serde_json::Value| Some(format!("{}:{}", frame["file"].as_str()?, frame["line"]));
    match form {
        Form::Table => text.lines().nth(2).map(Into::into),
        Form::Folded => Some(text.lines().next()?.rsplitn(3, ' ').last()?.into()),
        // `NAME (N bytes, P%; +G%)`: the place, whose name has a line, that grew most.
        Form::Flame | Form::Icicle => {
            let titles = text.split("<title>").filter_map(|part| part.split_once("</title>"));
            let places = titles.filter_map(|(title, _)| {
                let (name, figures) = title.rsplit_once(" (")?;
                let growth = figures.rsplit_once("; +")?.1.trim_end_matches("%)").parse::<f64>().ok()?;
                name.contains(".rs:").then(|| (name.to_owned(), growth))
            });
            places.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(name, _)| name)
        }
        Form::Speedscope => {
            let json = json(text)?;
            let frame = json["profiles"][0]["samples"][0].as_array()?.last()?.as_u64()?;
            of(&json["shared"]["frames"][frame as usize])
        }
        Form::Dhat => {
            let json = json(text)?;
            let frame = json["pps"][0]["fs"][0].as_u64()?;
            Some(json["ftbl"][frame as usize].as_str()?.trim_end_matches(')').into())
        }
        Form::Html => {
            let (_, rest) = text.split_once("id=\"data\">")?;
            let json = json(rest.split_once("</script>")?.0)?;
            let place = json["stacks"][0][1][0].as_u64()?;
            Some(json["places"][place as usize][0][1].as_str()?.into())
        }
        Form::Pprof => None,
    }
}

/// The same dump over both lines; and many pages over the faster one, which has to use its queue again and again.
fn dumps_over_both_lines_agree(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    let listed = vm.run("ls /dev")?;
    ensure!(listed.split_whitespace().any(|name| name == "hvc0"), "there is no hvc0 in:\n{listed}");
    let info = vm.run("grep DriverPages /proc/meminfo")?;
    ensure!(info.ends_with(" 24 kB"), "the console has six pages, but:\n{info}");
    is_consistent(vm)?;
    vm.run("bug leak")?;
    for line in ["/dev/ttyS1", "/dev/hvc0"] {
        let said = vm.run(&format!("export -b {line}"))?;
        ensure!(said.is_empty(), "`export -b {line}` says: {said}");
    }
    let [serial] = dumps_of(&vm.log_file(DATA))?;
    let [virtio] = dumps_of(&vm.log_file(VIRTIO))?;
    let allocs = Allocs::parse(&vm.run("cat /proc/allocs")?)?;
    for dump in [&serial, &virtio] {
        has_sums(dump, &allocs)?;
    }
    ensure!(serial.totals == virtio.totals, "totals: {:?}, not {:?}", virtio.totals, serial.totals);
    ensure!(serial.stacks == virtio.stacks, "the call stacks differ");
    ensure!(serial.blocks == virtio.blocks, "the blocks differ");
    for _ in 0..4 {
        vm.run("cat /proc/cpuinfo /proc/meminfo /proc/iomem > /dev/hvc0")?;
        vm.run("export /dev/hvc0")?;
    }
    dumps_of::<5>(&vm.log_file(VIRTIO))?;
    ensure!(vm.run("cat /dev/hvc0")?.is_empty(), "something has come that nobody sent");
    is_consistent(vm)
}

/// The dumps of a file, once QEMU has written all of them.
fn dumps_of<const COUNT: usize>(file: &Path) -> Result<[Dump; COUNT]> {
    let deadline = Instant::now() + COMMAND_LIMIT;
    loop {
        let bytes = std::fs::read(file).map_err(Error::host(format!("reading {}", file.display())))?;
        let dumps = read(bytes.as_slice()).map_err(|error| Error::Wrong(error.to_string()))?;
        let are_whole = dumps.iter().all(|dump| dump.state == State::Whole);
        match <[Dump; COUNT]>::try_from(dumps) {
            Ok(dumps) if are_whole => return Ok(dumps),
            _ => ensure!(Instant::now() < deadline, "{} has no {COUNT} whole dumps", file.display()),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn dumps_are_repeated(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    vm.enter("export -n 1")?;
    let text = vm.expect("three dumps", COMMAND_LIMIT, |text| {
        (text.matches("~end ").count() >= 3 && text.ends_with('\n')).then(|| text.to_owned())
    })?;
    vm.type_bytes(b"\x03")?;
    vm.wait_for_prompt("prompt after Ctrl-C", COMMAND_LIMIT)?;
    let dumps = read(text.as_bytes()).map_err(|error| Error::Wrong(error.to_string()))?;
    let times: Vec<_> = dumps.iter().take(3).map(|dump| dump.time_us).collect();
    ensure!(dumps.iter().take(3).all(|dump| dump.state == State::Whole), "not all dumps are whole");
    let are_apart = times.windows(2).all(|pair| (900_000..60_000_000).contains(&(pair[1] - pair[0])));
    ensure!(times.len() == 3 && are_apart, "dumps came at {times:?} us");
    let said = vm.run("export /dev/ttyS1")?;
    ensure!(said.contains("export: /dev/ttyS1: input/output error"), "without a second line it says: {said}");
    let said = vm.run("export /dev/hvc0")?;
    ensure!(
        said.contains("export: /dev/hvc0: no such file or directory"),
        "without a virtio console it says: {said}"
    );
    is_consistent(vm)
}

/// The sums over call stacks, sizes and ages are what is live.
fn has_sums(dump: &Dump, allocs: &Allocs) -> Result<()> {
    ensure!(dump.during == Some((0, 0)), "while the dump was written: {:?}", dump.during);
    let live = (dump.live.recorded_blocks, dump.live.bytes);
    ensure!(live == (allocs.blocks, allocs.bytes), "live in the dump: {live:?}");
    let Values { live_bytes, live_blocks, .. } = profile(dump, &Selection::default())?.sum();
    let sum = (live_blocks as u64, live_bytes as u64);
    ensure!(sum == live, "the sum over the stacks is {sum:?}, not {live:?}");
    let sizes = dump.sizes.iter().fold((0, 0), |sum, class| (sum.0 + class.blocks, sum.1 + class.bytes));
    let ages = dump.ages.iter().fold((0, 0), |sum, class| (sum.0 + class.blocks, sum.1 + class.bytes));
    ensure!(sizes == live && ages == live, "by size {sizes:?}, by age {ages:?}, not {live:?}");
    Ok(())
}

/// The files of /proc that are read as dumps have the dump's sums.
fn files_are_read(vm: &mut Vm, dump: &Dump) -> Result<()> {
    let pages = PagesFile::parse(&vm.run("cat /proc/pages")?)?;
    let text = vm.run("cat /proc/allocs /proc/allocs_by_stack /proc/allocinfo")?;
    let files = read(text.as_bytes()).map_err(|error| Error::Wrong(error.to_string()))?;
    ensure!(files.len() == 3, "{} files in:\n{text}", files.len());
    for file in &files {
        let (live, mut expected) = ((file.live.blocks, file.live.bytes), (dump.live.blocks, dump.live.bytes));
        if file.level.contains("allocinfo") {
            expected = (expected.0 + pages.recorded_runs, expected.1 + pages.recorded_pages * 4096);
        }
        ensure!(live == expected, "{}: {live:?}, not {expected:?}", file.level);
        ensure!(file.state == State::Whole, "{}: {:?}", file.level, file.problems);
        let named = profile(file, &Selection::default())?;
        let has_leak = named
            .samples
            .iter()
            .any(|sample| named.frames(sample).any(|(_, frame)| frame.place().starts_with(&PACKETS.place())));
        ensure!(has_leak, "{}: the leak is not there", file.level);
    }
    Ok(())
}

/// The totals are those of /proc/memstat, and so are their sums over the stacks.
fn has_totals(dump: &Dump, memstat: &str) -> Result<()> {
    let totals = &dump.totals;
    let start = format!(
        "totals: {} allocations of {} bytes, {} frees, ",
        totals.allocations, totals.requested_bytes, totals.frees
    );
    ensure!(memstat.lines().any(|line| line.starts_with(&start)), "no line `{start}` in:\n{memstat}");
    let sum = profile(dump, &Selection::default())?.sum();
    let sum = (sum.total_blocks as u64, sum.total_bytes as u64);
    ensure!(sum == (totals.allocations, totals.requested_bytes), "the sums of the totals are {sum:?}");
    Ok(())
}
