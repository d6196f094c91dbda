//! A static tracker takes no room in a program's file: it lies in `.bss`.

use std::process::Command;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

/// More than any other variable of the example takes.
const LARGE_BYTES: u64 = 16 << 10;

#[test]
fn the_tracker_of_the_built_example_lies_in_bss() {
    // Cargo builds the examples before the tests, unless it was asked for this test alone. This program is in `deps`.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap());
    let is_built = cargo.args(["build", "--quiet", "--package", "memstat", "--example", "system"]).status();
    assert!(is_built.unwrap().success());
    let own = std::env::current_exe().unwrap();
    let example = own.parent().unwrap().with_file_name("examples").join("system");
    let file = std::fs::read(&example).unwrap();
    let file = object::File::parse(file.as_slice()).unwrap();

    let tracker =
        file.symbols().find(|symbol| symbol.size() > LARGE_BYTES && symbol.name().unwrap().contains("HEAP"));
    let tracker = tracker.expect("the example has a tracker");
    let section = file.section_by_index(tracker.section_index().unwrap()).unwrap();
    assert_eq!(section.kind(), SectionKind::UninitializedData, "{} bytes", tracker.size());

    let data = |name| file.section_by_name(name).map_or(0, |section| section.size());
    assert!(data(".bss") > tracker.size());
    assert!(data(".data") < LARGE_BYTES, "{} bytes", data(".data"));
}
