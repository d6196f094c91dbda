//! `free`.

use crate::{Case, case};

const TABLE: &str = "               total        used        free      shared  buff/cache   available\n\
                     Mem:          254984         648      254204          16         148      254336";

pub(crate) const CASES: &[Case] = &[case(
    "the figures are those of /proc/meminfo",
    &[("free", TABLE), ("free -x", "usage: free"), ("free | wc -l", "2"), ("free > a && cat a", TABLE)],
)];
