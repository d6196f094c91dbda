//! QEMU's monitor: keys, pictures of the screen, interrupts, questions about the machine.
//!
//! The QEMU Machine Protocol (qemu-qmp-ref(7)): one JSON object per line. The few commands and answers used here need
//! no JSON library.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The longest that QEMU may take to answer, or to write a picture of the screen.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// The longest that saving or loading the state of a machine may take.
const MIGRATION_LIMIT: Duration = Duration::from_mins(2);

/// A connection to one QEMU.
pub(crate) struct Monitor {
    answers: BufReader<UnixStream>,
    socket: PathBuf,
}

impl Monitor {
    /// Connects to the socket that QEMU creates early.
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + ANSWER_LIMIT;
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                Err(source) => {
                    return Err(Error::Host { doing: "connecting to QEMU's monitor".into(), source });
                }
            }
        };
        stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(Error::host("setting the monitor's limit"))?;
        let mut monitor = Self { answers: BufReader::new(stream), socket: socket.to_owned() };
        monitor.execute("qmp_capabilities", "")?;
        Ok(monitor)
    }

    /// Presses and releases keys one after the other; a key is QEMU's name for it, as `ret` or `shift-a`.
    pub(crate) fn press(&mut self, keys: &[&str]) -> Result<()> {
        for key in keys {
            self.command_line(&format!("sendkey {key} 20"))?;
            // `sendkey` returns at once and releases the key later; typing faster would lose keys.
            thread::sleep(Duration::from_millis(60));
        }
        Ok(())
    }

    /// Writes the screen to a file as PNG, or as PPM if its name ends so.
    pub(crate) fn dump_screen(&mut self, file: &Path) -> Result<()> {
        let format = if file.extension().is_some_and(|extension| extension == "ppm") { "ppm" } else { "png" };
        let arguments =
            format!(r#"{{"filename":{},"format":"{format}"}}"#, quote(&file.display().to_string()));
        self.execute("screendump", &arguments).map(drop)
    }

    /// Raises a non-maskable interrupt.
    pub(crate) fn inject_nmi(&mut self) -> Result<()> {
        self.execute("inject-nmi", "").map(drop)
    }

    /// Does the machine still run, neither paused nor stopped?
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.execute("query-status", "")?.contains(r#""running": true"#))
    }

    /// Is the machine in that state of QEMU's (`RunState` in qemu-qmp-ref(7))?
    fn has_status(&mut self, status: &str) -> Result<bool> {
        Ok(self.execute("query-status", "")?.contains(&format!(r#""status": "{status}""#)))
    }

    /// Writes the state of the machine to `destination`, and lets the machine continue.
    pub(crate) fn migrate(&mut self, destination: &str) -> Result<()> {
        // The default is slow, to save network bandwidth.
        self.execute("migrate-set-parameters", r#"{"max-bandwidth":17179869184}"#)?;
        self.execute("migrate", &format!(r#"{{"uri":{}}}"#, quote(destination)))?;
        let deadline = Instant::now() + MIGRATION_LIMIT;
        loop {
            let answer = self.execute("query-migrate", "")?;
            // The migration is reported as completed a moment before the machine has left the state
            // `finish-migrate`, in which QEMU refuses `cont`.
            if answer.contains(r#""status": "completed""#) && self.has_status("postmigrate")? {
                return self.execute("cont", "").map(drop);
            }
            if answer.contains(r#""status": "failed""#) {
                return Err(Error::Monitor { command: "migrate".into(), answer: answer.trim().into() });
            }
            if Instant::now() > deadline {
                let awaited = "end of the machine's migration into a file".into();
                return Err(Error::Timeout { awaited, limit: MIGRATION_LIMIT });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a machine runs whose state comes from a file.
    pub(crate) fn wait_until_running(&mut self) -> Result<()> {
        let deadline = Instant::now() + MIGRATION_LIMIT;
        while !self.is_running()? {
            if Instant::now() > deadline {
                let awaited = "machine that continues from a snapshot".into();
                return Err(Error::Timeout { awaited, limit: MIGRATION_LIMIT });
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Ends QEMU, which may be gone before it has answered.
    pub(crate) fn quit(&mut self) {
        let _ = self.execute("quit", "");
    }

    /// Carries out a command of the human monitor; returns what it prints, still JSON-quoted.
    pub(crate) fn command_line(&mut self, line: &str) -> Result<String> {
        self.execute("human-monitor-command", &format!(r#"{{"command-line":{}}}"#, quote(line)))
    }

    fn execute(&mut self, command: &str, arguments: &str) -> Result<String> {
        let request = if arguments.is_empty() {
            format!("{{\"execute\":\"{command}\"}}\n")
        } else {
            format!("{{\"execute\":\"{command}\",\"arguments\":{arguments}}}\n")
        };
        let doing = || format!("asking QEMU's monitor for {command}");
        self.answers.get_mut().write_all(request.as_bytes()).map_err(Error::host(doing()))?;
        loop {
            let mut line = String::new();
            let count = self.answers.read_line(&mut line).map_err(Error::host(doing()))?;
            if count == 0 {
                return Err(Error::Ended { awaited: format!("answer to {command}") });
            }
            // The greeting and events come in between.
            if line.starts_with(r#"{"return""#) {
                return Ok(line);
            }
            if line.starts_with(r#"{"error""#) {
                return Err(Error::Monitor { command: command.into(), answer: line.trim().into() });
            }
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Nothing else is left of the machine; a socket left behind does no harm.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A JSON string (RFC 8259, section 7).
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                let _ = fmt::Write::write_fmt(&mut quoted, format_args!("\\u{:04x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// QEMU's key names for a line of lower-case words and Enter.
pub(crate) fn keys_of_line(line: &str) -> Vec<String> {
    let name = |character| match character {
        ' ' => "spc".into(),
        '/' => "slash".into(),
        '-' => "minus".into(),
        '.' => "dot".into(),
        ';' => "semicolon".into(),
        upper if char::is_uppercase(upper) => format!("shift-{}", upper.to_lowercase()),
        other => other.to_string(),
    };
    line.chars().map(name).chain(["ret".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::{Monitor, keys_of_line, quote};

    #[test]
    fn quoted_text_is_json() {
        assert_eq!(quote("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }

    #[test]
    fn lines_become_key_names() {
        assert_eq!(keys_of_line("cd /P"), ["c", "d", "spc", "slash", "shift-p", "ret"]);
    }

    /// A QEMU in which a migration is completed three questions before the machine may continue.
    fn answer_as_qemu(stream: UnixStream) -> std::io::Result<bool> {
        let mut questions = 0;
        let mut answers = stream.try_clone()?;
        for request in BufReader::new(stream).lines() {
            let request = request?;
            let status = if questions < 3 { "finish-migrate" } else { "postmigrate" };
            if request.contains("query-status") {
                questions += 1;
                writeln!(answers, r#"{{"return": {{"status": "{status}", "running": false}}}}"#)?;
            } else if request.contains("query-migrate") {
                writeln!(answers, r#"{{"return": {{"status": "completed"}}}}"#)?;
            } else if request.contains("cont") {
                writeln!(answers, r#"{{"return": {{}}}}"#)?;
                return Ok(status == "postmigrate");
            } else {
                writeln!(answers, r#"{{"return": {{}}}}"#)?;
            }
        }
        Ok(false)
    }

    #[test]
    fn machine_continues_when_qemu_has_left_the_migration() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let qemu = thread::spawn(|| answer_as_qemu(theirs));
        let mut monitor = Monitor { answers: BufReader::new(ours), socket: "none".into() };
        monitor.migrate("exec:cat").unwrap();
        assert!(qemu.join().unwrap().unwrap(), "`cont` came too early");
    }
}
