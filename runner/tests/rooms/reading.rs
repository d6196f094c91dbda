//! Reads what imports what from Rust sources and manifests: as much of the grammar as this tree needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file that uses another: paths from the crate's `src`, and the path that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
}

/// The sources of a crate, by their paths from `src`, without comments, text and tests.
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
    /// The file of each module, by its path from the root as in `memory::heap`.
    modules: BTreeMap<String, String>,
}

impl Tree {
    /// All files below a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(folder, folder, &mut files);
        Self::of(files)
    }

    /// These files.
    pub(crate) fn of(files: BTreeMap<String, String>) -> Self {
        let is_test = |path: &str| path.split('/').any(|part| matches!(part, "tests" | "tests.rs"));
        let files: BTreeMap<_, _> = files
            .into_iter()
            .filter(|(path, _)| !is_test(path))
            .map(|(path, text)| (path, plain(&text)))
            .collect();
        let modules = files.keys().map(|path| (module_of(path), path.clone())).collect();
        Self { files, modules }
    }

    /// Who uses whom, each pair once.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeMap::new();
        for (file, text) in &self.files {
            let module = module_of(file);
            for path in paths(text) {
                if let Some(to) = self.target(&module, &path).filter(|to| to != file) {
                    let text = path.join("::");
                    arrows.entry((file.clone(), to)).or_insert(text);
                }
            }
        }
        arrows.into_iter().map(|((from, to), text)| Arrow { from, to, text }).collect()
    }

    /// The file that a path leads to, seen from a module; `None` if it leads out of the crate, or to a name of its own.
    fn target(&self, module: &str, path: &[String]) -> Option<String> {
        let own: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (mut at, rest): (Vec<&str>, &[String]) = match path.first()?.as_str() {
            "crate" => (Vec::new(), path.get(1..)?),
            "self" => (own, path.get(1..)?),
            "super" => (own.get(..own.len().checked_sub(supers)?)?.to_vec(), path.get(supers..)?),
            // A child of this module, or another crate.
            first => {
                let child = if module.is_empty() { first.to_owned() } else { format!("{module}::{first}") };
                if !self.modules.contains_key(&child) {
                    return None;
                }
                (own, path)
            }
        };
        for part in rest {
            at.push(part);
            if !self.modules.contains_key(&at.join("::")) {
                at.pop();
                break;
            }
        }
        self.modules.get(&at.join("::")).cloned()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources can be read") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("it lies below").to_str().expect("names are ASCII");
            files.insert(name.to_owned(), fs::read_to_string(&path).expect("a source can be read"));
        }
    }
}

/// `memory/heap.rs` is `memory::heap`, `memory/mod.rs` is `memory`, `main.rs` and `lib.rs` are the root.
fn module_of(file: &str) -> String {
    let name = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(name, "main" | "lib") { String::new() } else { name.replace('/', "::") }
}

/// The text without comments, literals, and modules of tests.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            1 + text_bytes(&rest[1..])
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else if rest.starts_with("#[cfg(test)]") {
            tests_bytes(rest)
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = rest.get(skipped..).unwrap_or_default();
    }
    out
}

/// Bytes up to the end of a text literal, with its closing quote.
fn text_bytes(rest: &str) -> usize {
    let mut is_escaped = false;
    for (place, byte) in rest.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Bytes of the item behind `#[cfg(test)]`: to the brace that closes it, or to its semicolon.
fn tests_bytes(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (place, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return place + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return place + 1,
            _ => {}
        }
    }
    rest.len()
}

