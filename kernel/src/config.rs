//! The command line takes effect: the log is started, and what means nothing is named in a warning.
//!
//! The words themselves are the crate `config`'s.

use ::config::Config;
use boot::BootInfo;

use crate::{crash, logger};

/// Reads the command line and starts the log.
pub(crate) fn apply(info: &BootInfo) -> Config {
    let mut config = Config::default();
    config.apply(&info.command_line, |_| {});
    logger::init(config.log_level);
    crash::set_ending(config.on_panic);
    config.apply(&info.command_line, |word| log::warn!("command line: '{word}' is unknown and ignored"));
    if info.is_command_line_cut {
        log::warn!("command line: too long, its end is ignored");
    }
    if !info.left_out.is_nothing() {
        log::warn!("boot information: {}", info.left_out);
    }
    config
}
