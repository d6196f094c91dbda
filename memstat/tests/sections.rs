//! A static tracker takes no room in a program's file: it lies in `.bss`.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

/// More than any other variable of the example takes.
const LARGE_BYTES: u64 = 16 << 10;

/// When the file, or the newest in the folder, was written.
fn written(path: &Path) -> Option<SystemTime> {
    if path.is_dir() {
        std::fs::read_dir(path).ok()?.flatten().filter_map(|entry| written(&entry.path())).max()
    } else {
        path.metadata().ok()?.modified().ok()
    }
}

#[test]
fn the_tracker_of_the_built_example_lies_in_bss() {
    // This program is in `deps`.
    let own = std::env::current_exe().unwrap();
    let example = own.parent().unwrap().with_file_name("examples").join("system");
    // Cargo builds the examples before the tests, unless it was asked for this test alone. To build it once more, with
    // other features of what it depends on, would take a minute.
    let sources = ["src", "examples"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    if written(&example) < sources.iter().filter_map(|folder| written(folder)).max() {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap());
        let is_built =
            cargo.args(["build", "--quiet", "--package", "memstat", "--example", "system"]).status();
        assert!(is_built.unwrap().success());
    }
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
