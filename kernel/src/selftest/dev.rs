//! The tests of the devices, and of the files that take commands.

use memstat::Level;
use vfs::{Errno, OpenFlags, Result, SeekFrom};

use crate::fs::VFS;
use crate::logger::CONSOLE_LEVEL;
use crate::memory::heap::tracker;
use crate::memory::leaks::marks;
use crate::selftest::Outcome;

const CONTROL: &str = "/proc/memstat_control";
const PRINTK: &str = "/proc/sys/kernel/printk";
const LOG: &str = "/dev/kmsg";

/// Writes `text` to a file.
fn write(path: &str, text: &str) -> Result<()> {
    let file = VFS.open("/", path, OpenFlags::WRITE)?;
    let written = VFS.write(file, text.as_bytes());
    let closed = VFS.close(file);
    written.and(closed)
}

/// Null, zero and full do what their names say.
pub(crate) fn devices_keep_their_names() -> Outcome {
    for (path, read, written) in
        [("/dev/null", Ok(0), Ok(4)), ("/dev/zero", Ok(8), Ok(4)), ("/dev/full", Ok(8), Err(Errno::ENOSPC))]
    {
        let flags = OpenFlags::READ | OpenFlags::WRITE;
        let file = VFS.open("/", path, flags).map_err(|_| "a device does not open")?;
        let mut bytes = [7; 8];
        let found = (VFS.read(file, &mut bytes), VFS.write(file, b"text"));
        VFS.close(file).map_err(|_| "a device does not close")?;
        let expected_byte = if read == Ok(0) { 7 } else { 0 };
        if found != (read, written) || bytes != [expected_byte; 8] {
            log::error!("{path} gave {found:?}");
            return Err("a device does not do what its name says");
        }
    }
    Ok(())
}

/// A command, its result, and the level, history and mark after it.
type Step = (&'static str, Result<()>, (Level, bool, bool));

/// Commands take effect; a line that is no command changes nothing.
pub(crate) fn control_file_takes_commands() -> Outcome {
    let level = tracker().level();
    tracker().set_level(Level::Full);
    let keeps_history = tracker().history().is_on();
    let state = || (tracker().level(), tracker().history().is_on(), marks::find("selftest").is_some());
    let steps: [Step; 9] = [
        ("level full\nhistory on", Ok(()), (Level::Full, true, false)),
        ("history off", Ok(()), (Level::Full, false, false)),
        ("mark selftest\n\nlevel blocks\n", Ok(()), (Level::Blocks, false, true)),
        ("level loud", Err(Errno::EINVAL), (Level::Blocks, false, true)),
        ("mark 17", Err(Errno::EINVAL), (Level::Blocks, false, true)),
        ("nonsense", Err(Errno::EINVAL), (Level::Blocks, false, true)),
        ("clear selftest", Ok(()), (Level::Blocks, false, false)),
        ("clear selftest", Err(Errno::ENOENT), (Level::Blocks, false, false)),
        ("level full\nhistory on\nreset-peak", Ok(()), (Level::Full, true, false)),
    ];
    let wrong =
        steps.iter().find(|(text, result, after)| (write(CONTROL, text), state()) != (*result, *after));
    tracker().history().set_on(keeps_history);
    tracker().set_level(level);
    match wrong {
        None => Ok(()),
        Some((text, ..)) => {
            log::error!("after '{}' it is {:?}", text.escape_debug(), state());
            Err("a command did not do what it says")
        }
    }
}

/// What is written to the log is read from it, in order, and a record at a time.
pub(crate) fn log_gives_what_it_got() -> Outcome {
    const NO_FILE: &str = "the log does not open";
    let file = VFS.open("/", LOG, OpenFlags::READ).map_err(|_| NO_FILE)?;
    let mut record = [0; 1024];
    let mut last = None;
    let (mut own, mut is_in_order) = (0, true);
    for round in 0..2 {
        while let Ok(count @ 1..) = VFS.read(file, &mut record) {
            let text = record.get(..count).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
            let number = text.split(',').nth(1).and_then(|number| number.parse::<u64>().ok());
            is_in_order &= number > last && text.ends_with('\n');
            last = number;
            own += u32::from(round == 1 && text.starts_with("15,") && text.ends_with(";first\\x5c\n"));
            own += u32::from(round == 1 && text.starts_with("31,") && text.ends_with(";second\n"));
        }
        if round == 0 {
            // For debugging, so that they stay off the console.
            write(LOG, "<15>first\\\n<31>second").map_err(|_| NO_FILE)?;
        }
    }
    let too_small = VFS.seek(file, SeekFrom::Start(0)).and_then(|_| VFS.read(file, &mut [0; 4]));
    VFS.close(file).map_err(|_| NO_FILE)?;
    if !is_in_order || too_small != Err(Errno::EINVAL) {
        return Err("the records are not whole or not in order");
    }
    if own == 2 { Ok(()) } else { Err("the log does not have what was written to it") }
}

/// The console level is set, and back.
pub(crate) fn console_level_is_set() -> Outcome {
    let [level, ..] = CONSOLE_LEVEL.all();
    let changed = [write(PRINTK, "3"), write(PRINTK, "0"), write(PRINTK, "4 9")];
    let [after, ..] = CONSOLE_LEVEL.all();
    let is_back = CONSOLE_LEVEL.set(level).is_some();
    if changed == [Ok(()), Err(Errno::EINVAL), Err(Errno::EINVAL)] && after == 3 && is_back {
        Ok(())
    } else {
        Err("printk does not set the console level")
    }
}
