//! Paths against a model of canonical names.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::generated::{NODES, vfs};
use crate::{Errno, Kind, OpenFlags};

/// The model: canonical paths of directories (false) and files (true).
type Model = BTreeMap<String, bool>;

fn model_resolve(model: &Model, cwd: &str, path: &str) -> Result<String, Errno> {
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    let mut at: Vec<String> = Vec::new();
    if !path.starts_with('/') {
        at.extend(cwd.split('/').filter(|part| !part.is_empty()).map(ToString::to_string));
    }
    let joined = |at: &[String]| std::format!("/{}", at.join("/"));
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if model[&joined(&at)] {
            return Err(Errno::ENOTDIR);
        }
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(part.to_string());
        if !model.contains_key(&joined(&at)) {
            return Err(Errno::ENOENT);
        }
    }
    let result = joined(&at);
    if (path.ends_with('/') || path.ends_with("/.") || path == ".") && model[&result] {
        return Err(Errno::ENOTDIR);
    }
    Ok(result)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_resolve_as_in_the_model(
        made in prop::collection::vec("[ab]{1,2}(/[ab]{1,2}){0,3}", 0..12),
        path in "(/|\\./|\\.\\./|[ab]{1,2}/|proc/|short|short/){0,10}(\\.|\\.\\.|short|proc|[ab]{1,2})?",
        cwd_pick in any::<prop::sample::Index>(),
    ) {
        let (vfs, _) = vfs();
        let mut model = Model::from([("/".into(), false), ("/proc".into(), false)]);
        for node in &NODES {
            model.insert(std::format!("/proc/{}", node.name), true);
        }
        for name in made {
            let path = std::format!("/{name}");
            let parent = path.rsplit_once('/').map(|(parent, _)| if parent.is_empty() { "/" } else { parent }).unwrap();
            let expected = match (model.contains_key(parent), model.contains_key(&path)) {
                (false, _) => Err(Errno::ENOENT),
                (true, true) => Err(Errno::EEXIST),
                (true, false) => Ok(()),
            };
            prop_assert_eq!(vfs.make_directory("/", &path), expected);
            if expected.is_ok() {
                model.insert(path, false);
            }
        }
        let directories: Vec<&String> = model.iter().filter(|(_, is_file)| !**is_file).map(|(path, _)| path).collect();
        let cwd = directories[cwd_pick.index(directories.len())];
        let expected = model_resolve(&model, cwd, &path);
        let found = vfs.metadata(cwd, &path);
        prop_assert_eq!(found.map(|found| found.kind == Kind::File), expected.clone().map(|path| model[&path]));
        if let Ok(expected) = expected && !model[&expected] {
            let canonical = vfs.canonical_directory(cwd, &path).unwrap();
            prop_assert_eq!(canonical.as_str(), expected.as_str());
            prop_assert_eq!(vfs.metadata("/", &canonical), found);
        }
    }

    #[test]
    fn any_path_gets_an_answer(path in any::<String>(), cwd in "(/|/proc)") {
        let (vfs, _) = vfs();
        let _ = vfs.metadata(&cwd, &path);
        let _ = vfs.make_directory(&cwd, &path);
        let _ = vfs.open(&cwd, &path, OpenFlags::READ);
    }
}
