//! `/proc/allocinfo`, version 1.0. Source: Linux, `lib/alloc_tag.c` (`alloc_tag_to_text`), lib/codetag.c.

use super::line::lines;
use crate::error::{Error, Result, ensure};

/// Two header lines, then `"%12lli %8llu "`, `"%s:%u"`, `" [%s]"` for a module, `" func:%s"`, and a blank.
///
/// Names in C are single words; those in Rust may contain blanks, so only the last blank ends the tag.
pub(crate) fn allocinfo(text: &str) -> Result<()> {
    let mut lines = lines("allocinfo", text)?.into_iter();
    for header in ["allocinfo - version: 1.0", "#     <size>  <calls> <tag info>"] {
        let mut line = lines.next().ok_or_else(|| Error::Wrong("allocinfo: no header".into()))?;
        line.literal(header)?;
        line.end()?;
    }
    for mut line in lines {
        let size = line.signed(12)?;
        line.literal(" ")?;
        let calls = line.unsigned(8)?;
        line.literal(" ")?;
        ensure!(size >= 0 && (size == 0) == (calls == 0), "allocinfo: {size} bytes in {calls} blocks");
        let file = line.up_to(":")?;
        ensure!(!file.is_empty() && !file.contains(' '), "allocinfo: `{file}` is no source file");
        line.unsigned(0)?;
        if line.skips(" [") {
            line.up_to("]")?;
        }
        line.literal(" func:")?;
        let function = line.remainder();
        let name = function.strip_suffix(' ').unwrap_or_default();
        ensure!(
            !name.is_empty() && !name.starts_with(' ') && !name.ends_with(' '),
            "allocinfo: a name and one blank should end the line, not `{function}`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::allocinfo;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
allocinfo - version: 1.0
#     <size>  <calls> <tag info>
           0        0 init/main.c:1311 func:do_initcalls 
     4268032      776 mm/slub.c:2478 func:alloc_slab_page 
       12288        3 drivers/block/loop.c:25 [loop] func:loop_init 
";
        assert_strict(
            allocinfo,
            sample,
            &[
                ("1.0", "2.0"),
                ("<size>  <calls>", "<calls>  <size>"),
                ("page \n", "page\n"),
                ("2478", "x"),
                ("     776", "       0"),
                ("mm/slub.c", "mm/slub c"),
                (" func:loop_init ", " "),
                ("     4268032", "    -4268032"),
            ],
        );
        assert_every_blank_counts(allocinfo, sample);
        assert!(allocinfo("").is_err());
    }
}
