//! The checks themselves: the solution passes each, and the exercise as it is given passes none.

use lesson::checks::CHECKS;
use lesson::exercise::{IS_DONE, MyTracker};
use lesson::solution::SmallTracker;

#[test]
fn solution_passes_every_check() {
    for check in CHECKS {
        assert_eq!((check.run)(|arena| Box::new(SmallTracker::new(arena))), Ok(()), "{}", check.name);
    }
}

#[test]
fn exercise_passes_no_check_until_it_is_done() {
    for check in CHECKS {
        let outcome = (check.run)(|arena| Box::new(MyTracker::new(arena)));
        let about = "exercise::IS_DONE says whether your tracker passes all checks";
        assert_eq!(outcome.is_ok(), IS_DONE, "{}: {outcome:?}; {about}", check.name);
    }
}
