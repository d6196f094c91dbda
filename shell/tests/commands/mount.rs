//! `mount`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[case(
    "each file system is a line",
    &[
        (
            "mount",
            "rootfs on / type tmpfs (rw)\ndevtmpfs on /dev type devtmpfs (rw)\nproc on /proc type proc (rw)\n\
             rofs on /ro type tmpfs (ro)\ntmpfs on /tmp type tmpfs (rw)",
        ),
        ("mount x", "usage: mount"),
        ("mount | grep -c rw", "4"),
    ],
)];
