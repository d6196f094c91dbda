//! Dependencies go one way: which module of the kernel, and which crate, may use which. ARCHITECTURE.md says why.
//!
//! The test reads the `use` lines and paths of the sources and the dependencies in the manifests, and fails where an
//! arrow is not in the table. Tables without circles keep the tree so. Files may import each other within one folder
//! only.

#[path = "rooms/reading.rs"]
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use reading::{Arrow, Tree, circles};

/// Which module of kernel/src may use which: those that are further up in this table.
const ROOMS: &[(&str, &[&str])] = &[
    ("arch", &[]),
    ("sync", &["arch"]),
    ("boot_info", &["arch"]),
    ("memory", &["arch", "sync"]),
    ("symbols", &["arch", "memory"]),
    ("console", &["arch", "sync"]),
    ("logger", &["arch", "console", "sync"]),
    ("fs", &["arch", "memory"]),
    ("crash", &["arch", "console", "logger", "memory", "symbols"]),
    ("config", &["crash", "logger"]),
    ("dev", &["arch", "console", "logger"]),
    ("proc", &["arch", "boot_info", "console", "crash", "fs", "logger", "memory", "symbols"]),
    // The lab: nothing else uses it, except the rows of its commands.
    ("bugs", &["arch", "memory", "sync"]),
    ("bench", &["arch", "memory"]),
    ("selftest", &["arch", "boot_info", "fs", "logger", "memory", "symbols", "sync"]),
    (
        "commands",
        &[
            "arch", "bench", "bugs", "console", "crash", "fs", "logger", "memory", "proc", "selftest",
            "symbols",
        ],
    ),
    (
        "main",
        &[
            "arch",
            "boot_info",
            "commands",
            "config",
            "console",
            "crash",
            "dev",
            "fs",
            "logger",
            "memory",
            "proc",
            "symbols",
        ],
    ),
];

