//! `pwd`.

use crate::{Case, case};

pub(crate) const CASES: &[Case] =
    &[case("the directory is shown", &[("pwd", "/"), ("cd tmp; pwd", "/tmp"), ("pwd -x", "usage: pwd [-LP]"), ("pwd > a; cat a", "/tmp")]), case("options of POSIX do what it says", &[("ln -s tmp l; cd l; pwd -L; pwd -P", "/tmp\n/tmp"), ("pwd x", "usage: pwd [-LP]")])];
