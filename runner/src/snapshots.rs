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
        let folder = build.join("snapshots");
        // A run that was killed leaves its own.
        let _ = std::fs::remove_dir_all(&folder);
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
            Way::Resume(snapshot) => Vm::resume(settings, machine, name, &snapshot),
            Way::Boot => Vm::start(settings, machine, name, NOBODY),
            Way::BootAndKeep(number) => {
                let mut vm = Vm::start(settings, machine, name, NOBODY)?;
                let kept =
                    vm.wait_for_boot().and_then(|_| vm.keep(&self.folder.join(format!("{number}.vm"))));
                let (state, outcome) = match kept {
                    Ok(snapshot) => (State::Kept(Arc::new(snapshot)), Ok(vm)),
                    Err(error) => (State::None, Err(error)),
                };
                if let Some(kind) = self.lock().get_mut(number) {
                    kind.state = state;
                }
                outcome
            }
        }
    }

    fn choose(&self, machine: &Machine<'static>) -> Way {
        let mut kinds = self.lock();
        let Some(number) = kinds.iter().position(|kind| kind.machine == *machine) else { return Way::Boot };
        let Some(kind) = kinds.get_mut(number) else { return Way::Boot };
        kind.wanted = kind.wanted.saturating_sub(1);
        match &kind.state {
            State::Kept(snapshot) => Way::Resume(Arc::clone(snapshot)),
            State::None if kind.wanted > 0 && can_be_kept(machine) => {
                kind.state = State::Awaited;
                Way::BootAndKeep(number)
            }
            // Booting takes no longer than waiting for the other.
            State::None | State::Awaited => Way::Boot,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How to get at a machine.
enum Way {
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

/// QEMU's words for a pipe between its migration and a file; it hands them to a shell.
pub(crate) fn pipe(redirection: char, file: &Path) -> String {
    let quoted = file.display().to_string().replace('\'', r"'\''");
    format!("exec:cat {redirection} '{quoted}'")
}

#[cfg(test)]
mod tests {
    use super::{Snapshots, State, Way, pipe};
    use crate::machine::{Clock, DEFAULT, Machine};
    use std::path::Path;

    const OTHER: Machine = Machine { memory_mib: 48, ..DEFAULT };
    const COUNTED: Machine = Machine { clock: Clock::Instructions, ..DEFAULT };

    #[test]
    fn only_what_others_need_is_kept() {
        let build = std::env::temp_dir().join(format!("tally-snapshots-{}", std::process::id()));
        let machines = [DEFAULT, OTHER, DEFAULT, DEFAULT, COUNTED, COUNTED];
        let snapshots = Snapshots::new(&build, machines.into_iter()).unwrap();
        assert!(matches!(snapshots.choose(&OTHER), Way::Boot), "nobody else needs it");
        assert!(matches!(snapshots.choose(&COUNTED), Way::Boot), "its figures depend on all that it did");
        assert!(matches!(snapshots.choose(&DEFAULT), Way::BootAndKeep(0)));
        assert!(matches!(snapshots.choose(&DEFAULT), Way::Boot), "the first is not there yet");
        snapshots.lock()[0].state = State::None;
        assert!(matches!(snapshots.choose(&DEFAULT), Way::Boot), "this was the last");
        drop(snapshots);
        std::fs::remove_dir_all(build).unwrap();
    }

    #[test]
    fn a_path_is_quoted_for_the_shell() {
        assert_eq!(pipe('<', Path::new("/a b/c'd")), r"exec:cat < '/a b/c'\''d'");
    }
}
