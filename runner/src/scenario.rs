//! What a scenario is: a row of the tables in `scenarios`, carried out by `suite`.

use crate::error::Result;
use crate::examples::Document;
use crate::machine::Machine;
use crate::settings::Settings;
use crate::vm::Vm;

/// One test of the runner.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What it shows, for `runner list`.
    pub(crate) about: &'static str,
    pub(crate) judge: Judge,
}

/// How a scenario is carried out.
pub(crate) enum Judge {
    /// Looks at the files that were built.
    Files(fn(&Settings) -> Result<()>),
    /// Drives a machine from its first prompt on; it may start from a snapshot taken there.
    Drive(Machine<'static>, fn(&mut Vm) -> Result<()>),
    /// Drives a machine from power-on.
    PowerOn(Machine<'static>, fn(&mut Vm) -> Result<()>),
    /// Types the examples of a document, on the machines that it asks for.
    Examples(&'static Document),
    /// Boots two machines and holds the first against the second.
    Compare([Machine<'static>; 2], fn(&mut [Vm; 2]) -> Result<()>),
}
