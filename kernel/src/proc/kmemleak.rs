//! `/proc/kmemleak`: the blocks that nothing refers to, as Linux shows them; takes `scan`, `clear` and `dump=ADDRESS`.
//!
//! Source: Linux, mm/kmemleak.c (`print_unreferenced`, `kmemleak_write`). There the file is in debugfs.

use core::fmt::{self, Write};

use memstat::{Platform, Record, ScanError, Stack};
use vfs::{ControlTable, Errno, Result, Table};

use super::process;
use crate::arch::VAddr;
use crate::arch::clock::TICKS_PER_SECOND;
use crate::console::input;
use crate::memory::heap::tracker;
use crate::memory::leaks::roots;
use crate::symbols::Symbolic;
use control::kmemleak::{self, Command, DUMP_BYTES, DumpRow, ROW_BYTES, Switch, crc32};

/// An object takes some 4 KiB at most: sixteen frames with long names.
const OBJECTS_AT_ONCE: usize = 6;
/// Bytes of an object that its checksum covers.
const MAX_SUMMED_BYTES: usize = 4096;
const PIECE_BYTES: usize = 128;
const NS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// The file.
pub(super) struct KmemLeak;

impl Table for KmemLeak {
    fn header(&self, _: &mut dyn Write) -> fmt::Result {
        Ok(())
    }

    fn rows(&self, cursor: u64, out: &mut dyn Write) -> core::result::Result<Option<u64>, fmt::Error> {
        let mut records = [Record::EMPTY; OBJECTS_AT_ONCE];
        let (count, next) = tracker().leaks().read(cursor, &mut records);
        records.iter().take(count).try_for_each(|record| write_object(record, out))?;
        Ok(next)
    }
}

/// Writes an object, if it is still there.
fn write_object(record: &Record, out: &mut dyn Write) -> fmt::Result {
    let mut bytes = [0; DUMP_BYTES];
    let Some(count) = tracker().blocks().copy_contents(record, 0, &mut bytes) else { return Ok(()) };
    writeln!(out, "unreferenced object {:#018x} (size {}):", record.address(), record.size_bytes())?;
    writeln!(out, "{}", Origin(record))?;
    writeln!(out, "  hex dump (first {count} bytes):")?;
    for row in bytes.get(..count).unwrap_or_default().chunks(ROW_BYTES) {
        writeln!(out, "    {}", DumpRow(row))?;
    }
    writeln!(out, "  backtrace (crc {:x}):", checksum(record))?;
    let stack = tracker().stacks().get(record.stack());
    let frames = stack.as_ref().map(Stack::frames).unwrap_or_default();
    frames.iter().try_for_each(|frame| writeln!(out, "    {}", Symbolic(VAddr::from_usize(*frame))))
}

/// The line about who allocated an object, and when.
struct Origin<'a>(&'a Record);

impl fmt::Display for Origin<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = tracker().platform().stamp_to_ns(self.0.stamp()) / NS_PER_TICK;
        write!(out, "  comm \"{}\", pid {}, jiffies {ticks}", process::NAME, process::PID)
    }
}

/// The sum over an object's bytes, or over the first of a large one.
fn checksum(record: &Record) -> u32 {
    let mut piece = [0; PIECE_BYTES];
    (0..MAX_SUMMED_BYTES.min(record.size_bytes())).step_by(PIECE_BYTES).fold(0, |sum, offset| {
        let count = tracker().blocks().copy_contents(record, offset, &mut piece).unwrap_or(0);
        crc32(sum, piece.get(..count).unwrap_or_default())
    })
}

impl ControlTable for KmemLeak {
    fn command(&self, line: &str) -> Result<()> {
        let Some(command) = kmemleak::parse(line) else {
            let word = line.trim();
            log::warn!(
                "kmemleak: '{word}' is none of scan, clear, dump=ADDRESS, stack=on, stack=off and scan=off"
            );
            return Err(Errno::EINVAL);
        };
        match command {
            Command::Scan => scan(),
            Command::Clear => {
                tracker().leaks().clear();
                Ok(())
            }
            Command::Dump(address) => dump(address),
            Command::Stack(switch) => {
                roots::set_stack(switch == Switch::On);
                Ok(())
            }
            Command::ScanOff => Ok(()),
        }
    }
}

fn scan() -> Result<()> {
    match roots::scan(&mut || !input::is_interrupted()) {
        Ok(scanned) => {
            if scanned.new_leaks > 0 {
                let new = scanned.new_leaks;
                log::info!("kmemleak: {new} new suspected memory leaks (see /proc/kmemleak)");
            }
            Ok(())
        }
        Err(error) => {
            log::warn!("kmemleak: {error}");
            Err(match error {
                ScanError::Busy => Errno::EBUSY,
                ScanError::NoRecords => Errno::EPERM,
                ScanError::Stopped => Errno::EINTR,
            })
        }
    }
}

/// Logs what is known of the object that an address lies in.
fn dump(address: usize) -> Result<()> {
    let Some(record) = tracker().blocks().containing(address) else {
        log::info!("kmemleak: Unknown object at {address:#018x}");
        return Err(Errno::EINVAL);
    };
    log::info!("kmemleak: Object {:#018x} (size {}):", record.address(), record.size_bytes());
    log::info!("kmemleak: {}", Origin(&record));
    log::info!("kmemleak:   reach = {:?}", record.reach());
    log::info!("kmemleak:   checksum = {:#x}", checksum(&record));
    log::info!("kmemleak:   backtrace:");
    if let Some(stack) = tracker().stacks().get(record.stack()) {
        stack
            .frames()
            .iter()
            .for_each(|frame| log::info!("kmemleak:     {}", Symbolic(VAddr::from_usize(*frame))));
    }
    Ok(())
}
