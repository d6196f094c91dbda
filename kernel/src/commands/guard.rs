//! `guard`: the heap checks, and a check of the whole heap.

use memstat::{GuardLevel, Level};
use shell::{Command, Listed, Session};
use vfs::Text;

use crate::memory::heap::tracker;
use crate::proc::guard::GuardFile;

pub(super) const COMMAND: Command = Command {
    name: "guard",
    usage: "guard [off | free | redzone | full | sample N | check | stats]",
    summary: "show or set the heap checks, or check the whole heap now; sample N puts every Nth block between guard \
              pages, 0 none",
    run,
};

fn run(session: &mut Session, words: &[&str]) {
    match words {
        [] => session.print(format_args!("{}\n", tracker().guards().level())),
        ["stats"] => {
            // The session keeps its errors itself.
            let _ = GuardFile.render(session);
        }
        ["check"] => check(session),
        ["sample"] => session.print(format_args!("{}\n", tracker().guards().sampling_interval())),
        ["sample", number] => match number.parse() {
            Ok(interval) => sample(session, interval),
            Err(_) => session.complain(format_args!("guard: '{}' is not a number", number.escape_debug())),
        },
        [name] => match GuardLevel::from_name(name) {
            Some(level) => set(session, level),
            None => session.complain(format_args!(
                "guard: unknown level '{}'; expected {}",
                name.escape_debug(),
                Listed(GuardLevel::ALL.map(GuardLevel::name))
            )),
        },
        _ => session.show_usage(&COMMAND),
    }
}

fn set(session: &mut Session, level: GuardLevel) {
    tracker().guards().set_level(level);
    if level > GuardLevel::Off {
        warn_of_level(session);
    }
}

fn sample(session: &mut Session, interval: u32) {
    if !tracker().guards().set_sampling_interval(interval) {
        session.complain(format_args!("guard: no memory for guard pages"));
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

fn check(session: &mut Session) {
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
