//! Snapshots of booted machines, for the scenarios that begin at the prompt.
//!
//! Most scenarios test what happens at the prompt, on one of few machines. The first scenario that needs a machine
//! boots it from the ISO and, at the prompt, saves its state in a file, with its output so far; the others resume from
//! there. Each still has its own machine that no other scenario has used. A snapshot exists as long as the run that
//! made it, so it always belongs to the ISO under test. Scenarios that test the boot itself use none: `Judge::PowerOn`.
//!
//! The state is saved by QEMU's migration, by a pipe into a file: QEMU, docs/devel/migration.rst, "exec migration".

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::machine::{Clock, Machine};
use crate::settings::Settings;
use crate::vm::{NOBODY, Vm};

/// A machine at its first prompt.
pub(crate) struct Snapshot {
    /// Its state, as QEMU has written it.
    pub(crate) file: PathBuf,
    /// Its output on the serial port.
    pub(crate) said: Vec<u8>,
}

/// The machines of one run.
pub(crate) struct Snapshots {
    folder: PathBuf,
    kinds: Mutex<Vec<Kind>>,
}

/// Machines with exactly the same options.
struct Kind {
    machine: Machine<'static>,
    /// How many scenarios will still start one.
    wanted: usize,
    state: State,
}

enum State {
    /// None has been booted, or it could not be saved.
    None,
    /// One is booting and will be saved.
    Awaited,
    Kept(Arc<Snapshot>),
}

impl Snapshots {
    /// For scenarios that need these machines.
    pub(crate) fn new(build: &Path, machines: impl Iterator<Item = Machine<'static>>) -> Result<Self> {
        let all = build.join("snapshots");
        remove_left_behind(&all);
        // Several runs may happen at the same time.
        let folder = all.join(std::process::id().to_string());
        std::fs::create_dir_all(&folder).map_err(Error::host(format!("making {}", folder.display())))?;
        let mut kinds: Vec<Kind> = Vec::new();
        for machine in machines {
            match kinds.iter_mut().find(|kind| kind.machine == machine) {
                Some(kind) => kind.wanted += 1,
                None => kinds.push(Kind { machine, wanted: 1, state: State::None }),
            }
        }
        Ok(Self { folder, kinds: Mutex::new(kinds) })
    }

    /// A machine at its prompt, or one that boots if there is no snapshot.
    pub(crate) fn start(&self, settings: &Settings, machine: &Machine<'static>, name: &str) -> Result<Vm> {
        match self.choose(machine) {
            Start::Resume(snapshot) => Vm::resume(settings, machine, name, &snapshot),
            Start::Boot => Vm::start(settings, machine, name, NOBODY),
            Start::BootAndKeep(number) => {
                let mut vm = Vm::start(settings, machine, name, NOBODY)?;
                let file = self.folder.join(format!("{number}.vm"));
                let kept = vm
                    .wait_for_boot()
                    .and_then(|_| vm.keep(&file))
                    .map(Arc::new)
                    .inspect_err(|_| vm.keep_screen());
                if let Some(kind) = self.lock().get_mut(number) {
                    kind.state = match &kept {
                        Ok(snapshot) => State::Kept(Arc::clone(snapshot)),
                        Err(_) => State::None,
                    };
                }
                kept.map(|_| vm)
            }
        }
    }

    fn choose(&self, machine: &Machine<'static>) -> Start {
        let mut kinds = self.lock();
        let Some(number) = kinds.iter().position(|kind| kind.machine == *machine) else { return Start::Boot };
        let Some(kind) = kinds.get_mut(number) else { return Start::Boot };
        kind.wanted = kind.wanted.saturating_sub(1);
        match &kind.state {
            State::Kept(snapshot) => Start::Resume(Arc::clone(snapshot)),
            State::None if kind.wanted > 0 && can_be_kept(machine) => {
                kind.state = State::Awaited;
                Start::BootAndKeep(number)
            }
            // Booting takes no longer than waiting for the other.
            State::None | State::Awaited => Start::Boot,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How to start a machine.
enum Start {
    Resume(Arc<Snapshot>),
    Boot,
    /// The number of its kind.
    BootAndKeep(usize),
}

/// Figures that must be the same in each run need a machine that has done nothing else.
fn can_be_kept(machine: &Machine) -> bool {
    machine.has_serial && machine.clock == Clock::Real
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        // The next run removes what is left.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes what killed runs have left: each folder is named after its process.
fn remove_left_behind(all: &Path) {
    let is_over = |folder: &Path| folder.file_name().is_some_and(|id| !Path::new("/proc").join(id).exists());
    let folders = std::fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders.filter(|folder| is_over(folder)) {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// QEMU's argument for a pipe between its migration and a file; QEMU passes it to a shell.
pub(crate) fn pipe(redirection: char, file: &Path) -> String {
    let quoted = file.display().to_string().replace('\'', r"'\''");
    format!("exec:cat {redirection} '{quoted}'")
}

#[cfg(test)]
mod tests {
    use super::{Snapshots, Start, State, pipe};
    use crate::machine::{Clock, DEFAULT, Machine};
    use std::path::Path;

    const OTHER: Machine = Machine { memory_mib: 48, ..DEFAULT };
    const COUNTED: Machine = Machine { clock: Clock::Instructions, ..DEFAULT };

    #[test]
    fn only_what_others_need_is_kept() {
        let build = std::env::temp_dir().join(format!("tally-snapshots-{}", std::process::id()));
        let machines = [DEFAULT, OTHER, DEFAULT, DEFAULT, COUNTED, COUNTED];
        let snapshots = Snapshots::new(&build, machines.into_iter()).unwrap();
        assert!(matches!(snapshots.choose(&OTHER), Start::Boot), "nobody else needs it");
        assert!(matches!(snapshots.choose(&COUNTED), Start::Boot), "its figures depend on all that it did");
        assert!(matches!(snapshots.choose(&DEFAULT), Start::BootAndKeep(0)));
        assert!(matches!(snapshots.choose(&DEFAULT), Start::Boot), "the first is not there yet");
        snapshots.lock()[0].state = State::None;
        assert!(matches!(snapshots.choose(&DEFAULT), Start::Boot), "this was the last");
        drop(snapshots);
        std::fs::remove_dir_all(build).unwrap();
    }

    #[test]
    fn a_path_is_quoted_for_the_shell() {
        assert_eq!(pipe('<', Path::new("/a b/c'd")), r"exec:cat < '/a b/c'\''d'");
    }
}