/// Which crate may use which of ours; dependencies of tests count too.
const CRATES: &[(&str, &[&str])] = &[
    ("boot", &[]),
    ("calendar", &[]),
    ("lesson", &[]),
    ("memstat", &[]),
    ("names", &[]),
    ("sched", &[]),
    ("terminal", &[]),
    ("vfs", &[]),
    ("whatis", &[]),
    ("tally-heap", &["boot", "memstat"]),
    ("memstat-report", &["memstat", "names"]),
    ("control", &["memstat"]),
    ("config", &["memstat", "tally-heap"]),
    ("journal", &["boot"]),
    ("shell", &["calendar", "terminal", "vfs"]),
    (
        "kernel",
        &[
            "boot",
            "calendar",
            "config",
            "control",
            "journal",
            "memstat",
            "names",
            "sched",
            "shell",
            "tally-heap",
            "terminal",
            "vfs",
            "whatis",
        ],
    ),
    ("fuzz", &["boot", "config", "control", "memstat", "memstat-report", "names", "shell"]),
    ("runner", &["memstat-report"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The dependencies that are not in the table, each with its first line.
fn forbidden(table: &[(&str, &[&str])], arrows: &BTreeMap<(String, String), String>) -> Vec<String> {
    let is_allowed =
        |from: &str, to: &str| table.iter().any(|(room, uses)| *room == from && uses.contains(&to));
    let wrong = arrows.iter().filter(|((from, to), _)| from != to && !is_allowed(from, to));
    wrong.map(|((from, to), place)| format!("{from} -> {to}: {place}")).collect()
}

/// Each module comes after all that it uses, so there is no circle.
fn assert_one_way(table: &[(&str, &[&str])]) {
    for (number, (room, uses)) in table.iter().enumerate() {
        for used in *uses {
            let place = table.iter().position(|(name, _)| name == used);
            assert!(
                place.is_some_and(|place| place < number),
                "{room} -> {used} does not go up in the table"
            );
        }
    }
}

/// The module of a file of kernel/src, by its path from there.
fn room(file: &str) -> String {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs").to_owned()
}

fn arrows_between_rooms(tree: &Tree) -> BTreeMap<(String, String), String> {
    let mut arrows = BTreeMap::new();
    for Arrow { from, to, text } in tree.arrows() {
        arrows.entry((room(&from), room(&to))).or_insert_with(|| format!("{from}: {text}"));
    }
    arrows
}

#[test]
fn arrows_between_rooms_go_one_way() {
    assert_one_way(ROOMS);
    let tree = Tree::read(&root().join("kernel/src"));
    let arrows = arrows_between_rooms(&tree);
    assert!(arrows.len() > 50, "only {} arrows are seen", arrows.len());
    let wrong = forbidden(ROOMS, &arrows);
    assert!(wrong.is_empty(), "these arrows run the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn arrows_between_crates_go_one_way() {
    assert_one_way(CRATES);
    let names: BTreeSet<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    let mut arrows = BTreeMap::new();
    for manifest in reading::manifests(&root()) {
        let text = std::fs::read_to_string(&manifest).expect("a manifest can be read");
        let (name, uses) = reading::dependencies(&text);
        assert!(names.contains(name.as_str()), "the table does not know the crate {name}");
        for used in uses.iter().filter(|used| names.contains(used.as_str())) {
            arrows.insert((name.clone(), used.clone()), manifest.display().to_string());
        }
    }
    assert!(arrows.len() > 10, "only {} arrows are seen", arrows.len());
    let wrong = forbidden(CRATES, &arrows);
    assert!(wrong.is_empty(), "these dependencies run the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn files_import_each_other_within_one_folder_only() {
    let mut found = Vec::new();
    for manifest in reading::manifests(&root()) {
        let source = manifest.with_file_name("src");
        // Names at the root are re-exports of files below, so they do not count as a use of a higher module.
        let arrows = Tree::read(&source).arrows().into_iter();
        let below: Vec<_> =
            arrows.filter(|arrow| !matches!(arrow.to.as_str(), "lib.rs" | "main.rs")).collect();
        let circles = circles(&below);
        found.extend(circles.into_iter().map(|circle| format!("{}: {circle}", source.display())));
    }
    assert!(found.is_empty(), "circles across folders:\n{}", found.join("\n"));
}

// --- the checks themselves can fail ---

fn made_up(files: &[(&str, &str)]) -> Tree {
    Tree::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

const TWO_ROOMS: &[(&str, &[&str])] = &[("low", &[]), ("high", &["low"])];

#[test]
fn arrow_that_runs_the_wrong_way_is_found() {
    for line in [
        "use crate::high::thing;",
        "use crate::{high::{self, thing}, low};",
        "fn f() { crate::high::thing() }",
        "fn f() { super::high::thing() }",
        "pub(crate) use super::high;",
    ] {
        let tree = made_up(&[
            ("main.rs", "mod low; mod high;"),
            ("low.rs", line),
            ("high/mod.rs", "use crate::low;"),
        ]);
        let wrong = forbidden(TWO_ROOMS, &arrows_between_rooms(&tree));
        assert_eq!(wrong.len(), 1, "{line}: {wrong:?}");
        assert!(wrong[0].starts_with("low -> high: low.rs"), "{wrong:?}");
    }
    for line in [
        "// crate::high::thing",
        "/* use crate::high; */",
        "const A: &str = \"crate::high::x\";",
        "use crate::low::x;",
    ] {
        let tree = made_up(&[("low.rs", line), ("high/mod.rs", "use crate::low;")]);
        let wrong = forbidden(TWO_ROOMS, &arrows_between_rooms(&tree));
        assert!(wrong.is_empty(), "{line}: {wrong:?}");
    }
}

#[test]
fn circle_across_folders_is_found_and_one_within_a_folder_is_not() {
    let across = [
        ("a/mod.rs", "mod part;"),
        ("a/part.rs", "use crate::b::Thing;"),
        ("b/mod.rs", "mod inner; pub use inner::Thing;"),
        ("b/inner.rs", "use crate::a::part::Other;"),
    ];
    let found = circles(&made_up(&across).arrows());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("a/part.rs") && found[0].contains("b/inner.rs"), "{found:?}");
    let within = [
        ("a/mod.rs", "mod part; use part::X;"),
        ("a/part.rs", "use super::Y; use super::other::Z;"),
        ("a/other.rs", "use super::part::X;"),
    ];
    assert!(circles(&made_up(&within).arrows()).is_empty());
}

#[test]
#[should_panic(expected = "does not go up")]
fn table_with_a_circle_is_refused() {
    assert_one_way(&[("low", &["high"]), ("high", &["low"])]);
}

#[test]
fn dependencies_of_all_sorts_are_seen() {
    let manifest = "[package]\nname = \"low\"\n[dependencies]\nhigh.workspace = true\n[dev-dependencies]\nother = { path = \"x\" }\n";
    assert_eq!(
        reading::dependencies(manifest),
        ("low".to_owned(), vec!["high".to_owned(), "other".to_owned()])
    );
}
