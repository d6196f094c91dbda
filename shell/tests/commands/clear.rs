//! `clear`.

use crate::host::Terminal;
use crate::{Case, case};

pub(crate) const CASES: &[Case] =
    &[case("the sequences go where the output goes", &[("clear > a; wc -c a", "7 a"), ("clear && echo fine > /dev/null", "\x1b[2J\x1b[H")])];

#[test]
fn screen_is_cleared_and_the_cursor_goes_home() {
    assert_eq!(Terminal::new().run_raw("clear"), "\x1b[2J\x1b[H");
}
