//! How many lanes a test's tracker has: the program `lanes` runs the other programs' tests over many.

/// One, but for the tests in `lanes`. `path` is the module of the test.
pub(crate) const fn lanes_of(path: &str) -> usize {
    let (path, many) = (path.as_bytes(), b"lanes::");
    let mut index = 0;
    while index < many.len() {
        if index >= path.len() || path[index] != many[index] {
            return 1;
        }
        index += 1;
    }
    16
}
