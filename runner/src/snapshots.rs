//! Machines that have booted once, kept for the scenarios that begin at the prompt.
//!
//! Most scenarios test what happens at the prompt, on one of few machines. The first of them to need a machine boots it
//! from the ISO and, at the prompt, keeps its state in a file, with what it has said so far; the others go on from there.
//! Each still has a machine of its own that no other scenario has touched. A snapshot lives as long as the run that made it,
//! so it is always of the ISO that is tested. What a scenario shows of booting itself is none of this: `Judge::PowerOn`.
//!
//! The state goes through QEMU's migration, by a pipe into a file: QEMU, docs/devel/migration.rst, "exec migration".

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::machine::{Clock, Machine};
use crate::settings::Settings;
use crate::vm::{NOBODY, Vm};

/// A machine at its first prompt.
pub(crate) struct Snapshot {
    /// What QEMU knows of it.
    pub(crate) file: PathBuf,
    /// What it has said on its serial port.
    pub(crate) said: Vec<u8>,
}

/// The machines of one run.
pub(crate) struct Snapshots {
    folder: PathBuf,
    kinds: Mutex<Vec<Kind>>,
}

/// Machines that are alike in everything.
struct Kind {
    machine: Machine<'static>,
    /// How many scenarios have yet to start one.
    wanted: usize,
    state: State,
}

enum State {
    /// Nobody has booted one, or it could not be kept.
    None,
    /// One boots, to be kept.
    Awaited,
    Kept(Arc<Snapshot>),
}

impl Snapshots {
    /// For scenarios that need these machines.
    pub(crate) fn new(build: &Path, machines: impl Iterator<Item = Machine<'static>>) -> Result<Self> {
        let all = build.join("snapshots");
        remove_left_behind(&all);
        // Several runs may go on side by side.
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

    /// A machine at its prompt, or one that boots, as no such machine has been kept.
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

/// How to get at a machine.
enum Start {
    Resume(Arc<Snapshot>),
    Boot,
    /// The number of its kind.
    BootAndKeep(usize),
}

/// Figures that must be the same on each run are those of a machine that has done nothing else.
fn can_be_kept(machine: &Machine) -> bool {
    machine.has_serial && machine.clock == Clock::Real
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        // What stays goes with the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes what runs that were killed have left: each folder is named for its process.
fn remove_left_behind(all: &Path) {
    let is_over = |folder: &Path| folder.file_name().is_some_and(|id| !Path::new("/proc").join(id).exists());
    let folders = std::fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders.filter(|folder| is_over(folder)) {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// QEMU's words for a pipe between its migration and a file; it hands them to a shell.
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
