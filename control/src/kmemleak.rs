//! Rows of dumps and commands of `/proc/kmemleak`, in the format of Linux's mm/kmemleak.c.
//!
//! `proc::kmemleak` in the kernel does the rest, with the tracker. Source: Linux,
//! Documentation/dev-tools/kmemleak.rst and mm/kmemleak.c.

use core::fmt;

/// Bytes in a row of a dump.
pub const ROW_BYTES: usize = 16;
/// Bytes of an object that are shown.
pub const DUMP_BYTES: usize = 2 * ROW_BYTES;
/// The column in which the characters of a row start.
const TEXT_COLUMN: usize = 49;

/// A command that is written to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Look for leaks now.
    Scan,
    /// Clear the list of leaks: only those found later are shown.
    Clear,
    /// Log the details of the object at an address.
    Dump(usize),
    /// Whether scans take the stack as a root.
    Stack(Switch),
    /// Turn the periodic scan off. There is none here, so this is the only setting accepted, and it has no effect.
    ScanOff,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is on.
    On,
    /// It is off.
    Off,
}

/// The command in a line; `None` if it is unknown or not supported by this kernel.
pub fn parse(line: &str) -> Option<Command> {
    Some(match line.trim() {
        "scan" => Command::Scan,
        "clear" => Command::Clear,
        "stack=on" => Command::Stack(Switch::On),
        "stack=off" => Command::Stack(Switch::Off),
        "scan=off" | "scan=0" => Command::ScanOff,
        other => Command::Dump(number(other.strip_prefix("dump=")?)?),
    })
}

/// A number in C notation: hexadecimal, octal or decimal.
fn number(text: &str) -> Option<usize> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain { usize::from_str_radix(digits, base).ok() } else { None }
}

/// A row of a dump: at most [`ROW_BYTES`] bytes in hexadecimal and as characters.
#[derive(Clone, Copy, Debug)]
pub struct DumpRow<'a>(pub &'a [u8]);

impl fmt::Display for DumpRow<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().take(ROW_BYTES).enumerate() {
            write!(out, "{}{byte:02x}", if place > 0 { " " } else { "" })?;
        }
        let width = (self.0.len().min(ROW_BYTES) * 3).saturating_sub(1);
        write!(out, "{:1$}", "", TEXT_COLUMN - width)?;
        for &byte in self.0.iter().take(ROW_BYTES) {
            let is_shown = byte == b' ' || byte.is_ascii_graphic();
            write!(out, "{}", if is_shown { char::from(byte) } else { '.' })?;
        }
        Ok(())
    }
}

/// Continues a checksum, which starts with 0: Linux's `crc32_le`.
pub fn crc32(sum: u32, bytes: &[u8]) -> u32 {
    // The crate inverts its initial value and its result, as zlib does.
    let mut hasher = crc32fast::Hasher::new_with_initial(!sum);
    hasher.update(bytes);
    !hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_and_sums_are_those_of_linux() {
        let row = "65 65 65 65 65 65 65 65 65 65 65 65 65 65 65 65  eeeeeeeeeeeeeeee";
        assert_eq!(DumpRow(&[b'e'; 16]).to_string(), row);
        let part = "00 41 20 ff                                      .A .";
        assert_eq!(DumpRow(b"\0A \xff").to_string(), part);
        assert_eq!(DumpRow(&[]).to_string(), " ".repeat(TEXT_COLUMN));
        // An object of 64 bytes, 40 of which were written: seen on Linux 6.12.
        assert_eq!(crc32(crc32(0, &[b'e'; 40]), &[0; 24]), 0xf652_adac);
    }

    #[test]
    fn only_what_makes_sense_here_is_taken() {
        for (line, command) in [
            ("scan", Some(Command::Scan)),
            (" clear ", Some(Command::Clear)),
            ("dump=0xffff800000001000", Some(Command::Dump(0xffff_8000_0000_1000))),
            ("dump=4096", Some(Command::Dump(4096))),
            ("dump=010", Some(Command::Dump(8))),
            ("stack=off", Some(Command::Stack(Switch::Off))),
            ("scan=off", Some(Command::ScanOff)),
            ("scan=0", Some(Command::ScanOff)),
        ] {
            assert_eq!(parse(line), command, "{line}");
        }
        for line in
            ["", "scan=on", "scan=600", "off", "dump=", "dump=0x", "dump=-1", "dump=+1", "scan now", "SCAN"]
        {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_gets_an_answer(line in any::<String>(), address in any::<usize>()) {
            let _ = parse(&line);
            prop_assert_eq!(parse(&format!("dump={address:#x}")), Some(Command::Dump(address)));
        }
    }
}
