//! A machine to type at: its console is captured, its memory can run out, and Ctrl-C can come at any moment.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use shell::{COMMANDS, Command, Host, Line, LineEditor, Options, Session, Shell, Syntax};
use vfs::{Buffers, MAX_OPEN_FILES, OpenFlags, Pages, RamFs, Vfs};

use crate::files;
use crate::memory::Memory;

/// What the shell is given.
pub(crate) struct TestHost {
    files: Vfs,
    /// The file system on `/tmp`.
    pub(crate) temporary: &'static RamFs,
    /// What files lie in.
    pub(crate) file_pages: &'static Memory,
    /// What the text of open files lies in.
    pub(crate) file_buffers: &'static Memory,
    /// What commands sort and compare in.
    pub(crate) buffers: &'static Memory,
    /// What flows through pipes.
    pub(crate) pages: &'static Memory,
    console: Mutex<Vec<u8>>,
    /// How often it is asked for Ctrl-C before that comes; `u64::MAX`: never.
    asks_before_interrupt: AtomicU64,
    is_interrupted: Mutex<bool>,
    pub(crate) dropped_bytes: AtomicU64,
    /// Functions of commands that it was asked to run.
    pub(crate) ran_commands: AtomicU64,
}

impl TestHost {
    fn new() -> &'static Self {
        let (file_pages, file_buffers) = (Memory::new(), Memory::new());
        let (files, temporary) = files::mount_all(file_pages, file_buffers).expect("the files are there");
        Box::leak(Box::new(Self {
            files,
            temporary,
            file_pages,
            file_buffers,
            buffers: Memory::new(),
            pages: Memory::new(),
            console: Mutex::default(),
            asks_before_interrupt: AtomicU64::new(u64::MAX),
            is_interrupted: Mutex::new(false),
            dropped_bytes: AtomicU64::new(0),
            ran_commands: AtomicU64::new(0),
        }))
    }

    /// What came to the console since the last call.
    fn take_console(&self) -> String {
        let bytes = std::mem::take(&mut *self.console.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Lets Ctrl-C come when it has been asked for so many times.
    pub(crate) fn interrupt_after(&self, asks: u64) {
        self.asks_before_interrupt.store(asks, Ordering::Relaxed);
    }

    /// Lets none come any more; says whether one did.
    pub(crate) fn stop_interrupting(&self) -> bool {
        self.asks_before_interrupt.swap(u64::MAX, Ordering::Relaxed) == 0
    }

    /// What is out of the memory that commands and open files have while they run. The files themselves stay.
    pub(crate) fn lent(&self) -> usize {
        self.file_buffers.lent() + self.buffers.lent() + self.pages.lent()
    }

    /// Files that are open now.
    pub(crate) fn open_files(&self) -> usize {
        let mut others = Vec::new();
        while let Ok(file) = self.files.open("/", "/dev/null", OpenFlags::READ) {
            others.push(file);
        }
        let open = MAX_OPEN_FILES - others.len();
        for file in others {
            self.files.close(file).expect("it was opened just now");
        }
        open
    }
}

impl Host for TestHost {
    fn files(&self) -> &Vfs {
        &self.files
    }

    fn buffers(&self) -> &dyn Buffers {
        self.buffers
    }

    fn pages(&self) -> &dyn Pages {
        self.pages
    }

    fn write(&self, text: fmt::Arguments<'_>) {
        self.write_bytes(text.to_string().as_bytes());
    }

    fn write_bytes(&self, bytes: &[u8]) {
        self.console.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }

    fn is_interrupted(&self) -> bool {
        let mut is_interrupted = self.is_interrupted.lock().unwrap_or_else(PoisonError::into_inner);
        let asks = self.asks_before_interrupt.load(Ordering::Relaxed);
        if asks != u64::MAX && asks > 0 {
            self.asks_before_interrupt.store(asks - 1, Ordering::Relaxed);
            *is_interrupted |= asks == 1;
        }
        *is_interrupted
    }

    fn clear_interrupt(&self) {
        *self.is_interrupted.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes.load(Ordering::Relaxed)
    }

    fn run_command(&self, run: fn(&mut Session, &Options<'_>), session: &mut Session, options: &Options<'_>) {
        self.ran_commands.fetch_add(1, Ordering::Relaxed);
        run(session, options);
    }

    fn hints(&self) -> &'static str {
        "This machine is a test.\n"
    }
}

/// What a kernel adds to the crate's commands.
const OWN: [Command; 1] = [Command {
    name: "quiet",
    usage: "quiet WORD...",
    summary: "run a command without its output, and say whether it failed",
    syntax: Syntax::SUBCOMMAND,
    run: |session, options| {
        session.without_output(|session| {
            session.run_words(&options.operands);
            session.finish_output("output");
        });
        session.print(format_args!("done\n"));
    },
}];

static TABLES: [&[Command]; 2] = [COMMANDS, &OWN];

/// A person at the machine.
pub(crate) struct Terminal {
    pub(crate) host: &'static TestHost,
    shell: Shell<'static>,
}

impl Terminal {
    /// In front of a machine without files of one's own.
    pub(crate) fn new() -> Self {
        Self::with_commands(&TABLES)
    }

    /// The same, with these commands.
    pub(crate) fn with_commands(tables: &'static [&'static [Command]]) -> Self {
        let host = TestHost::new();
        let session = Session::new(host, tables);
        let shell =
            Shell::start(session, Box::leak(Box::<LineEditor>::default()), Box::leak(Box::<Line>::default()));
        host.take_console();
        Self { host, shell }
    }

    /// The exit status of the last command.
    pub(crate) fn status(&self) -> u8 {
        self.shell.status()
    }

    /// Types bytes, and gives all that the console shows: echo, answer, prompt.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) -> String {
        for byte in bytes {
            self.shell.feed(*byte);
        }
        self.host.take_console()
    }

    /// Runs a line, and gives its answer as it comes to the console.
    pub(crate) fn run_raw(&mut self, line: &str) -> String {
        let shown = self.type_bytes(format!("{line}\r").as_bytes());
        let answer = shown.strip_prefix(line).and_then(|rest| rest.strip_prefix('\n'));
        let answer = answer.and_then(|answer| answer.rsplit_once("\x1b[1mtally:"));
        answer.map(|(answer, _)| answer.to_owned()).unwrap_or(shown)
    }

    /// Runs a line, and gives its answer without colours and without the last end of line.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let mut answer = String::new();
        let raw = self.run_raw(line);
        for (number, part) in raw.split("\x1b[").enumerate() {
            let is_code = |code: &str| code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';');
            match part.split_once('m') {
                Some((code, text)) if number > 0 && is_code(code) => answer += text,
                _ if number > 0 => answer.extend(["\x1b[", part]),
                _ => answer += part,
            }
        }
        answer.strip_suffix('\n').unwrap_or(&answer).to_owned()
    }

    /// Takes back all that the lines before have made.
    pub(crate) fn start_over(&mut self) {
        self.run("cd /");
        files::remove_all(&self.host.files).expect("what was made can be removed");
    }
}
