//! `/proc/kmemleak`, in Linux `/sys/kernel/debug/kmemleak`. Source: Linux, mm/kmemleak.c (`print_unreferenced`,
//! `hex_dump_object`) and lib/hexdump.c.

use super::line::{Line, lines};
use crate::error::Result;

const ROW_BYTES: usize = 16;
/// Two rows are shown.
const MAX_BYTES: usize = 32;
/// The column of the characters in a row, without the indentation.
const TEXT_COLUMN: usize = 49;

/// Objects, each with `"unreferenced object 0x%08lx (size %zu):"`, `"  comm \"%s\", pid %d, jiffies %lu"`,
/// `"  hex dump (first %zu bytes):"` with its rows, `"  backtrace (crc %x):"` and `"    %pS"` per frame.
///
/// The file may be empty. `%pS` of C is a single word; names in Rust may contain blanks.
pub(crate) fn kmemleak(text: &str) -> Result<()> {
    let mut lines = lines("kmemleak", text)?.into_iter().peekable();
    while let Some(mut head) = lines.next() {
        head.literal("unreferenced object 0x")?;
        head.hex(8)?;
        head.literal(" (size ")?;
        let size_bytes = head.unsigned(0)? as usize;
        head.literal("):")?;
        head.end()?;
        let mut next = || lines.next().ok_or_else(|| head.wrong("more lines behind it"));
        origin(next()?)?;
        let mut title = next()?;
        let shown = size_bytes.min(MAX_BYTES);
        title.literal(&format!("  hex dump (first {shown} bytes):"))?;
        title.end()?;
        for start in (0..shown).step_by(ROW_BYTES) {
            row(next()?, (shown - start).min(ROW_BYTES))?;
        }
        let mut title = next()?;
        title.literal("  backtrace (crc ")?;
        title.hex(1)?;
        title.literal("):")?;
        title.end()?;
        while let Some(mut frame) = lines.next_if(|line| line.clone().skips("    ")) {
            frame.literal("    ")?;
            frame.symbol()?;
        }
    }
    Ok(())
}

fn origin(mut line: Line) -> Result<()> {
    line.literal("  comm \"")?;
    line.up_to("\"")?;
    line.literal(", pid ")?;
    line.unsigned(0)?;
    line.literal(", jiffies ")?;
    line.unsigned(0)?;
    line.end()
}

/// Bytes in hexadecimal and as characters.
fn row(mut line: Line, bytes: usize) -> Result<()> {
    line.literal("    ")?;
    let mut characters = String::new();
    for place in 0..bytes {
        let byte = line.hex(2)?;
        characters.push(match u8::try_from(byte) {
            Ok(byte @ b' '..=b'~') => byte.into(),
            _ => '.',
        });
        if place + 1 < bytes {
            line.literal(" ")?;
        }
    }
    line.literal(&" ".repeat(TEXT_COLUMN + 1 - 3 * bytes))?;
    line.literal(&characters)?;
    line.end()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::kmemleak;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
unreferenced object 0xffff888000ffcac0 (size 64):
  comm \"insmod\", pid 52, jiffies 4294892500
  hex dump (first 32 bytes):
    65 65 65 65 65 65 65 65 65 65 65 65 65 65 65 65  eeeeeeeeeeeeeeee
    00 7f 41 ff 65 65 65 65 65 65 65 65 65 65 65 65  ..A.eeeeeeeeeeee
  backtrace (crc f652adac):
    __kmalloc_noprof+0x222/0x430
    kmleak_inner+0x11/0x50 [kmleak]
unreferenced object 0xffff888000ffcad0 (size 3):
  comm \"swapper/0\", pid 1, jiffies 4294892501
  hex dump (first 3 bytes):
    61 62 00                                         ab.
  backtrace (crc 0):
    0xffffffff81234567
";
        assert_strict(
            kmemleak,
            sample,
            &[
                ("unreferenced", "referenced"),
                ("0xffff888000ffcac0", "ffff888000ffcac0"),
                ("(size 64)", "(size 6)"),
                ("\"insmod\"", "insmod"),
                ("jiffies 4294892500", "jiffies 4294892500 (age 9.123s)"),
                ("first 32", "first 16"),
                ("eeeeeeeeeeeeeeee", "eeeeeeeeeeeeeeef"),
                ("..A.", "..A "),
                ("  ab.", " ab."),
                ("backtrace (crc f652adac):", "backtrace:"),
                ("/0x430", ""),
                ("    __kmalloc", "    [<00000000dead>] __kmalloc"),
            ],
        );
        assert_every_blank_counts(kmemleak, sample);
        kmemleak("").unwrap();
    }
}
