//! `echo`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] = &[case(
    "words come out with a blank between",
    &[
        ("echo", ""),
        ("echo a  b   c", "a b c"),
        ("echo 'a  b' \"c d\" e\\ f", "a  b c d e f"),
        ("echo -n a b; echo c", "a bc"),
        ("echo -n", ""),
        ("echo a -n", "a -n"),
        ("echo -x", "-x"),
        ("echo '' x", " x"),
        ("echo \u{e4}\u{1f980}", "\u{e4}\u{1f980}"),
        ("echo a # b", "a"),
    ],
)];
