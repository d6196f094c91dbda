//! `/proc/mounts` and `/proc/filesystems`. Source: Linux, `fs/proc_namespace.c` (`show_vfsmnt`), fs/filesystems.c.

use super::line::lines;
use crate::error::{Result, ensure};

/// `"%s %s %s %s 0 0"`: source, mount point, type, options that begin with `rw` or `ro`.
pub(super) fn mounts(text: &str) -> Result<()> {
    let lines = lines("mounts", text)?;
    ensure!(!lines.is_empty(), "mounts: empty");
    for mut line in lines {
        line.word()?;
        line.literal(" ")?;
        let place = line.word()?;
        ensure!(place.starts_with('/'), "mounts: `{place}` is no absolute path");
        line.literal(" ")?;
        line.word()?;
        line.literal(" ")?;
        let options = line.word()?;
        let access = options.split(',').next();
        ensure!(
            matches!(access, Some("rw" | "ro")),
            "mounts: the options `{options}` begin with neither rw nor ro"
        );
        ensure!(
            options.split(',').all(|option| !option.is_empty()),
            "mounts: an option of `{options}` is empty"
        );
        line.literal(" 0 0")?;
        line.end()?;
    }
    Ok(())
}

/// `"%s\t%s"`: `nodev` or nothing, and the type.
pub(super) fn filesystems(text: &str) -> Result<()> {
    let lines = lines("filesystems", text)?;
    ensure!(!lines.is_empty(), "filesystems: empty");
    let mut known = Vec::new();
    for mut line in lines {
        line.skips("nodev");
        line.literal("\t")?;
        let name = line.word()?;
        ensure!(!known.contains(&name), "filesystems: {name} stands there twice");
        known.push(name);
        line.end()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::{filesystems, mounts};

    #[test]
    fn only_linux_mounts_pass() {
        let sample = "\
proc /proc proc rw,relatime 0 0
tmpfs /dev/shm tmpfs rw,relatime,size=24684092k 0 0
/dev/vda / ext4 ro 0 0
";
        assert_strict(
            mounts,
            sample,
            &[
                (" 0 0", ""),
                (" 0 0", " 0 1"),
                (" /proc", " proc"),
                ("rw,", ""),
                ("rw,", "rw,,"),
                (" ext4 ro", " ro"),
                (" / ", " /my disc "),
            ],
        );
        assert_every_blank_counts(mounts, sample);
        assert!(mounts("").is_err());
    }

    #[test]
    fn only_linux_filesystems_pass() {
        let sample = "nodev\ttmpfs\nnodev\tproc\n\text4\n";
        assert_strict(
            filesystems,
            sample,
            &[
                ("nodev\t", "nodev "),
                ("nodev\t", ""),
                ("\text4", "ext4"),
                ("ext4", "proc"),
                ("ext4", "ext 4"),
                ("nodev", "dev"),
            ],
        );
        assert_every_blank_counts(filesystems, sample);
        assert!(filesystems("").is_err());
    }
}
