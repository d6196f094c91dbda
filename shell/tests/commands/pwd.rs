//! `pwd`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] =
    &[case("the directory is shown", &[("pwd", "/"), ("cd tmp; pwd", "/tmp"), ("pwd -x", "usage: pwd"), ("pwd > a; cat a", "/tmp")])];
