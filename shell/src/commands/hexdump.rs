//! `hexdump`: bytes in hexadecimal and as characters, as hexdump(1) shows them with `-C`.

use vfs::Result;

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::source::{PIECE_BYTES, Source};
use crate::syntax::Syntax;
use crate::text::{HexRow, ROW_BYTES};

pub(super) const COMMAND: Command = Command {
    name: "hexdump",
    usage: "hexdump [-C] [FILE...]",
    summary: "show bytes in hexadecimal",
    syntax: Syntax::at_least(0).flags("C"),
    run,
};

fn run(session: &mut Session, options: &Options<'_>) {
    session.for_each_input(COMMAND.name, &options.operands, |session, _, source| dump(session, source));
}

fn dump(session: &mut Session, source: Source) -> Result<()> {
    let mut piece = [0; PIECE_BYTES];
    let mut rows = Rows { row: [0; ROW_BYTES], length: 0, last: None, is_repeated: false, offset: 0 };
    while let Some(bytes) = session.next_piece(source, &mut piece)? {
        for byte in bytes {
            rows.push(session, *byte);
        }
    }
    if session.is_interrupted() {
        return Ok(());
    }
    if rows.length > 0 {
        rows.end_row(session);
    }
    if rows.offset > 0 {
        session.print(format_args!("{:08x}\n", rows.offset));
    }
    Ok(())
}

/// The current row, and the last one: rows that repeat it are shown as one `*`.
struct Rows {
    row: [u8; ROW_BYTES],
    length: usize,
    last: Option<[u8; ROW_BYTES]>,
    is_repeated: bool,
    offset: u64,
}

impl Rows {
    fn push(&mut self, session: &mut Session, byte: u8) {
        if let Some(slot) = self.row.get_mut(self.length) {
            *slot = byte;
            self.length = self.length.saturating_add(1);
        }
        if self.length == ROW_BYTES {
            self.end_row(session);
        }
    }

    fn end_row(&mut self, session: &mut Session) {
        let bytes = self.row.get(..self.length).unwrap_or_default();
        if self.length < ROW_BYTES || self.last != Some(self.row) {
            session.print(format_args!("{}\n", HexRow { offset: self.offset, bytes }));
            self.is_repeated = false;
        } else if !core::mem::replace(&mut self.is_repeated, true) {
            session.print(format_args!("*\n"));
        }
        self.last = Some(self.row);
        self.offset = self.offset.saturating_add(self.length as u64);
        self.length = 0;
    }
}
