//! `free`: a summary of memory, computed from `/proc/meminfo` as procps does.

use vfs::Errno;

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "free",
    usage: "free",
    summary: "show free and used memory in kB",
    syntax: Syntax::NOTHING,
    run,
};

const FILE: &str = "/proc/meminfo";
const FIELDS: [&str; 6] = ["MemTotal", "MemFree", "Shmem", "Buffers", "Cached", "MemAvailable"];

fn run(session: &mut Session, _: &Options<'_>) {
    match read_fields(session) {
        Ok([total, free, shared, buffers, cached, available]) => {
            let used = total.saturating_sub(available);
            let cache = buffers.saturating_add(cached);
            session.print(format_args!(
                "               total        used        free      shared  buff/cache   available\n\
                 Mem:    {total:12}{used:12}{free:12}{shared:12}{cache:12}{available:12}\n"
            ));
        }
        Err(error) => session.fail("free", FILE, error),
    }
}

/// The fields' values in kB.
fn read_fields(session: &mut Session) -> Result<[u64; FIELDS.len()], Errno> {
    let mut text = [0; 4096];
    let mut length: usize = 0;
    session.read(FILE, |_, bytes| {
        for (slot, byte) in text.iter_mut().skip(length).zip(bytes) {
            *slot = *byte;
        }
        length = length.saturating_add(bytes.len());
    })?;
    let text = text.get(..length).and_then(|text| str::from_utf8(text).ok()).ok_or(Errno::EIO)?;
    Ok(FIELDS.map(|field| {
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
    }))
}
