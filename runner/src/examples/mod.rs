//! The examples of README and docs, typed at a machine, so that they show what a reader sees.
//!
//! A session is an indented block that begins with the prompt `tally:/# `. Each of its commands is typed, and its
//! output compared with the lines below it: `pattern` decides whether a line matches, `compare` handles lines left out.
//! A comment before a block, which readers do not see, names the machine (`<!-- machine: memstat=full -->`), or says
//! that the block is something else (`<!-- not typed: a diagram -->`). Without a comment the machine of the previous
//! session is used. A block that is none of these fails. `runner examples` writes the present output into the
//! documents.

mod addresses;
mod compare;
#[cfg(test)]
mod host;
mod markdown;
mod pattern;
mod tables;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use addresses::Addresses;
use compare::compare;
use markdown::{Command, Kind};

use crate::error::{Error, Result, ensure};
use crate::machine::{DEFAULT, Machine, OnReset};
use crate::settings::Settings;
use crate::text;
use crate::vm::{NOBODY, Vm};

/// The longest that a command may take, a restart included.
const LIMIT: Duration = Duration::from_secs(75);

/// A text with examples.
pub(crate) struct Document {
    /// From the root of the workspace.
    pub(crate) path: &'static str,
    text: &'static str,
}

macro_rules! document {
    ($path:literal) => {
        Document { path: $path, text: include_str!(concat!("../../../", $path)) }
    };
}

pub(crate) static README: Document = document!("README.md");
pub(crate) static FAULTS: Document = document!("docs/faults.md");
pub(crate) static FILES: Document = document!("docs/files.md");
pub(crate) static LESSON: Document = document!("docs/lesson.md");
pub(crate) static LESSON_RU: Document = document!("docs/lesson.ru.md");
pub(crate) static LEAKS: Document = document!("docs/leaks.md");
pub(crate) static PROC: Document = document!("docs/proc.md");
pub(crate) static SHELL: Document = document!("docs/shell.md");
pub(crate) static TESTING: Document = document!("docs/testing.md");

/// Those with sessions.
static TYPED: &[&Document] =
    &[&README, &FAULTS, &FILES, &LEAKS, &LESSON, &LESSON_RU, &PROC, &SHELL, &TESTING];

/// Makes a machine that waits at its prompt, or boots; the number tells a document's machines apart.
type Start<'a> = dyn FnMut(&Machine<'static>, usize) -> Result<Vm> + 'a;

/// A command, and its output.
struct Answer {
    command: Command,
    printed: Result<String>,
}

impl Document {
    /// The machines that its sessions need.
    pub(crate) fn machines(&self) -> Vec<Machine<'static>> {
        let mut machines = Vec::new();
        for (machine, _) in self.sessions().unwrap_or_default() {
            if machine.is_some() || machines.is_empty() {
                machines.push(machine_of(machine.unwrap_or_default()));
            }
        }
        machines
    }

    /// Types all of its examples, and compares the output.
    pub(crate) fn judge(&self, start: &mut Start) -> Result<()> {
        let faults: Vec<String> =
            self.type_all(start)?.iter().filter_map(|answer| self.fault(answer)).collect();
        ensure!(faults.is_empty(), "{}", faults.join("\n      "));
        Ok(())
    }

    fn sessions(&self) -> Result<Vec<(Option<&'static str>, Vec<Command>)>> {
        let blocks = markdown::blocks(self.text)
            .map_err(|fault| Error::Wrong(format!("{}:{}: {}", self.path, fault.line, fault.what)))?;
        let sessions = blocks.into_iter().filter_map(|block| match block.kind {
            Kind::Session { machine, commands } => Some((machine, commands)),
            _ => None,
        });
        Ok(sessions.collect())
    }

    fn type_all(&self, start: &mut Start) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        let mut current: Option<Vm> = None;
        let mut addresses = Addresses::default();
        let mut count = 0;
        for (machine, commands) in self.sessions()? {
            if machine.is_some() {
                current = None;
            }
            for command in commands {
                let vm = if let Some(vm) = &mut current {
                    vm
                } else {
                    count += 1;
                    let mut vm = start(&machine_of(machine.unwrap_or_default()), count)?;
                    vm.wait_for_boot()?;
                    addresses = Addresses::default();
                    current.insert(vm)
                };
                let (printed, is_running) = carry_out(vm, &addresses.on_machine(command.text));
                if let Ok(printed) = &printed {
                    addresses.learn(&command.sample, printed);
                }
                if !is_running {
                    current = None;
                }
                answers.push(Answer { command, printed });
            }
        }
        Ok(answers)
    }

    /// What is wrong with an answer.
    fn fault(&self, answer: &Answer) -> Option<String> {
        let Command { line, text, sample } = &answer.command;
        match &answer.printed {
            Err(error) => Some(format!("{}:{line}: `{text}`: {error}", self.path)),
            Ok(printed) => compare(sample, printed).err().map(|found| {
                let line = line + 1 + found.line;
                format!("{}:{line}: `{text}`: expected {}, got {}", self.path, found.expected, found.got)
            }),
        }
    }

    /// The text with each sample that no longer matches replaced by the output.
    fn retyped(&self, answers: &[Answer]) -> String {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        // From the end backwards, so that line numbers stay right.
        for Answer { command, printed } in answers.iter().rev() {
            let Ok(printed) = printed else { continue };
            if compare(&command.sample, printed).is_err() {
                let shown = printed.lines().map(|line| format!("    {line}").trim_end().to_owned());
                lines.splice(command.line..command.line + command.sample.len(), shown);
            }
        }
        lines.join("\n") + "\n"
    }
}

