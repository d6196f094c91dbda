//! `make profile`: what a line of the shell does to memory, in every form that memstat-report writes.
//!
//! The machine exports a dump on its second serial line before the line and after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use memstat_report::dump::{Dump, State, read};
use memstat_report::output::table::Table;
use memstat_report::output::{Form, Style, Subject, report};
use memstat_report::profile::{Profile, Selection, Value};

use crate::error::{Error, Result, ensure};
use crate::settings::{Settings, Wishes, variable};
use crate::vm::{Audience, NOBODY, Vm, data_line};

const USUAL_WORKLOAD: &str = "bug leak";
/// The longest that the line may take.
const WORKLOAD_LIMIT: Duration = Duration::from_mins(30);
/// With each block, and at level full each event.
const EXPORT: &str = "export -b /dev/ttyS1";
/// How long QEMU may take to write what the guest has sent.
const FILE_LIMIT: Duration = Duration::from_secs(10);
/// Rows of a table.
const TOP: usize = 20;

/// A dump before the line, and one after it.
pub(crate) type Pair = [(Dump, Profile); 2];

/// Boots, runs the line in `WORKLOAD`, and writes the reports to `build/profile`; prints their paths.
pub(crate) fn run(settings: &Settings) -> Result<ExitCode> {
    let workload = variable("WORKLOAD").unwrap_or_else(|| USUAL_WORKLOAD.into());
    let folder = settings.build.join("profile");
    // Reports of an older line are not to be taken for this one's.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Error::host(format!("making {}", folder.display())))?;
    let log = folder.join("export.log");
    let options = data_line(&log);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let wishes = Wishes::from_environment();
    let mut vm =
        Vm::start(settings, &wishes.machine()?, "profile", Audience { options: &options, ..NOBODY })?;
    let (pair, said) = profiled(&mut vm, &workload, &log)?;
    println!("{said}\n");
    for path in std::iter::once(log).chain(write_reports(&folder, &pair)?) {
        println!("{}", path.display());
    }
    println!("\n{}", first_rows(&folder.join("diff.txt"))?);
    Ok(ExitCode::SUCCESS)
}

/// Runs a line on a machine whose second serial line is written to `log`. Returns the dumps, and what the line printed.
pub(crate) fn profiled(vm: &mut Vm, workload: &str, log: &Path) -> Result<(Pair, String)> {
    vm.wait_for_boot()?;
    let export = |vm: &mut Vm| {
        let said = vm.run(EXPORT)?;
        ensure!(said.is_empty(), "`{EXPORT}` says: {said}");
        Ok(())
    };
    export(vm)?;
    vm.enter(workload)?;
    let said = vm.wait_for_prompt(&format!("prompt after `{workload}`"), WORKLOAD_LIMIT)?;
    export(vm)?;
    let named = |dump: Dump| {
        let profile = Profile::new(&dump, None, &Selection::default());
        profile.map(|profile| (dump, profile)).map_err(|error| Error::Wrong(error.to_string()))
    };
    let [before, after] = two_dumps(log)?;
    Ok(([named(before)?, named(after)?], said))
}

/// The two dumps of a file, once QEMU has written all of it.
fn two_dumps(log: &Path) -> Result<[Dump; 2]> {
    let deadline = Instant::now() + FILE_LIMIT;
    loop {
        let bytes = fs::read(log).map_err(Error::host(format!("reading {}", log.display())))?;
        let dumps = read(bytes.as_slice()).map_err(|error| Error::Wrong(error.to_string()))?;
        let are_whole = dumps.iter().all(|dump| dump.state == State::Whole);
        match <[Dump; 2]>::try_from(dumps) {
            Ok(pair) if are_whole => return Ok(pair),
            other => {
                let count = other.map_or_else(|dumps| dumps.len(), |pair| pair.len());
                ensure!(Instant::now() < deadline, "{} has no two whole dumps, but {count}", log.display());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Writes each form of the second dump (`heap.*`) and of its difference to the first (`diff.*`). Returns the paths.
pub(crate) fn write_reports(folder: &Path, pair: &Pair) -> Result<Vec<PathBuf>> {
    let style = Style { value: Value::LiveBytes, tables: &[], top: TOP };
    let whole = Style { tables: &[Table::Summary, Table::Stacks, Table::Functions, Table::Sizes], ..style };
    let growth = Style { tables: &[Table::Stacks, Table::Sites, Table::Functions], ..style };
    let [base, after] = pair;
    let after = std::slice::from_ref(after);
    let mut paths = Vec::new();
    let subjects = [
        ("heap", Subject { dumps: pair, base: None }, whole),
        ("diff", Subject { dumps: after, base: Some(base) }, growth),
    ];
    for (name, subject, style) in subjects {
        for form in Form::ALL {
            let bytes = report(form, subject, &style).map_err(Error::Wrong)?;
            let path = folder.join(format!("{name}.{}", form.extension()));
            fs::write(&path, bytes).map_err(Error::host(format!("writing {}", path.display())))?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The first call stack of a table.
fn first_rows(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).map_err(Error::host(format!("reading {}", path.display())))?;
    let mut lines = text.lines();
    let title = lines.next().unwrap_or_default().to_owned();
    let row = lines.enumerate().take_while(|(number, line)| *number == 0 || line.starts_with(' '));
    Ok(row.fold(title, |shown, (_, line)| shown + "\n" + line))
}
