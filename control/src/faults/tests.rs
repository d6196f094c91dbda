//! Which lines are valid rules, and which allocations these make fail.

use super::*;
use proptest::prelude::*;

fn failing(faults: &mut Faults, cases: u64) -> Vec<u64> {
    (1..=cases).filter(|_| faults.should_fail(64, false, |_| true)).collect()
}

fn with(commands: &[&str]) -> Faults {
    let mut faults = Faults::OFF;
    for command in commands {
        apply(&mut faults, command, |name, sites| if name == "here" { sites.add(10..=20) } else { Ok(()) })
            .unwrap();
    }
    faults
}

#[test]
fn rules_choose_what_they_say() {
    assert_eq!(failing(&mut with(&["nth 3"]), 10), [3]);
    assert_eq!(failing(&mut with(&["every 4"]), 10), [4, 8]);
    assert_eq!(failing(&mut with(&["every 4", "times 1"]), 10), [4]);
    assert_eq!(failing(&mut with(&["every 1", "off"]), 10), [] as [u64; 0]);
    let some = failing(&mut with(&["probability 10 seed 7"]), 10_000);
    assert!((800..1200).contains(&some.len()), "{}", some.len());
    assert_eq!(some, failing(&mut with(&["probability 10 seed 7"]), 10_000));
    assert_ne!(some, failing(&mut with(&["probability 10 seed 8"]), 10_000));
    assert_eq!(failing(&mut with(&["probability 100"]), 3), [1, 2, 3]);
    assert_eq!(failing(&mut with(&["probability 0"]), 3), [] as [u64; 0]);
}

#[test]
fn what_does_not_match_is_not_counted() {
    let mut faults = with(&["every 1", "sizes 100-200", "site here"]);
    assert!(!faults.should_fail(99, false, |_| true));
    assert!(!faults.should_fail(100, true, |_| true));
    assert!(!faults.should_fail(100, false, |sites| sites.contains(9)));
    assert_eq!(faults.seen, 0);
    assert!(faults.should_fail(200, false, |sites| sites.contains(20)));
    apply(&mut faults, "interrupts on", |_, _| Ok(())).unwrap();
    assert!(faults.should_fail(100, true, |_| true));
    assert_eq!(
        Text(&faults).to_string(),
        "every 1\nsizes 100-200\nsite 0xa-0x14\ninterrupts on\nseen 2 failed 2\n"
    );
}

#[test]
fn what_is_no_command_changes_nothing() {
    let before = with(&["every 3", "sizes 1-2"]);
    for command in [
        "",
        "on",
        "nth",
        "nth 0",
        "nth x",
        "every -1",
        "every 3 4",
        "probability 101",
        "probability 1.00001",
        "probability 5 seed",
        "probability 5 speed 3",
        "sizes 3",
        "sizes 4-3",
        "times 0",
        "interrupts maybe",
        "off now",
    ] {
        let mut faults = before.clone();
        assert_eq!(apply(&mut faults, command, |_, _| Ok(())), Err(FaultsError::NoCommand), "{command}");
        assert_eq!(faults, before, "{command}");
    }
}

#[test]
fn names_may_stand_for_several_places_but_not_for_any_number() {
    let mut faults = Faults::OFF;
    let places = |count: usize| {
        move |_: &str, sites: &mut Sites| {
            (0..count).try_for_each(|number| sites.add(number * 10..=number * 10 + 2))
        }
    };
    assert_eq!(apply(&mut faults, "site nowhere", places(0)), Err(FaultsError::NoSite));
    assert_eq!(apply(&mut faults, "site 0x5-0x4", places(0)), Err(FaultsError::NoSite));
    assert_eq!(apply(&mut faults, "site everywhere", places(MAX_SITES + 1)), Err(FaultsError::TooManySites));
    assert_eq!(faults, Faults::OFF);
    apply(&mut faults, "site twice", places(2)).unwrap();
    apply(&mut faults, "every 1", places(0)).unwrap();
    for (address, is_there) in [(0, true), (2, true), (3, false), (10, true), (12, true), (13, false)] {
        assert_eq!(faults.should_fail(1, false, |sites| sites.contains(address)), is_there, "{address}");
    }
    // What is shown can be taken in again.
    let shown = SitesText(&faults.sites).to_string();
    assert_eq!(shown, "0x0-0x2,0xa-0xc");
    let mut again = Faults::OFF;
    apply(&mut again, &format!("site {shown}"), places(0)).unwrap();
    assert_eq!(again.sites, faults.sites);
}

proptest! {
    #[test]
    fn any_line_gets_an_answer(line in "(off|nth|every|probability|seed|sizes|site|times|[0-9.x-]{1,9}| ){0,8}|.*") {
        let mut faults = Faults::OFF;
        let _ = apply(&mut faults, &line, |_, _| Ok(()));
        failing(&mut faults, 3);
    }
}
