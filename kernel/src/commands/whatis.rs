//! `whatis`: what is at an address, as mdb's `::whatis` says it, of the running kernel.

use journal::Seconds;
use memstat::{Platform, Record, Stack};
use shell::{Command, Options, Session, Syntax};
use whatis::{Mapping, Typed};

use crate::arch::{PAddr, VAddr, backtrace};
use crate::fs::VFS;
use crate::memory::heap::tracker;
use crate::memory::page_owners::PageOwner;
use crate::memory::page_tracker::page_tracker;
use crate::memory::report::shown_frames;
use crate::memory::whatis::{Answer, Block, What};
use crate::symbols::{self, CallPath, Described, ReturnAddress};
use vfs::{PageUse, RAM_PAGE_BYTES};

pub(super) const COMMAND: Command = Command {
    name: "whatis",
    usage: "whatis ADDRESS|phys:ADDRESS|SYMBOL...",
    summary: "show what is at an address: code, variable, stack, block, pages, file, device",
    syntax: Syntax::operands(1, usize::MAX),
    run,
};

/// Columns before the functions of a call stack.
const FRAME_INDENT: usize = 8;
/// Symbols of one name that are shown.
const MAX_SYMBOLS: usize = 8;

fn run(session: &mut Session, options: &Options<'_>) {
    for word in &options.operands {
        if session.is_interrupted() {
            return;
        }
        match Typed::parse(word) {
            Ok(Typed::Virtual(address)) => explain_virtual(session, VAddr(address)),
            Ok(Typed::Physical(address)) => {
                explain(session, "phys:", address, &Answer::of_physical(PAddr(address)));
            }
            Ok(Typed::Symbol { name, offset }) => explain_symbols(session, name, offset),
            Err(error) => session.report_failure(format_args!("{}: '{word}': {error}", COMMAND.name)),
        }
    }
}

fn explain_symbols(session: &mut Session, name: &str, offset: u64) {
    let mut count = 0;
    symbols::for_each_named(name, &mut |start| {
        count += 1;
        if count <= MAX_SYMBOLS {
            explain_virtual(session, start + offset);
        }
    });
    match count {
        0 => session.report_failure(format_args!(
            "{}: '{name}' is no function and no variable, nor an address; expected 0xADDRESS, phys:ADDRESS or a name",
            COMMAND.name
        )),
        1..=MAX_SYMBOLS => {}
        _ => session.print(format_args!("... and {} more with this name\n", count - MAX_SYMBOLS)),
    }
}

fn explain_virtual(session: &mut Session, address: VAddr) {
    let answer = Answer::of_virtual(address);
    explain(session, "", address.as_u64(), &answer);
    // Nothing is mapped in the lower half, so it may be meant as a physical address.
    if matches!(answer.what, What::LowerHalf) {
        explain(session, "phys:", address.as_u64(), &Answer::of_physical(PAddr(address.as_u64())));
    }
}

// Not inlined: formatting takes much of the stack.
#[inline(never)]
fn explain(session: &mut Session, prefix: &str, asked: u64, answer: &Answer) {
    match file_of(answer) {
        Some((path, page_use)) => {
            session.print(format_args!("{prefix}{asked:#x}: "));
            explain_file(session, answer, &path, page_use);
        }
        None => session.print(format_args!("{prefix}{asked:#x}: {}\n", Described(answer))),
    }
    match &answer.what {
        What::Block(block) => show_block(session, block),
        What::Stack(_) => show_frame(session, answer.address),
        _ => {}
    }
    if let Some(run) = &answer.run {
        show_run(session, run);
    }
    show_mapping(session, answer);
}

fn show_block(session: &mut Session, Block { life, freed_by, .. }: &Block) {
    let stacks = tracker().stacks();
    show_event(session, "allocated", &life.block, stacks.get(life.block.stack()).as_ref());
    let Some(free) = &life.free else { return };
    let stack = stacks.get(free.stack());
    show_event(session, "freed", free, stack.as_ref());
    if let (None, Some(caller)) = (stack, freed_by) {
        session.print(format_args!("        {}\n", ReturnAddress(*caller)));
    }
}

/// The file that a page belongs to.
fn file_of(answer: &Answer) -> Option<(vfs::PathBuffer, PageUse)> {
    let What::FilePage(number) = answer.what else { return None };
    VFS.page_owner(u32::try_from(number).ok()?)
}

fn explain_file(session: &mut Session, answer: &Answer, path: &str, page_use: PageUse) {
    let offset = answer.address.as_usize() % RAM_PAGE_BYTES;
    let path = if path.is_empty() { "a file that has no name any more" } else { path };
    match page_use {
        PageUse::Contents { index, .. } => {
            let offset = index * RAM_PAGE_BYTES as u64 + offset as u64;
            session.print(format_args!("contents of {path}, offset {offset}, in its page {index}\n"));
        }
        PageUse::Numbers { .. } => session.print(format_args!("page numbers of the contents of {path}\n")),
        PageUse::Index { .. } => session.print(format_args!("index of the directory {path}\n")),
        PageUse::Inodes => session.print(format_args!("inodes of the file system at {path}\n")),
    }
}

fn show_event(session: &mut Session, word: &str, record: &Record, stack: Option<&Stack>) {
    let time = Seconds(tracker().platform().stamp_to_ns(record.stamp()));
    session.print(format_args!("    {word} at {time} s by task {} on CPU {}", record.task(), record.cpu()));
    match record.sequence() {
        0 => session.print(format_args!("\n")),
        sequence => session.print(format_args!(", event {sequence}\n")),
    }
    for frame in stack.into_iter().flat_map(shown_frames) {
        session.print(format_args!("        {}\n", CallPath::of_return_address(frame, FRAME_INDENT)));
    }
}

/// The function in whose frame an address is.
fn show_frame(session: &mut Session, address: VAddr) {
    match backtrace::function_with(address) {
        Some(function) => session.print(format_args!("    in the frame of {}\n", ReturnAddress(function))),
        None => session.print(format_args!("    in no frame that is in use, or in that of this command\n")),
    }
}

fn show_run(session: &mut Session, run: &PageOwner) {
    let purpose = run.purpose.map_or("an unknown purpose", |purpose| purpose.name());
    let word = if run.pages == 1 { "page" } else { "pages" };
    session.print(format_args!(
        "    in a run of {} {word} from {:#x} on for: {purpose}\n",
        run.pages, run.first
    ));
    if let Some(record) = &run.record {
        show_event(session, "taken", record, page_tracker().stacks().get(record.stack()).as_ref());
    }
}

fn show_mapping(session: &mut Session, answer: &Answer) {
    let Some(physical) = answer.physical else { return };
    session.print(format_args!("    phys:{physical:#x}"));
    match answer.mapping {
        None => session.print(format_args!(", not mapped\n")),
        Some(Mapping { page_bytes, is_writable, is_executable, .. }) => {
            let rights = match (is_writable, is_executable) {
                (true, false) => "read and write",
                (false, false) => "read",
                (false, true) => "read and execute",
                (true, true) => "read, write and execute",
            };
            let (address, kib) = (answer.address, page_bytes / 1024);
            session.print(format_args!(", mapped at {address:#x} by a page of {kib} kB: {rights}\n"));
        }
    }
}
