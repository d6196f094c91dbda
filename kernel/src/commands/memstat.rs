//! `memstat`: logs the active blocks and their bytes.

use shell::Command;

use super::Session;
use crate::memory::heap;

pub(super) const COMMAND: Command<Session> = Command {
    name: "memstat",
    usage: "memstat",
    summary: "log the active blocks and total bytes of the heap",
    run: |_, _| heap::print_mem_stats(),
};
