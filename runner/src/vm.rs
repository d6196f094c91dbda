//! A running machine: QEMU as a child process, its serial port, its monitor.
//!
//! QEMU never outlives the runner: it is killed when its `Vm` is dropped, and `setpriv --pdeathsig` has Linux kill it
//! when the thread that started it ends in any other way.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::machine::{Firmware, Machine};
use crate::monitor::{Monitor, keys_of_line};
use crate::process::Process;
use crate::settings::Settings;
use crate::snapshots::{self, Snapshot};
use crate::text;
use crate::transcript::Transcript;

/// The longest that one command at the shell may take.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_mins(1);
/// The longest time to the prompt. OVMF alone takes several seconds under TCG.
const BIOS_BOOT_LIMIT: Duration = Duration::from_secs(90);
const UEFI_BOOT_LIMIT: Duration = Duration::from_mins(2);

/// The extension of the file that the second serial line writes to, among the logs.
pub(crate) const DATA: &str = "export";
/// That of the file that the virtio console writes to.
pub(crate) const VIRTIO: &str = "hvc0";

/// Who watches the machine.
#[derive(Clone, Copy)]
pub(crate) struct Audience<'a> {
    /// Copy the serial port to standard output?
    pub(crate) shows_serial: bool,
    /// QEMU's `-display`.
    pub(crate) display: &'a str,
    /// Options for QEMU that come last.
    pub(crate) options: &'a [&'a str],
}

/// Nobody: the machine is tested.
pub(crate) const NOBODY: Audience<'static> = Audience { shows_serial: false, display: "none", options: &[] };

pub(crate) struct Vm {
    process: Process,
    input: ChildStdin,
    transcript: Transcript,
    monitor: Monitor,
    boot_limit: Duration,
    /// Where in the transcript the answer to the last input begins.
    mark: usize,
    /// The path of the machine's logs, but for the extension.
    log: PathBuf,
}

impl Vm {
    /// Switches a machine on; `name` names its logs.
    pub(crate) fn start(
        settings: &Settings,
        machine: &Machine,
        name: &str,
        audience: Audience,
    ) -> Result<Self> {
        Self::launch(settings, machine, name, audience, &[])
    }

    /// A machine that resumes from a snapshot of an equal one. It seems to reach the prompt at once.
    pub(crate) fn resume(
        settings: &Settings,
        machine: &Machine,
        name: &str,
        snapshot: &Snapshot,
    ) -> Result<Self> {
        let source = snapshots::pipe('<', &snapshot.file);
        let audience = Audience { options: &["-incoming", &source], ..NOBODY };
        let mut vm = Self::launch(settings, machine, name, audience, &snapshot.said)?;
        vm.monitor.wait_until_running()?;
        Ok(vm)
    }

    /// Saves the state of this machine, which must be at its prompt, in a file; the machine continues.
    pub(crate) fn keep(&mut self, file: &Path) -> Result<Snapshot> {
        self.monitor.migrate(&snapshots::pipe('>', file))?;
        Ok(Snapshot { file: file.to_owned(), said: self.transcript.since(0) })
    }

