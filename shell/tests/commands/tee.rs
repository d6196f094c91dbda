//! `tee`.

use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case(
        "the input goes into the files, and on",
        &[
            ("echo x | tee p q | wc -c; cat p q", "2\nx\nx"),
            ("echo y | tee -a p; cat p", "y\nx\ny"),
            ("echo z | tee p; cat p", "z\nz"),
            ("echo z | tee", "z"),
            ("tee r < p; cat r", "z\nz"),
            ("cat /proc/rows | tee r | cat > s; diff r s && wc -l r", "5001 r"),
        ],
    ),
    case(
        "a file that fails is one line, and the others get all",
        &[
            ("tee -x", "usage: tee [-a] [FILE...]"),
            ("tee a", "tee: nothing to read: name a file, or use < or |"),
            ("echo x | tee /proc/version a || echo failed; cat a", "tee: /proc/version: permission denied (EACCES)\nx\nfailed\nx"),
            ("echo x | tee nope/a a", "tee: nope/a: no such file or directory (ENOENT)\nx"),
            ("cat /proc/rows | tee /dev/broken a | wc -l; wc -l a", "tee: /dev/broken: input/output error (EIO)\n5001\n5001 a"),
            ("echo odd | tee /proc/switch", "odd\ntee: /proc/switch: invalid argument (EINVAL)"),
            ("echo -n odd | tee /proc/switch; echo", "oddtee: /proc/switch: invalid argument (EINVAL)\n"),
        ],
    ),
];

#[test]
fn full_file_system_is_reported_once() {
    let mut terminal = Terminal::new();
    terminal.host.temporary.set_limit_pages(8);
    let answer = terminal.run("cat /proc/rows | tee /tmp/b | wc -c");
    assert_eq!(answer, "tee: /tmp/b: no space left on device (ENOSPC)\n43895");
}
