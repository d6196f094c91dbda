//! Reads lines and puts dumps together.

use std::io::{self, BufRead};

use super::fields::Fields;
use super::line::{Checked, checked_texts, without_escapes};
use super::proc_file::ProcFile;
use super::{
    AgeClass, Block, Dump, Event, Frame, Live, Mark, Problem, SizeClass, Stack, State, Totals, VERSION,
};

/// The first words of a dump's lines.
pub(super) const WORDS: [&str; 15] = [
    "memstat-dump",
    "offset",
    "level",
    "totals",
    "live",
    "mark",
    "s",
    "n",
    "b",
    "size",
    "age",
    "lost",
    "e",
    "during",
    "end",
];

/// Problems that are kept of one dump; the others are counted.
const MAX_PROBLEMS: usize = 20;

/// Finds dumps in an input that is handed over line by line.
#[derive(Debug, Default)]
pub struct Reader {
    lines: u64,
    open: Option<Open>,
    proc_file: Option<ProcFile>,
    dumps: Vec<Dump>,
}

/// A dump whose last line has not come yet.
#[derive(Debug, Default)]
struct Open {
    dump: Dump,
    /// Over the checksums of its lines.
    all: crc32fast::Hasher,
    count: u64,
    torn: u64,
    /// Whether a line was not understood although its check is right.
    has_errors: bool,
    /// The address of the line before, if it was a name.
    named: Option<u64>,
    /// Whether names of this address are known from before.
    is_known: bool,
    /// Lines in another version of the format are not read.
    is_skipped: bool,
}

/// Finds all dumps in an input.
///
/// # Errors
///
/// Those of reading. A dump that is not whole is no error: see [`Dump::state`].
pub fn read(mut input: impl BufRead) -> io::Result<Vec<Dump>> {
    let (mut reader, mut line) = (Reader::default(), Vec::new());
    while input.read_until(b'\n', &mut line)? > 0 {
        reader.line(&line);
        line.clear();
    }
    Ok(reader.finish())
}

impl Reader {
    /// Takes the next line of the input.
    pub fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        checked_texts(line, |text| match text {
            Checked::Right(text, checksum) => self.text(text, checksum),
            Checked::Torn => self.torn(),
        });
        self.proc_line(line);
    }

    /// Files of /proc have no sign of their own: one begins with its title, and ends with the first line of another form.
    fn proc_line(&mut self, line: &[u8]) {
        let is_title = line.first() == Some(&b'a') && line.len() <= 64;
        if !is_title && self.proc_file.is_none() {
            return;
        }
        let line = without_escapes(line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if !self.proc_file.as_mut().is_some_and(|file| file.line(text)) {
            self.end_proc_file();
            self.proc_file = ProcFile::begin(text, self.lines);
        }
    }

    fn end_proc_file(&mut self) {
        if let Some(file) = self.proc_file.take() {
            self.dumps.push(file.end(self.lines));
        }
    }

    /// Whether a dump ended since the last call of [`Reader::take`].
    pub fn has_dumps(&self) -> bool {
        !self.dumps.is_empty()
    }

    /// The dumps that ended since the last call.
    pub fn take(&mut self) -> Vec<Dump> {
        std::mem::take(&mut self.dumps)
    }

    /// All dumps that were not taken yet, a cut one at the end included.
    pub fn finish(mut self) -> Vec<Dump> {
        self.end_proc_file();
        self.close(State::Cut);
        self.dumps
    }

    fn torn(&mut self) {
        if let Some(open) = &mut self.open {
            open.torn += 1;
            open.problem(self.lines, "torn or changed; not used".into());
        }
    }

    fn text(&mut self, text: &str, checksum: u32) {
        let (kind, fields) = Fields::new(text);
        if kind == "memstat-dump" {
            self.close(State::Cut);
        }
        let is_first = kind == "memstat-dump" || self.open.is_none();
        let line = self.lines;
        let open = self.open.get_or_insert_with(Open::default);
        if is_first {
            open.dump.first_line = line;
            if kind != "memstat-dump" {
                open.problem(line, "the dump's first line is missing".into());
            }
        }
        if kind == "end" {
            let state = open.end(line, fields);
            return self.close(state);
        }
        open.all.update(&checksum.to_le_bytes());
        open.count += 1;
        if open.is_skipped {
            return;
        }
        if let Err(what) = open.read(kind, fields) {
            open.has_errors = true;
            open.problem(line, what);
        }
    }

    fn close(&mut self, state: State) {
        let Some(Open { mut dump, torn, .. }) = self.open.take() else { return };
        dump.state = state;
        if state == State::Cut {
            dump.problems
                .push(Problem { line: self.lines, what: "the dump is cut: it has no last line".into() });
        }
        if torn as usize > MAX_PROBLEMS {
            dump.problems.push(Problem { line: self.lines, what: format!("{torn} torn lines in all") });
        }
        self.dumps.push(dump);
    }
}

