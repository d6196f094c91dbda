//! What README and docs name is there: files, headings that links lead to, functions, targets of `make`. And no file
//! names a folder of the computer that it was made on.
//!
//! Examples are typed by the scenarios `examples-*`; this is about the words between them. A path may begin at the root
//! or further in, as `proc/meminfo.rs` does: some file's path must end with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Folders at the root that are made, not kept.
const MADE: [&str; 4] = [".git", "build", "target", "proptest-regressions"];

/// Endings of the names of files that documents name.
const ENDINGS: [&str; 12] =
    [".rs", ".md", ".toml", ".json", ".py", ".s", ".ld", ".cfg", ".png", ".sh", ".svg", ".yml"];

/// The names that a repository offers to its documents.
struct Repository {
    /// Paths of all files and folders, from the root.
    paths: BTreeSet<String>,
    /// All words of all sources.
    words: BTreeSet<String>,
    makefile: String,
}

impl Repository {
    fn read(root: &Path) -> Self {
        let mut paths = BTreeSet::new();
        collect(root, root, &mut paths);
        let sources = paths.iter().filter(|path| is_kind(path, "rs"));
        let words = sources.flat_map(|path| words_of(&text_of(&root.join(path)))).collect();
        Self { paths, words, makefile: text_of(&root.join("Makefile")) }
    }

    /// A file or folder of this path, or of one that ends with it.
    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.paths.contains(path) || self.paths.iter().any(|known| known.ends_with(&format!("/{path}")))
    }

    /// What is not there of what a piece of code names.
    fn missing(&self, code: &str) -> Option<String> {
        let code = code.trim_end_matches(['.', ',']);
        if let Some(target) = code.strip_prefix("make ") {
            let target = target.split(' ').next().unwrap_or_default();
            let is_target = self.makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            return (!is_target && target.contains(|c: char| c.is_lowercase()))
                .then(|| format!("target {target}"));
        }
        if code.contains("::") {
            let is_path = code.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
            let name = code.rsplit("::").next().unwrap_or_default();
            return (is_path && !self.words.contains(name)).then(|| format!("name {code}"));
        }
        // A line's number, or the arguments of a script.
        let path = code.split([':', ' ']).next().unwrap_or_default();
        let is_plain = path.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c));
        let first = path.split('/').next().unwrap_or_default();
        let is_rooted = path.contains('/') && self.paths.contains(first);
        let is_file = ENDINGS.iter().any(|ending| path.len() > ending.len() && path.ends_with(ending));
        let is_ours = is_plain && !path.starts_with('/') && !MADE.contains(&first) && (is_rooted || is_file);
        (is_ours && !self.has(path)).then(|| format!("file {path}"))
    }
}

fn collect(root: &Path, folder: &Path, paths: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        let relative = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if MADE.contains(&relative.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, paths);
        }
        paths.insert(relative);
    }
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_kind(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
}

/// The lines of a document that are text, with their numbers: no examples.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        (!is_fenced && !is_fence && !line.starts_with("    ") && !line.starts_with("<!--"))
            .then_some((number, line))
    })
}

/// The targets of links and images in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchors that GitHub makes of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || "_- ".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// What a link leads to and is not there. `read` gives the text of a file, by its path from the root.
fn broken(document: &str, target: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        document.to_owned()
    } else {
        let joined = Path::new(document).parent().unwrap_or(Path::new("")).join(path);
        resolved(&joined).display().to_string()
    };
    match read(&path) {
        None => Some(format!("file {path}")),
        Some(text) if !anchor.is_empty() && !anchors(&text).contains(anchor) => {
            Some(format!("heading {path}#{anchor}"))
        }
        Some(_) => None,
    }
}

/// A path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

/// All that a document names and that is not there, with the lines.
fn faults(
    document: &str,
    text: &str,
    repository: &Repository,
    read: &dyn Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in prose(text) {
        // What stands between accents: every second piece.
        let code = line.split('`').skip(1).step_by(2).filter_map(|code| repository.missing(code));
        let broken = links(line).filter_map(|target| broken(document, target, read));
        faults.extend(code.chain(broken).map(|missing| format!("{document}:{number}: no {missing}")));
    }
    faults
}