/// All paths of two names or more, with those of `use a::{b, c::d};` written out.
fn paths(text: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    while let Some(start) = rest.find(is_name) {
        let before = rest[..start].chars().next_back();
        rest = &rest[start..];
        let end = rest.find(|character: char| !is_name(character) && character != ':').unwrap_or(rest.len());
        let word = &rest[..end];
        let is_import = word == "use";
        if is_import {
            let statement = &rest[end..rest.find(';').unwrap_or(rest.len()).max(end)];
            let statement: String =
                statement.chars().filter(|character| !character.is_whitespace()).collect();
            expand(&[], &statement, &mut found);
            rest = &rest[rest.find(';').unwrap_or(rest.len())..];
            continue;
        }
        if word.contains("::") && before != Some(':') && before != Some('$') {
            found.insert(word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
        }
        rest = &rest[end..];
    }
    found
}

/// Writes a tree of imports out, `text` being what follows `prefix`.
fn expand(prefix: &[String], text: &str, found: &mut BTreeSet<Vec<String>>) {
    let (head, group) = match text.find('{') {
        Some(open) => (&text[..open], Some(text[open + 1..].strip_suffix('}').unwrap_or(&text[open + 1..]))),
        None => (text, None),
    };
    let mut path = prefix.to_vec();
    path.extend(head.split("::").filter(|part| !part.is_empty() && *part != "*").map(str::to_owned));
    let Some(group) = group else {
        found.insert(path);
        return;
    };
    let (mut depth, mut start) = (0_usize, 0);
    for (place, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                expand(&path, &group[start..place], found);
                start = place + 1;
            }
            _ => {}
        }
    }
    expand(&path, &group[start..], found);
}

/// The folders that a file belongs to: the one it lies in and those around it, but for the root, whose own files alone
/// belong to it. What stands for a folder, as `fail.rs` or `fail/mod.rs` does for `fail`, belongs to both sides of its
/// door.
fn folders(file: &str, files: &BTreeSet<&str>) -> BTreeSet<String> {
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let is_folder = files.iter().any(|other| other.starts_with(&format!("{module}/")));
    let mut parts: Vec<&str> = module.split('/').collect();
    let is_at_root = parts.len() == 1;
    if !is_folder {
        parts.pop();
    }
    let around = (1..=parts.len()).filter_map(|length| parts.get(..length)).map(|parts| parts.join("/"));
    around.chain(is_at_root.then(String::new)).collect()
}

/// Circles of files that no folder has all of, each as a list of its files.
pub(crate) fn circles(arrows: &[Arrow]) -> Vec<String> {
    let files: BTreeSet<&str> =
        arrows.iter().flat_map(|arrow| [arrow.from.as_str(), arrow.to.as_str()]).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        files.iter().map(|file| (*file, reachable(file, arrows))).collect();
    let mut found = BTreeSet::new();
    for file in &files {
        let circle: BTreeSet<&str> =
            reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect();
        let mut of_each = circle.iter().map(|file| folders(file, &files));
        let first = of_each.next().unwrap_or_default();
        let common = of_each.fold(first, |common, folders| &common & &folders);
        if circle.len() > 1 && common.is_empty() {
            found.insert(circle.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(file: &'a str, arrows: &'a [Arrow]) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut left = vec![file];
    while let Some(at) = left.pop() {
        for arrow in arrows.iter().filter(|arrow| arrow.from == at) {
            if seen.insert(arrow.to.as_str()) {
                left.push(&arrow.to);
            }
        }
    }
    seen
}

/// The manifests of all crates: one in each folder below the root that has one.
pub(crate) fn manifests(root: &Path) -> Vec<PathBuf> {
    let folders =
        [root, &root.join("examples")].map(|folder| fs::read_dir(folder).expect("a folder can be read"));
    let mut found: Vec<_> = folders
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("Cargo.toml"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found
}

/// The crate's name, and what it depends on, whatever for.
pub(crate) fn dependencies(manifest: &str) -> (String, Vec<String>) {
    let (mut name, mut uses, mut section) = (String::new(), Vec::new(), "");
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim().split('.').next().unwrap_or_default();
            if section == "[package]" && key == "name" {
                value.trim().trim_matches('"').clone_into(&mut name);
            } else if section.ends_with("dependencies]") && !line.starts_with('#') {
                uses.push(key.to_owned());
            }
        }
    }
    (name, uses)
}
