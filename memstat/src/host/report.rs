//! Reports of a program: at its exit, and when it gets SIGUSR1.
//!
//! A signal handler must not take the tracker's lock, as the thread that it interrupts may hold it. So the handler only
//! wakes a thread of ours, by a pipe, and that thread writes the report. Nothing here allocates from the tracked heap.

use core::ffi::{c_int, c_void};
use core::fmt::{self, Write as _};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicI32, Ordering};

use super::gate::Gate;
use super::settings::ReportTo;
use super::symbols;
use crate::platform::FirstUse;

/// A report to a file whose name ends so is a dump, for `memstat-report`.
const DUMP_ENDING: &str = ".dump";

/// What is reported: the first tracker that was used.
pub(super) struct Reported {
    tracker: &'static dyn FirstUse,
    to: ReportTo,
    /// The process that was told to.
    process: libc::pid_t,
}

// SAFETY: the tracker is shared between threads anyway; it is forgotten before it goes.
unsafe impl Send for Reported {}

pub(super) static REPORTED: Gate<Option<Reported>> = Gate::new(None);
/// The end of the pipe that the signal handler writes to; -1 while there is none.
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// Reports on `tracker` from now on, if it is the first.
pub(super) fn prepare(tracker: &'static dyn FirstUse, to: ReportTo) {
    if to == ReportTo::Nowhere {
        return;
    }
    // SAFETY: it returns a number.
    let process = unsafe { libc::getpid() };
    let reported = Reported { tracker, to, process };
    let is_first = REPORTED.with(|known| {
        let is_first = known.is_none();
        known.get_or_insert(reported);
        is_first
    });
    if is_first {
        // SAFETY: the function may be called at any time.
        unsafe { libc::atexit(at_exit) };
        listen();
    }
}

/// Reports on this tracker no more: it goes.
pub(super) fn forget(tracker: *const ()) {
    REPORTED.with(|reported| {
        if reported.as_ref().is_some_and(|reported| (&raw const *reported.tracker).cast() == tracker) {
            *reported = None;
        }
    });
}

extern "C" fn at_exit() {
    write();
}

/// Writes the report, over an older one.
fn write() {
    REPORTED.with(|reported| {
        if let Some(reported) = reported {
            reported.write_report();
        }
    });
}

impl Reported {
    fn write_report(&self) {
        let Self { tracker, to, process } = self;
        let file = match to {
            ReportTo::Nowhere => return,
            ReportTo::StandardError => libc::STDERR_FILENO,
            ReportTo::File(name) => {
                let mut path = Path::default();
                // SAFETY: it returns a number.
                let own = unsafe { libc::getpid() };
                // A child of a fork does not write over its parent's report.
                let is_whole =
                    if own == *process { write!(path, "{name}") } else { write!(path, "{name}.{own}") };
                if is_whole.is_err() {
                    return warn(format_args!("memstat: the name of the report's file is too long\n"));
                }
                let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC;
                // SAFETY: the path ends with a zero.
                unsafe { libc::open(path.bytes.as_ptr().cast(), flags, 0o644) }
            }
        };
        if file < 0 {
            return warn(format_args!("memstat: the report's file cannot be written: {to:?}\n"));
        }
        let mut out = File { descriptor: file, bytes: [0; 4096], length: 0 };
        let _ = match to {
            ReportTo::File(name) if name.ends_with(DUMP_ENDING) => {
                let program = Text::of_program();
                tracker.write_dump(program.last_part(), symbols::load_offset(), &name_function, &mut out)
            }
            _ => tracker.write_report("program", &mut out),
        };
        out.flush();
        if file != libc::STDERR_FILENO {
            // SAFETY: opened above, and not used any more.
            unsafe { libc::close(file) };
        }
    }
}

/// The name of the function that a return address lies in. Files and lines are in the program's file.
fn name_function(address: usize, visit: &mut dyn FnMut(&str)) {
    let mut text = Text::default();
    let _ = symbols::write(address, &mut text);
    // A name and how far the address is in the function, or else the address.
    if let Some((function, _)) = text.as_str().rsplit_once("+0x") {
        visit(function);
    }
}

/// A short text. What is too long for it is left out.
struct Text {
    bytes: [u8; 1024],
    length: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: [0; 1024], length: 0 }
    }
}

impl Text {
    /// The path of the program's file.
    fn of_program() -> Self {
        let mut text = Self::default();
        let target = text.bytes.as_mut_ptr().cast();
        // SAFETY: the path ends with a zero, and as many bytes can be written.
        let length = unsafe { libc::readlink(c"/proc/self/exe".as_ptr(), target, text.bytes.len()) };
        text.length = usize::try_from(length).unwrap_or(0);
        text
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        let whole = core::str::from_utf8(bytes);
        whole.unwrap_or_else(|error| {
            core::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        })
    }

    /// What stands behind the last `/`.
    fn last_part(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.length).ok_or(fmt::Error)? = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Writes to the standard error.
pub(super) fn warn(text: fmt::Arguments<'_>) {
    let mut out = File { descriptor: libc::STDERR_FILENO, bytes: [0; 4096], length: 0 };
    let _ = out.write_fmt(text);
    out.flush();
}

/// A path for the operating system. The last byte stays zero.
struct Path {
    bytes: [u8; 4096],
    length: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self { bytes: [0; 4096], length: 0 }
    }
}

impl fmt::Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.bytes[..4095].get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// An open file with a buffer.
struct File {
    descriptor: c_int,
    bytes: [u8; 4096],
    length: usize,
}

impl File {
    fn flush(&mut self) {
        let mut rest = self.bytes.get(..self.length).unwrap_or_default();
        while !rest.is_empty() {
            // SAFETY: the bytes can be read.
            let written = unsafe { libc::write(self.descriptor, rest.as_ptr().cast(), rest.len()) };
            let Some(left) =
                usize::try_from(written).ok().filter(|&count| count > 0).and_then(|n| rest.get(n..))
            else {
                break;
            };
            rest = left;
        }
        self.length = 0;
    }
}

impl fmt::Write for File {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.length == self.bytes.len() {
                self.flush();
            }
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Starts the thread that waits for the signal, and then handles the signal.
pub(super) fn listen() {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return;
    }
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the function takes the number of a file as its argument, and runs for ever.
    let is_started =
        unsafe { libc::pthread_create(thread.as_mut_ptr(), null(), wait, ends[0] as usize as *mut c_void) }
            == 0;
    if !is_started {
        return;
    }
    // SAFETY: started just now; nobody waits for its end.
    unsafe { libc::pthread_detach(thread.assume_init()) };
    WAKE.store(ends[1], Ordering::Release);
    // SAFETY: all zeros is a valid action; the handler calls only what a handler may.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = wake as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGUSR1, &raw const action, null_mut());
    }
}

/// Whether reports are written on a signal.
pub(super) fn is_listening() -> bool {
    WAKE.load(Ordering::Acquire) >= 0
}

extern "C" fn wake(_signal: c_int) {
    let byte = 0_u8;
    // SAFETY: the byte can be read; errors do not matter, and `errno` is put back.
    unsafe {
        let error = *libc::__errno_location();
        libc::write(WAKE.load(Ordering::Acquire), (&raw const byte).cast(), 1);
        *libc::__errno_location() = error;
    }
}

extern "C" fn wait(pipe: *mut c_void) -> *mut c_void {
    let mut byte = 0_u8;
    // SAFETY: one byte can be written; it waits for one.
    while unsafe { libc::read(pipe as usize as c_int, (&raw mut byte).cast(), 1) } == 1 {
        write();
    }
    null_mut()
}
