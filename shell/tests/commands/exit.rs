//! `exit`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[case(
    "it says how to leave, and the shell goes on",
    &[("exit", "type poweroff or reboot to leave"), ("exit; echo on", "type poweroff or reboot to leave\non"), ("exit now", "usage: exit")],
)];
