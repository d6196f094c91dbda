//! Paths of source files: shortened so that they are the same on every machine, and the crate they belong to.

/// The crates of the standard library, by their directories.
const LIBRARY: [&str; 4] = ["core", "alloc", "std", "compiler-builtins"];
/// Where cargo keeps the sources of crates from a registry; the registry's directory follows.
const REGISTRY: &str = "/registry/src/";

/// Shortens `path`: for the standard library it starts with `library/`, for a crate from a registry with the crate's name
/// and version; other paths are relative to `base`, the directory of the build. Never an absolute path.
pub fn shortened<'a>(path: &'a str, base: &str) -> &'a str {
    if let Some(at) = path.rfind("/library/") {
        let short = path.get(at..).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
        if library_crate(short).is_some() {
            return short;
        }
    }
    if let Some((_, rest)) = path.rsplit_once(REGISTRY)
        && let Some((_, rest)) = rest.split_once('/')
    {
        return rest;
    }
    if !base.is_empty()
        && let Some(rest) = path.strip_prefix(base)
        && let Some(rest) = rest.strip_prefix('/')
    {
        return rest;
    }
    if !path.starts_with('/') {
        return path;
    }
    // A path of another build directory is cut to start with the crate's directory.
    let crate_end = path.rfind("/src/").unwrap_or(0);
    let crate_start = path.get(..crate_end).and_then(|head| head.rfind('/'));
    let start = crate_start.or_else(|| path.rfind('/')).unwrap_or(0);
    path.get(start..).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default()
}

/// The crate that a shortened path belongs to, by the name of its directory: `core` for `library/core/src/lib.rs`,
/// `hashbrown` for `hashbrown-0.17.0/src/lib.rs`, `vfs` for `vfs/src/lib.rs`. Empty if the path has no directory.
pub fn crate_directory(short: &str) -> &str {
    if let Some(name) = library_crate(short) {
        return name;
    }
    let Some((directory, _)) = short.split_once('/') else { return "" };
    let version = directory.rmatch_indices('-').find(|(at, _)| {
        let number = directory.get(*at..).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
    });
    version.and_then(|(at, _)| directory.get(..at)).unwrap_or(directory)
}

/// Whether a shortened path is one of the standard library's.
pub fn is_library(short: &str) -> bool {
    library_crate(short).is_some()
}

fn library_crate(short: &str) -> Option<&str> {
    let (name, _) = short.strip_prefix("library/")?.split_once('/')?;
    LIBRARY.contains(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_path_is_shortened() {
        for (path, short, directory) in [
            ("/home/a/tally/kernel/src/bug.rs", "kernel/src/bug.rs", "kernel"),
            (
                "/usr/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs",
                "library/alloc/src/vec/mod.rs",
                "alloc",
            ),
            ("/usr/src/rustc-1.96.0/library/core/src/fmt/num.rs", "library/core/src/fmt/num.rs", "core"),
            (
                "/root/.cargo/registry/src/index.example-19c/hashbrown-0.17.0/src/raw.rs",
                "hashbrown-0.17.0/src/raw.rs",
                "hashbrown",
            ),
            (
                "/x/registry/src/index/pc-keyboard-0.9.0-rc.1/src/lib.rs",
                "pc-keyboard-0.9.0-rc.1/src/lib.rs",
                "pc-keyboard",
            ),
            ("kernel/src/main.rs", "kernel/src/main.rs", "kernel"),
            ("/elsewhere/library/src/lib.rs", "library/src/lib.rs", "library"),
            ("/elsewhere/deep/other/src/a/b.rs", "other/src/a/b.rs", "other"),
            ("/stacks.s", "stacks.s", ""),
            ("", "", ""),
        ] {
            assert_eq!(shortened(path, "/home/a/tally"), short, "{path}");
            assert_eq!(crate_directory(short), directory, "{short}");
        }
    }

    #[test]
    fn a_tree_below_a_directory_named_library_is_not_the_standard_library() {
        let short = shortened("/home/library/tally/vfs/src/ram.rs", "/home/library/tally");
        assert_eq!((short, is_library(short)), ("vfs/src/ram.rs", false));
        assert!(is_library("library/core/src/lib.rs"));
    }
}
