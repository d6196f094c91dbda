//! What would be published: the packages are complete, and have nothing that belongs to this tree alone.

use std::process::Command;

#[test]
fn packages_have_licences_and_a_readme_and_nothing_of_the_kernel() {
    for package in ["memstat", "tally-heap"] {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap());
        let output =
            cargo.args(["package", "--list", "--offline", "--allow-dirty", "--package", package]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let files = String::from_utf8(output.stdout).unwrap();
        let files: Vec<_> = files.lines().collect();
        for needed in ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"] {
            assert!(files.contains(&needed), "{package} has no {needed}: {files:?}");
        }
        let stray = files.iter().find(|file| file.starts_with("integrations") || file.contains("/target/"));
        assert_eq!(stray, None, "{package}");
    }
}
