//! `guard`: the heap checks, and a check of the whole heap.

use memstat::{GuardLevel, Level};
use shell::{Command, Listed, Options, Session, Suggestion, Syntax};
use vfs::Text;

use crate::memory::heap::{set_guard, tracker};
use crate::proc::guard::GuardFile;

pub(super) const COMMAND: Command = Command {
    name: "guard",
    usage: "guard [off | free | redzone | full | sample N | check | stats]",
    summary: "show or set the heap checks, or check the whole heap now; sample N puts every Nth block between guard \
              pages, 0 none",
    syntax: Syntax::SUBCOMMAND,
    run,
};

/// Subcommands other than the names of levels.
static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "sample",
        usage: "guard sample [N]",
        summary: "show or set which blocks are put between guard pages: every Nth; 0: none",
        syntax: Syntax::operands(0, 1),
        run: sample,
    },
    Command {
        name: "check",
        usage: "guard check",
        summary: "check the whole heap now",
        syntax: Syntax::NOTHING,
        run: check,
    },
    Command {
        name: "stats",
        usage: "guard stats",
        summary: "show /proc/guard",
        syntax: Syntax::NOTHING,
        run: show_statistics,
    },
];

fn run(session: &mut Session, options: &Options<'_>) {
    match options.operands.as_slice() {
        [] => session.print(format_args!("{}\n", tracker().guards().level())),
        words @ [name, ..] if shell::find(SUBCOMMANDS, name).is_some() => {
            session.run_subcommand(&COMMAND, &[SUBCOMMANDS], words);
        }
        [name] => match GuardLevel::from_name(name) {
            Some(level) => set(session, level),
            None => report_unknown_level(session, name),
        },
        _ => session.show_usage(&COMMAND),
    }
}

fn show_statistics(session: &mut Session, _: &Options<'_>) {
    // The session keeps its errors itself.
    let _ = GuardFile.render(session);
}

fn report_unknown_level(session: &mut Session, name: &str) {
    let levels = GuardLevel::ALL.map(GuardLevel::name);
    let names = SUBCOMMANDS.iter().map(|command| command.name).chain(levels);
    session.report_failure(format_args!(
        "guard: unknown level '{name}'{}",
        Suggestion::new(name, names, format_args!("expected {}", Listed(levels)))
    ));
}

fn set(session: &mut Session, level: GuardLevel) {
    set_guard(level);
    if level > GuardLevel::Off {
        warn_of_level(session);
    }
}

fn sample(session: &mut Session, options: &Options<'_>) {
    let Some(number) = options.operands.first() else {
        return session.print(format_args!("{}\n", tracker().guards().sampling_interval()));
    };
    let Ok(interval) = number.parse() else {
        return session.report_failure(format_args!("guard: '{number}' is not a number"));
    };
    if !tracker().guards().set_sampling_interval(interval) {
        session.report_failure(format_args!("guard: no memory for guard pages"));
    } else if interval > 0 {
        warn_of_level(session);
    }
}

fn warn_of_level(session: &mut Session) {
    if tracker().level() < Level::Blocks {
        session.print(format_args!(
            "guard: no effect at memstat level {}; set blocks or more\n",
            tracker().level()
        ));
    }
}

fn check(session: &mut Session, _: &Options<'_>) {
    let found = || {
        let now = tracker().guards().statistics();
        now.overruns + now.underruns + now.writes_after_free
    };
    let before = found();
    let checked = tracker().guards().check(|| !session.is_interrupted());
    session.print(format_args!(
        "guard: {} live blocks with red zones and {} in quarantine checked, {} found\n",
        checked.live_blocks,
        checked.quarantined_blocks,
        found() - before
    ));
}
