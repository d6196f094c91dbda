//! `uptime`: how long the kernel has been running, read from `/proc/uptime`.

use arrayvec::ArrayVec;

use crate::command::Command;
use crate::options::Options;
use crate::session::Session;
use crate::syntax::Syntax;

pub(super) const COMMAND: Command = Command {
    name: "uptime",
    usage: "uptime",
    summary: "show how long the kernel has been running",
    syntax: Syntax::NOTHING,
    run,
};

const FILE: &str = "/proc/uptime";

fn run(session: &mut Session, _: &Options<'_>) {
    let mut text = ArrayVec::<u8, 64>::new();
    if let Err(error) = session.read(FILE, |_, bytes| text.extend(bytes.iter().copied().take(64))) {
        return session.fail("uptime", FILE, error);
    }
    let text = str::from_utf8(&text).unwrap_or_default();
    let seconds: u64 = text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    session.print(format_args!("up {days} days, {hours:02}:{minutes:02}:{:02}\n", seconds % 60));
}
