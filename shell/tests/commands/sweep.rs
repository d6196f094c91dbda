//! A command's cases once more, with memory that ends and Ctrl-C that comes at any moment.

use crate::Case;
use crate::host::{Terminal, TestHost};

/// Something that goes wrong at a number of its own.
struct Trouble {
    name: &'static str,
    begin: fn(&TestHost, u64),
    /// Ends it, and says whether it came to that.
    end: fn(&TestHost) -> bool,
}

const TROUBLES: [Trouble; 5] = [
    trouble("a page of a pipe", |host, number| host.pages.fail_at(number), |host| host.pages.stop_failing()),
    trouble("a table", |host, number| host.buffers.fail_at(number), |host| host.buffers.stop_failing()),
    trouble(
        "a text",
        |host, number| host.file_buffers.fail_at(number),
        |host| host.file_buffers.stop_failing(),
    ),
    trouble(
        "a file's page",
        |host, number| host.file_pages.fail_at(number),
        |host| host.file_pages.stop_failing(),
    ),
    trouble("Ctrl-C", TestHost::interrupt_after, TestHost::stop_interrupting),
];

const fn trouble(name: &'static str, begin: fn(&TestHost, u64), end: fn(&TestHost) -> bool) -> Trouble {
    Trouble { name, begin, end }
}

/// Each of the first so many, then each twice as late.
const ALL_UP_TO: u64 = 12;

/// Runs each case with each trouble until that comes no more. Whatever the answers are, nothing may be left behind, and the
/// next line must find the shell as it was.
pub(crate) fn run(cases: &[Case]) {
    let mut terminal = Terminal::new();
    for case in cases {
        for trouble in &TROUBLES {
            let mut number = 1;
            loop {
                (trouble.begin)(terminal.host, number);
                for (line, _) in case.steps {
                    terminal.run(line);
                }
                let has_come = (trouble.end)(terminal.host);
                let place = format!("{}, {} {number}", case.about, trouble.name);
                assert_eq!(
                    terminal.run("echo alive; echo one | cat; quiet cat /nope"),
                    "alive\none\ndone",
                    "{place}"
                );
                assert_eq!(terminal.host.lent(), 0, "{place}: memory is still lent");
                terminal.start_over();
                if !has_come {
                    break;
                }
                number = if number < ALL_UP_TO { number + 1 } else { number * 2 };
            }
        }
        assert_eq!(terminal.host.open_files(), 0, "{}: files are still open", case.about);
    }
}
