//! Paths against a model of canonical names.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::sync::atomic::Ordering;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::generated::{NODES, vfs};
use super::host::HostBuffers;
use crate::{Errno, Kind, OpenFlags, Vfs};

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
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// Bytes as a fuzzer makes them, with slashes, dots and the names of links thrown in.
    #[test]
    fn any_bytes_as_a_path_are_answered_and_leave_nothing_open(
        parts in prop::collection::vec(
            prop_oneof![
                4 => prop::sample::select(vec![&b"/"[..], b"..", b".", b"loop", b"up", b"root", b"proc", b"dir", b"//"])
                    .prop_map(<[u8]>::to_vec),
                1 => prop::collection::vec(any::<u8>(), 0..300),
            ],
            0..40,
        ),
        cwd in prop::sample::select(vec!["/", "/dir", "/proc", "/gone", ""]),
    ) {
        let path = parts.concat();
        let path = String::from_utf8_lossy(&path);
        LINKED.with(|(vfs, buffers)| {
            let found = vfs.metadata(cwd, &path);
            if let Ok(canonical) = vfs.canonical_directory(cwd, &path) {
                prop_assert_eq!(vfs.metadata("/", &canonical), found);
                prop_assert_eq!(vfs.canonical_directory("/", &canonical), Ok(canonical));
            }
            if let Ok(file) = vfs.open(cwd, &path, OpenFlags::READ) {
                prop_assert_eq!(vfs.metadata_of(file), found);
                vfs.close(file).unwrap();
            }
            let _ = vfs.read_link(cwd, &path);
            let _ = vfs.rename(cwd, &path, &path);
            if vfs.make_directory(cwd, &path).is_ok() {
                prop_assert_eq!(vfs.remove_directory(cwd, &path), Ok(()));
            }
            prop_assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
            Ok(())
        })?;
    }
}

thread_local! {
    /// Files with links that go up, around and nowhere.
    static LINKED: (&'static Vfs, &'static HostBuffers) = {
        let (vfs, buffers) = vfs();
        vfs.make_directory("/", "/dir").unwrap();
        for (name, target) in [("loop", "dir/loop"), ("dir/loop", "../loop"), ("up", ".."), ("dir/up", "../up/dir")] {
            vfs.make_link("/", target, name).unwrap();
        }
        vfs.make_link("/", "/", "/dir/root").unwrap();
        (vfs, buffers)
    };
}
