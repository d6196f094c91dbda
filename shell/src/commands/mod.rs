//! The commands that deal in text and files alone: one short source file each, in one table.

mod cat;
mod cd;
mod clear;
mod cp;
mod df;
mod diff;
mod echo;
mod exit;
mod free;
mod grep;
mod head;
mod help;
mod hexdump;
mod ln;
mod ls;
mod mkdir;
mod mount;
mod mv;
mod pwd;
mod rm;
mod rmdir;
mod sort;
mod stat;
mod tail;
mod tee;
mod touch;
mod uptime;
mod wc;

use crate::command::Command;

/// The rows of these commands, in the order of their names.
pub const COMMANDS: &[Command] = &[
    cat::COMMAND,
    cd::COMMAND,
    clear::COMMAND,
    cp::COMMAND,
    df::COMMAND,
    diff::COMMAND,
    echo::COMMAND,
    exit::COMMAND,
    free::COMMAND,
    grep::COMMAND,
    head::COMMAND,
    help::COMMAND,
    hexdump::COMMAND,
    ln::COMMAND,
    ls::COMMAND,
    mkdir::COMMAND,
    mount::COMMAND,
    mv::COMMAND,
    pwd::COMMAND,
    rm::COMMAND,
    rmdir::COMMAND,
    sort::COMMAND,
    stat::COMMAND,
    tail::COMMAND,
    tee::COMMAND,
    touch::COMMAND,
    uptime::COMMAND,
    wc::COMMAND,
];
