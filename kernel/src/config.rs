//! Applies the command line: starts the log, and warns of words that are not understood.
//!
//! The crate `config` defines the options.

use ::config::Config;
use boot::BootInfo;

use crate::{crash, logger};

/// Reads the command line and starts the log.
pub(crate) fn apply(info: &BootInfo) -> Config {
    let mut config = Config::default();
    config.apply(info.command_line.text(), |_| {});
    logger::init(config.log_level);
    crash::set_ending(config.on_panic);
    config.apply(info.command_line.text(), |refused| log::warn!("command line: {refused}"));
    if let Some(words) = info.command_line.left_out() {
        log::warn!("command line: {words}");
    }
    if !info.left_out.is_nothing() {
        log::warn!("boot information: {}", info.left_out);
    }
    config
}