/// The machine that a comment names: the default one, with these options.
fn machine_of(cmdline: &'static str) -> Machine<'static> {
    let on_reset = if cmdline.contains("panic=reboot") { OnReset::Reboot } else { DEFAULT.on_reset };
    Machine { cmdline, on_reset, ..DEFAULT }
}

/// Types a line; returns what it prints, and whether the machine is still running.
fn carry_out(vm: &mut Vm, line: &str) -> (Result<String>, bool) {
    let typed = vm.enter(line).and_then(|()| {
        vm.expect(&format!("prompt after `{line}`"), LIMIT, |text| match text::answer(text) {
            Some(answer) => Some((answer.to_owned(), true)),
            None if text::is_stopped(text) => Some((behind_echo(text), false)),
            None => None,
        })
    });
    match typed {
        Ok((printed, is_running)) => (Ok(printed), is_running),
        Err(Error::Ended { .. }) => (Ok(behind_echo(&vm.text_after(Duration::ZERO))), false),
        Err(error) => (Err(error), false),
    }
}

fn behind_echo(text: &str) -> String {
    text.split_once('\n').map_or("", |(_echo, rest)| rest).to_owned()
}

/// The commands that `docs/shell.md` names are those that `help` lists, the files in `docs/proc.md` those in `/proc`.
pub(crate) fn judge_tables(vm: &mut Vm) -> Result<()> {
    vm.wait_for_boot()?;
    tables::judge_commands(SHELL.text, &vm.run("help")?)?;
    tables::judge_files(PROC.text, &vm.run("ls /proc | cat")?)
}

/// Types all examples of the documents whose paths contain one of the words, or of all, and updates the documents.
pub(crate) fn retype(settings: &Settings, words: &[&str]) -> Result<ExitCode> {
    let is_chosen =
        |document: &&&Document| words.is_empty() || words.iter().any(|word| document.path.contains(word));
    for document in TYPED.iter().filter(is_chosen) {
        let answers =
            document.type_all(&mut |machine, _| Vm::start(settings, machine, "examples", NOBODY))?;
        for fault in answers.iter().filter_map(|answer| document.fault(answer)) {
            println!("{fault}");
        }
        let text = document.retyped(&answers);
        if text != document.text {
            fs::write(document.path, text).map_err(Error::host(format!("writing {}", document.path)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Document, TYPED, host, machine_of, markdown};
    use crate::machine::OnReset;

    static DOCUMENT: Document = Document {
        path: "a.md",
        text: "# A\n\n    tally:/# free\n    total 7\n    ...\n\n<!-- machine: log=off -->\n    tally:/# pwd\n    /\n",
    };

    /// What two commands printed.
    fn answers(printed: [&str; 2]) -> Vec<Answer> {
        let commands = DOCUMENT.sessions().unwrap().into_iter().flat_map(|(_, commands)| commands);
        commands
            .zip(printed)
            .map(|(command, printed)| Answer { command, printed: Ok(printed.into()) })
            .collect()
    }

    fn faults(printed: [&str; 2]) -> Vec<String> {
        answers(printed).iter().filter_map(|answer| DOCUMENT.fault(answer)).collect()
    }

    #[test]
    fn numbers_may_differ() {
        assert_eq!(faults(["total 123\nfree 4", "/"]), Vec::<String>::new());
    }

    #[test]
    fn a_drifted_sample_is_named_with_its_line() {
        assert_eq!(faults(["all 123", "/"]), ["a.md:4: `free`: expected `total 7`, got `all 123`"]);
        assert_eq!(faults(["total 1", "/tmp"]), ["a.md:9: `pwd`: expected `/`, got `/tmp`"]);
    }

    #[test]
    fn a_missing_word_is_named_with_its_line() {
        assert_eq!(faults(["total 123 kB", "/"]), ["a.md:4: `free`: expected `total 7`, got `total 123 kB`"]);
        assert_eq!(faults(["total 1", ""]), ["a.md:9: `pwd`: expected `/`, got the end"]);
    }

    #[test]
    fn only_what_is_no_longer_so_is_written() {
        assert_eq!(DOCUMENT.retyped(&answers(["total 123", "/"])), DOCUMENT.text);
        let expected = DOCUMENT.text.replace("    total 7\n    ...\n", "    sum 1\n    free 2\n");
        assert_eq!(DOCUMENT.retyped(&answers(["sum 1\nfree 2", "/"])), expected);
    }

    #[test]
    fn each_machine_is_asked_for_once() {
        let machines = DOCUMENT.machines();
        assert_eq!(machines, [machine_of(""), machine_of("log=off")]);
        assert_eq!(machine_of("memstat=full panic=reboot").on_reset, OnReset::Reboot);
    }

    #[test]
    fn every_block_of_every_document_is_understood_and_tried() {
        for (path, text) in host::documents() {
            let blocks = markdown::blocks(text)
                .unwrap_or_else(|fault| panic!("{path}:{}: {}", fault.line, fault.what));
            let has_session = blocks.iter().any(|block| matches!(block.kind, markdown::Kind::Session { .. }));
            let is_typed = TYPED.iter().any(|document| document.path == path);
            assert_eq!(has_session, is_typed, "{path}: has sessions, has a scenario");
            for block in &blocks {
                if let markdown::Kind::Host(lines) = &block.kind {
                    for (line, command) in lines {
                        host::check(command).unwrap_or_else(|missing| panic!("{path}:{line}: {missing}"));
                    }
                }
            }
        }
    }
}
