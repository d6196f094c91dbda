//! Runs each target on its corpus, without a fuzzer, in every `make test`.

use std::fs;
use std::path::Path;

use fuzz::TARGETS;

#[test]
fn no_input_of_the_corpus_fails() {
    for (name, body) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut count = 0;
        for file in fs::read_dir(&folder).expect("each target has a corpus") {
            let path = file.expect("readable").path();
            // Where a body panics, this is the last line.
            println!("{}", path.display());
            body(&fs::read(&path).expect("readable"));
            count += 1;
        }
        assert!(count >= 8, "{name} has {count} inputs");
    }
}

/// The same input cut off, and with single bytes changed, as a fuzzer would try first.
#[test]
fn no_input_close_to_the_corpus_fails() {
    for (name, body) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        for file in fs::read_dir(&folder).expect("each target has a corpus") {
            let path = file.expect("readable").path();
            let mut input = fs::read(&path).expect("readable");
            println!("{}", path.display());
            let step = (input.len() / 16).max(1);
            for at in (0..input.len()).step_by(step) {
                body(&input[..at]);
                for change in [1, 0x80, 0xff] {
                    input[at] ^= change;
                    body(&input);
                    input[at] ^= change;
                }
            }
        }
    }
}