impl Open {
    fn problem(&mut self, line: u64, what: String) {
        if self.dump.problems.len() < MAX_PROBLEMS {
            self.dump.problems.push(Problem { line, what });
        }
    }

    fn end(&mut self, line: u64, mut fields: Fields<'_>) -> State {
        let written = fields.number::<u64>().and_then(|count| Ok((count, fields.hex()?)));
        let found = (self.count, u64::from(self.all.clone().finalize()));
        if written.as_ref() == Ok(&found) {
            if !self.has_errors {
                // Whatever looked like a torn line was none of this dump's.
                self.dump.problems.clear();
                return State::Whole;
            }
        } else {
            let what = match written {
                Ok((count, _)) if count != self.count => {
                    format!("the dump has {count} lines, {} were found", self.count)
                }
                Ok(_) => "the checksum is wrong: lines changed places or were replaced".into(),
                Err(what) => what,
            };
            self.problem(line, what);
        }
        State::Damaged
    }

    fn read(&mut self, kind: &str, mut fields: Fields<'_>) -> Result<(), String> {
        let dump = &mut self.dump;
        let named = self.named.take();
        match kind {
            "memstat-dump" => {
                let version: u64 = fields.number()?;
                if version != VERSION {
                    self.is_skipped = true;
                    return Err(format!("version {version}; expected {VERSION}"));
                }
                (dump.program, dump.time_us) = (fields.text()?, fields.number()?);
            }
            "offset" => dump.load_offset = fields.hex()?,
            "level" => {
                dump.level = fields.text()?;
                for since in &mut dump.since_us {
                    *since = fields.optional()?;
                }
            }
            "totals" => dump.totals = totals(&mut fields)?,
            "live" => dump.live = live(&mut fields)?,
            "mark" => {
                let name = fields.text()?;
                dump.marks.push(Mark { name, sequence: fields.number()?, time_us: fields.number()? });
            }
            "s" => dump.stacks.push(stack(fields)?),
            "n" => {
                let address = fields.hex()?;
                let frame = Frame { function: fields.text()?, file: fields.text()?, line: fields.number()? };
                // The lines of one address follow each other; it may be named again, in the same way.
                if named != Some(address) {
                    self.is_known = dump.names.contains_key(&address);
                }
                self.named = Some(address);
                if !self.is_known {
                    dump.names.entry(address).or_default().push(frame);
                }
            }
            "b" => dump.blocks.push(block(&mut fields)?),
            "size" => dump.sizes.push(SizeClass {
                from_bytes: fields.number()?,
                blocks: fields.number()?,
                bytes: fields.number()?,
                allocations: fields.number()?,
            }),
            "age" => dump.ages.push(AgeClass {
                from_ms: fields.number()?,
                blocks: fields.number()?,
                bytes: fields.number()?,
            }),
            "lost" => dump.lost_events = dump.lost_events.saturating_add(fields.number()?),
            "e" => dump.events.push(event(&mut fields)?),
            "during" => dump.during = Some((fields.number()?, fields.number()?)),
            // A later writer may have more kinds of lines.
            _ => {}
        }
        Ok(())
    }
}

fn totals(fields: &mut Fields<'_>) -> Result<Totals, String> {
    Ok(Totals {
        allocations: fields.number()?,
        requested_bytes: fields.number()?,
        frees: fields.number()?,
        reallocations: fields.number()?,
        failures: fields.number()?,
        bad_frees: fields.number()?,
        untracked: fields.number()?,
    })
}

fn live(fields: &mut Fields<'_>) -> Result<Live, String> {
    Ok(Live {
        blocks: fields.number()?,
        recorded_blocks: fields.number()?,
        bytes: fields.number()?,
        taken_bytes: fields.number()?,
        peak_blocks: fields.number()?,
        peak_bytes: fields.number()?,
    })
}

fn stack(mut fields: Fields<'_>) -> Result<Stack, String> {
    Ok(Stack {
        number: fields.number()?,
        live_blocks: fields.number()?,
        live_bytes: fields.number()?,
        peak_bytes: fields.number()?,
        total_blocks: fields.number()?,
        total_bytes: fields.number()?,
        first_us: fields.number()?,
        frames: fields.all_hex()?,
    })
}

fn block(fields: &mut Fields<'_>) -> Result<Block, String> {
    Ok(Block {
        address: fields.hex()?,
        size_bytes: fields.number()?,
        stack: fields.number()?,
        sequence: fields.number()?,
        time_us: fields.number()?,
        align_bytes: fields.number_or(8)?,
        cpu: fields.number_or(0)?,
        task: fields.number_or(0)?,
    })
}

fn event(fields: &mut Fields<'_>) -> Result<Event, String> {
    Ok(Event {
        kind: fields.text()?,
        address: fields.hex()?,
        size_bytes: fields.number()?,
        stack: fields.number()?,
        sequence: fields.number()?,
        time_us: fields.number()?,
        cpu: fields.number_or(0)?,
        task: fields.number_or(0)?,
    })
}
