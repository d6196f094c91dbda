//! `/proc/version` and `/proc/cmdline`. Source: Linux, init/version.c (`linux_proc_banner`), fs/proc/cmdline.c.

use super::line::only_line;
use crate::error::{Result, ensure};

/// `"%s version %s (%s@%s) (%s) %s"`: name, release, who built it where and with what, and the build.
pub(super) fn version(text: &str) -> Result<()> {
    let mut line = only_line("version", text)?;
    line.word()?;
    line.literal(" version ")?;
    line.word()?;
    line.literal(" (")?;
    let builder = line.up_to(") (")?;
    let is_place = builder.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    ensure!(is_place && !builder.contains(' '), "version: `{builder}` is no user at a host");
    let compiler = line.up_to(") #")?;
    ensure!(!compiler.is_empty() && compiler.trim() == compiler, "version: `{compiler}` is no compiler");
    line.unsigned(0)?;
    let build = line.remainder();
    ensure!(
        build.is_empty() || build.starts_with(' ') && !build.ends_with(' '),
        "version: `{build}` is no build"
    );
    Ok(())
}

/// `"%s"`: one line, which may be empty.
pub(super) fn cmdline(text: &str) -> Result<()> {
    only_line("cmdline", text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_strict;
    use super::{cmdline, version};

    #[test]
    fn only_linux_version_passes() {
        let sample = "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, \
            GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)\n";
        assert_strict(
            version,
            sample,
            &[
                ("Linux ", ""),
                (" version", ""),
                (" version ", " version  "),
                ("@", " "),
                ("(debian-kernel@lists.debian.org) ", ""),
                (" #1", ""),
                ("#1 ", "#1"),
                ("(2024-02-01)", ""),
            ],
        );
    }

    #[test]
    fn cmdline_is_one_line() {
        assert_strict(cmdline, "root=/dev/vda quiet\n", &[("root=/dev/vda quiet\n", ""), (" ", "\n")]);
        cmdline("\n").unwrap();
    }
}
