//! Applies the command line: starts the log, and warns of unknown options.
//!
//! The crate `config` defines the options.

use ::config::Config;
use boot::{BootInfo, MAX_COMMAND_LINE_BYTES};

use crate::{crash, logger};

/// Reads the command line and starts the log.
pub(crate) fn apply(info: &BootInfo) -> Config {
    let mut config = Config::default();
    config.apply(info.command_line.text(), |_| {});
    logger::init(config.log_level);
    crash::set_ending(config.on_panic);
    config
        .apply(info.command_line.text(), |word| log::warn!("command line: '{word}' is unknown and ignored"));
    if let Some((words, first)) = info.command_line.left_out() {
        log::warn!(
            "command line: over {MAX_COMMAND_LINE_BYTES} bytes; '{first}' is ignored, one of {words} such words"
        );
    }
    if !info.left_out.is_nothing() {
        log::warn!("boot information: {}", info.left_out);
    }
    config
}
