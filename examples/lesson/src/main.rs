//! Runs the checks on your tracker in `exercise.rs`, or with the word `solution` on the solution.

use std::process::ExitCode;

use lesson::checks::{CHECKS, Make};
use lesson::exercise::MyTracker;
use lesson::solution::SmallTracker;

fn main() -> ExitCode {
    let make: Make = match std::env::args().nth(1).as_deref() {
        None => |arena| Box::new(MyTracker::new(arena)),
        Some("solution") => |arena| Box::new(SmallTracker::new(arena)),
        Some(word) => {
            eprintln!("lesson: unknown word '{word}'; expected nothing, or solution");
            return ExitCode::from(2);
        }
    };
    let mut failed = 0;
    for check in CHECKS {
        match (check.run)(make) {
            Ok(()) => println!("ok      {}", check.name),
            Err(error) => {
                println!("FAILED  {}: {error}", check.name);
                failed += 1;
            }
        }
    }
    println!("{} of {} checks pass", CHECKS.len() - failed, CHECKS.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