#[test]
fn what_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let repository = Repository::read(root);
    let read =
        |path: &str| fs::read(root.join(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let documents: Vec<&String> = repository.paths.iter().filter(|path| is_kind(path, "md")).collect();
    assert!(documents.len() >= 12, "{documents:?}");
    let faults: Vec<String> = documents
        .into_iter()
        // It tells of what has been.
        .filter(|document| *document != "CHANGELOG.md")
        .flat_map(|document| faults(document, &read(document).unwrap(), &repository, &read))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Folders that hold a person's or a build's files. None of them is written whole here, as this file is looked at too.
const MACHINE_FOLDERS: [&str; 4] = ["root", "home", "work", "Users"];

/// Files in which such a path is the matter itself, with the paths that they may name.
const PATHS_ALLOWED: [(&str, &[&str]); 1] =
    [("names/src/paths.rs", &["home/a/tally", "root/.cargo/registry/", "home/library/tally"])];

/// The absolute paths below [`MACHINE_FOLDERS`] that a file holds, each with the bytes behind it.
fn machine_paths(bytes: &[u8]) -> Vec<String> {
    let starts = MACHINE_FOLDERS.map(|folder| format!("/{folder}/"));
    let is_part_of_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.~)}*/".contains(byte);
    let is_start = |place: usize| {
        let is_relative = place.checked_sub(1).is_some_and(|before| is_part_of_path(&bytes[before]));
        !is_relative && starts.iter().any(|start| bytes[place..].starts_with(start.as_bytes()))
    };
    let shown =
        |place: usize| String::from_utf8_lossy(&bytes[place..bytes.len().min(place + 60)]).into_owned();
    (0..bytes.len()).filter(|place| is_start(*place)).map(shown).collect()
}

#[test]
fn no_file_holds_a_path_of_the_computer_that_made_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut paths = BTreeSet::new();
    collect(root, root, &mut paths);
    let mut faults = Vec::new();
    for path in paths.iter().filter(|path| root.join(path).is_file()) {
        let allowed = PATHS_ALLOWED.iter().find(|(file, _)| file == path).map_or(&[][..], |(_, paths)| paths);
        let found = machine_paths(&fs::read(root.join(path)).unwrap());
        let refused = found.iter().filter(|found| !allowed.iter().any(|path| found[1..].starts_with(path)));
        faults.extend(refused.map(|found| format!("{path}: {found:?}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_of_computers_are_found_in_any_bytes() {
    let found = |bytes: &[u8]| machine_paths(bytes).len();
    for folder in MACHINE_FOLDERS {
        assert_eq!(found(format!("\0/{folder}/x\0\"/{folder}/y").as_bytes()), 2, "{folder}");
        assert_eq!(found(&[b"\xff/", folder.as_bytes(), b"/\xff"].concat()), 1, "{folder}");
        assert_eq!(found(format!("/{folder} docs/{folder}/x ${{X}}/{folder}/x").as_bytes()), 0, "{folder}");
    }
}

/// Programs of Debian that the runner starts are those that `scripts/setup` looks for.
#[test]
fn setup_looks_for_each_program_that_the_runner_starts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let setup: BTreeSet<String> =
        text_of(&root.join("scripts/setup")).split_whitespace().map(str::to_owned).collect();
    let mut paths = BTreeSet::new();
    collect(root, &root.join("runner/src"), &mut paths);
    let sources: Vec<String> =
        paths.iter().filter(|path| is_kind(path, "rs")).map(|path| text_of(&root.join(path))).collect();
    let started = sources.iter().flat_map(|source| source.split("Command::new(\"").skip(1));
    let programs: BTreeSet<&str> = started.filter_map(|rest| rest.split('"').next()).collect();
    assert!(programs.contains("qemu-system-x86_64"), "{programs:?}");
    for program in programs {
        assert!(setup.contains(program), "scripts/setup does not look for {program}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let repository = Repository {
        paths: ["docs", "docs/a.md", "kernel", "kernel/src", "kernel/src/proc", "kernel/src/proc/meminfo.rs"]
            .map(str::to_owned)
            .into(),
        words: ["free_pages"].map(str::to_owned).into(),
        makefile: "test: setup\n".into(),
    };
    let a = "# One, two\n\n[self](#one-two)\n";
    let read = |path: &str| (path == "docs/a.md").then(|| a.to_owned());
    let check = |text: &str| faults("docs/b.md", text, &repository, &read);
    for good in [
        "`proc/meminfo.rs:12`, `kernel/src/proc`, `meminfo.rs`, `memory::free_pages`, `make test`",
        "`/proc/nothing.rs`, `build/none.md`, `a/b`, `x.y`, `make`, [a](a.md#one-two), [b](https://example.org)",
        "text\n\n    `kernel/src/gone.rs`\n\n```\n`kernel/src/gone.rs`\n```\n",
    ] {
        assert_eq!(check(good), [""; 0], "{good}");
    }
    for (bad, missing) in [
        ("`kernel/src/gone.rs`", "file kernel/src/gone.rs"),
        ("`gone.rs:7`", "file gone.rs"),
        ("`kernel/src/gone`", "file kernel/src/gone"),
        ("`memory::gone`", "name memory::gone"),
        ("`make gone`", "target gone"),
        ("[a](gone.md)", "file docs/gone.md"),
        ("[a](../gone.md)", "file gone.md"),
        ("![a](gone.png)", "file docs/gone.png"),
        ("[a](a.md#three)", "heading docs/a.md#three"),
    ] {
        assert_eq!(check(bad), [format!("docs/b.md:1: no {missing}")], "{bad}");
    }
}