    fn launch(
        settings: &Settings,
        machine: &Machine,
        name: &str,
        audience: Audience,
        said: &[u8],
    ) -> Result<Self> {
        let log = settings.logs()?.join(name);
        let socket = log.with_extension("qmp");
        // A socket left behind by a killed run would be taken for the new one.
        let _ = std::fs::remove_file(&socket);

        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        command.args(machine.options(settings)?).args(["-display", audience.display]);
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", socket.display()));
        if machine.has_serial {
            command.args(["-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1"]);
        }
        if machine.has_data_line {
            command.args(data_line(&log.with_extension(DATA)));
        }
        if machine.has_virtio_console {
            command.args(virtio_console(&log.with_extension(VIRTIO)));
        }
        command.args(audience.options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(create(&log.with_extension("qemu"))?);

        let mut child = command.spawn().map_err(Error::host("starting QEMU by setpriv"))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let process = Process::new(child);
        let (input, output) = pipes.ok_or_else(|| Error::Wrong("QEMU was started without pipes".into()))?;
        let serial_log = create(&log.with_extension("serial"))?;
        let transcript = Transcript::record(output, serial_log, audience.shows_serial, said);
        let monitor = Monitor::connect(&socket)?;
        let boot_limit = match machine.firmware {
            Firmware::Bios => BIOS_BOOT_LIMIT,
            Firmware::Uefi => UEFI_BOOT_LIMIT,
        };
        Ok(Self { process, input, transcript, monitor, boot_limit, mark: 0, log })
    }

    /// Waits for the shell's prompt after power-on or a reboot; returns all text up to it.
    pub(crate) fn wait_for_boot(&mut self) -> Result<String> {
        self.expect_unless_stopped("shell prompt after booting", self.boot_limit, |text| {
            text::prompt_folder(text).map(|_| text)
        })
    }

    /// Types a line at the prompt and returns what the command prints before the prompt is back.
    pub(crate) fn run(&mut self, line: &str) -> Result<String> {
        self.enter(line)?;
        let shown: String = line.chars().take(60).collect();
        self.wait_for_prompt(&format!("prompt after `{shown}`"), COMMAND_LIMIT)
    }

    /// Exactly what `cat` shows of a file: blanks at the ends of lines and a missing newline are kept.
    pub(crate) fn read_file(&mut self, path: &str) -> Result<String> {
        const END: &str = "end-of-file";
        self.run(&format!("cat {path}; echo {END}"))?;
        let text = text::exact(&self.transcript.since(self.mark), END)
            .ok_or_else(|| Error::Wrong(format!("{path}: what `cat` shows is no plain text")))?;
        match text.strip_prefix("cat: ") {
            Some(refusal) => Err(Error::Wrong(format!("{path} cannot be read: {}", refusal.trim_end()))),
            None => Ok(text),
        }
    }

    /// Waits until the last line typed is carried out; returns what it printed.
    pub(crate) fn wait_for_prompt(&mut self, awaited: &str, limit: Duration) -> Result<String> {
        self.expect_unless_stopped(awaited, limit, text::answer)
    }

    /// Like `expect`, but also stops waiting at a report after which the kernel has stopped.
    fn expect_unless_stopped(
        &mut self,
        awaited: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<&str>,
    ) -> Result<String> {
        self.expect(awaited, limit, |text| match find(text) {
            Some(found) => Some(Ok(found.to_owned())),
            None if text::is_stopped(text) => {
                Some(Err(Error::Wrong(format!("the kernel stopped with a report, no {awaited}"))))
            }
            None => None,
        })?
    }

    /// Pushes the reset button. What `expect` reads begins here.
    pub(crate) fn reset(&mut self) -> Result<()> {
        self.type_bytes(b"")?;
        self.monitor().command_line("system_reset").map(drop)
    }

    /// Types a line and Enter, and does not wait. What `expect` reads begins here.
    pub(crate) fn enter(&mut self, line: &str) -> Result<()> {
        self.type_bytes(format!("{line}\r").as_bytes())
    }

    /// Types bytes as they are. What `expect` reads begins here.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.mark = self.transcript.length();
        self.input
            .write_all(bytes)
            .and_then(|()| self.input.flush())
            .map_err(Error::host("typing at the serial port"))
    }

    /// Waits until `find` finds what it looks for in the plain text since the last typing.
    pub(crate) fn expect<T>(
        &mut self,
        awaited: &str,
        limit: Duration,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        self.transcript.wait(self.mark, awaited, limit, |bytes| find(&text::plain(bytes)))
    }

    /// As `expect`, in the bytes as they came.
    pub(crate) fn expect_raw<T>(
        &mut self,
        awaited: &str,
        limit: Duration,
        find: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T> {
        self.transcript.wait(self.mark, awaited, limit, find)
    }

    /// The plain text since the last typing, after a pause in which more may come.
    pub(crate) fn text_after(&mut self, pause: Duration) -> String {
        thread::sleep(pause);
        text::plain(&self.transcript.since(self.mark))
    }

    /// Types a line and Enter on the PS/2 keyboard.
    pub(crate) fn press_line(&mut self, line: &str) -> Result<()> {
        self.mark = self.transcript.length();
        let keys = keys_of_line(line);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.monitor.press(&keys)
    }

    /// Waits for QEMU to end by itself; all its output has been read then.
    pub(crate) fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.end()? {
                return self.transcript.wait_for_end(limit).map(|()| status);
            }
            if Instant::now() > deadline {
                return Err(Error::Timeout { awaited: "end of QEMU".into(), limit });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for QEMU to end, however long it takes.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        self.process.wait()
    }

    /// How QEMU ended, if it has.
    pub(crate) fn end(&mut self) -> Result<Option<ExitStatus>> {
        self.process.end()
    }

    /// A file of this machine's among the logs.
    pub(crate) fn log_file(&self, extension: &str) -> PathBuf {
        self.log.with_extension(extension)
    }

    /// The longest that this machine may take to come to the prompt.
    pub(crate) fn boot_limit(&self) -> Duration {
        self.boot_limit
    }

    pub(crate) fn monitor(&mut self) -> &mut Monitor {
        &mut self.monitor
    }
}

/// QEMU's options for a second serial line that writes to a file. An older file of this name is replaced.
pub(crate) fn data_line(file: &Path) -> [String; 2] {
    ["-serial".into(), format!("file:{}", option_value(file))]
}

/// QEMU's options for a virtio console that writes to a file. An older file of this name is replaced.
fn virtio_console(file: &Path) -> [String; 6] {
    let line = format!("file,id=hvc0,path={}", option_value(file));
    ["-device", "virtio-serial-pci", "-chardev", &line, "-device", "virtconsole,chardev=hvc0"].map(Into::into)
}

/// A path as a part of an option. A comma ends a sub-option unless it is doubled.
fn option_value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(Error::host(format!("creating {}", path.display())))
}
