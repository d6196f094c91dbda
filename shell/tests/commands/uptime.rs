//! `uptime`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] =
    &[case("the time is that of /proc/uptime", &[("uptime", "up 1 days, 02:03:04"), ("uptime | cat", "up 1 days, 02:03:04"), ("uptime -p", "usage: uptime")])];
