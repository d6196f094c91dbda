//! `/proc/balance`: every byte of RAM that the firmware names, each sum above its parts, and whether they agree.

use core::fmt::{self, Write};

use vfs::Text;

use crate::memory::balance::Balance;

/// Columns of a name with its indentation.
const NAME_COLUMNS: usize = 40;

/// The file.
pub(super) struct BalanceFile;

impl Text for BalanceFile {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        let balance = Balance::now();
        writeln!(out, "balance - version: 1.0")?;
        for row in balance.rows() {
            let indent = 2 * row.depth;
            let columns = NAME_COLUMNS - indent;
            writeln!(out, "{:indent$}{:<columns$} {:>16}", "", row.name, row.bytes)?;
        }
        writeln!(out, "{}", balance.verdict())
    }
}
