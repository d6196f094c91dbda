//! Terminal output as plain text, and where the shell's prompt is in it.

/// Removes what only controls a terminal: escape sequences (ECMA-48, section 5.4), carriage returns, backspaces.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            0x1b => {
                // A control sequence ends with a byte from 0x40 to 0x7e; any other escape is two bytes long.
                if rest.next() == Some(b'[') {
                    rest.by_ref().find(|byte| (0x40..=0x7e).contains(byte));
                }
            }
            b'\r' | 0x07 | 0x08 => {}
            _ => text.push(byte),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The folder named in the prompt (`tally:/proc# `) if the text ends with one.
pub(crate) fn prompt_folder(text: &str) -> Option<&str> {
    let line = text.rsplit('\n').next()?;
    let folder = line.strip_prefix("tally:")?.strip_suffix("# ")?;
    folder.starts_with('/').then_some(folder)
}

/// What a command printed, if the prompt is back: the text between the echoed line and the prompt.
pub(crate) fn answer(text: &str) -> Option<&str> {
    prompt_folder(text)?;
    let (_echo, rest) = text.split_once('\n')?;
    Some(rest.rsplit_once('\n').map_or("", |(answer, _prompt)| answer))
}

/// Exactly the bytes between the echoed line and a line that is just `end`, except for the terminal's CR LF.
///
/// `None` if there are other control characters in between: that is no text of a file.
pub(crate) fn exact(bytes: &[u8], end: &str) -> Option<String> {
    let text = str::from_utf8(bytes).ok()?;
    let (_echo, rest) = text.split_once("\r\n")?;
    let (file, _prompt) = rest.rsplit_once(&format!("{end}\r\n"))?;
    let file = file.replace("\r\n", "\n");
    (!file.contains(|character: char| character.is_control() && !"\n\t".contains(character))).then_some(file)
}

/// The line with which the kernel stops for good.
pub(crate) const STOPPED: &str =
    "stopped; reset the machine to start it again (panic=reboot does so by itself)";

/// Does the text end with a report after which the kernel has stopped?
pub(crate) fn is_stopped(text: &str) -> bool {
    text.strip_suffix('\n')
        .and_then(|text| text.strip_suffix(STOPPED))
        .is_some_and(|text| text.ends_with('\n'))
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{STOPPED, answer, exact, is_stopped, last_lines, plain, prompt_folder};

    #[test]
    fn escape_sequences_leave_only_text() {
        assert_eq!(plain(b"\x1b[1;32mtally:\x1b[0m/# \r\n"), "tally:/# \n");
        assert_eq!(plain(b"a\x1b"), "a");
        assert_eq!(plain(b"a\x1b["), "a");
        assert_eq!(plain(b"a\x1bcb"), "ab");
    }

    #[test]
    fn prompt_counts_only_at_the_end() {
        assert_eq!(prompt_folder("x\ntally:/# "), Some("/"));
        assert_eq!(prompt_folder("tally:/proc# "), Some("/proc"));
        assert_eq!(prompt_folder("tally:/# cat"), None);
        assert_eq!(prompt_folder("tally:/# \nx"), None);
        assert_eq!(prompt_folder("tally:# "), None);
    }

    #[test]
    fn answer_stands_between_echo_and_prompt() {
        assert_eq!(answer("pwd\n/proc\ntally:/proc# "), Some("/proc"));
        assert_eq!(answer("cd /\ntally:/# "), Some(""));
        assert_eq!(answer("pwd\n/proc\n"), None);
        assert_eq!(answer("tally:/# "), None);
    }

    #[test]
    fn file_is_taken_to_the_letter() {
        let typed = "\x1b[1mcat f; echo end\r\n";
        let file = |text: &str| exact(format!("{typed}{text}end\r\n\x1b[1mtally:/# ").as_bytes(), "end");
        assert_eq!(file("a \tb \r\n\r\n").as_deref(), Some("a \tb \n\n"));
        assert_eq!(file("no newline").as_deref(), Some("no newline"));
        assert_eq!(file("").as_deref(), Some(""));
        assert_eq!(file("end\r\n").as_deref(), Some("end\n"));
        assert_eq!(file("a\x1b[mb\r\n"), None);
        assert_eq!(file("a\rb\r\n"), None);
        assert_eq!(exact(b"cat f; echo end\r\ncat: f: no such file", "end"), None);
    }

    #[test]
    fn stop_counts_only_at_the_end() {
        assert!(is_stopped(&format!("exception 14: page fault\n{STOPPED}\n")));
        assert!(!is_stopped(&format!("{STOPPED}\ntally:/# ")));
        assert!(!is_stopped(&format!("echo {STOPPED}\n")));
    }

    #[test]
    fn last_lines_may_be_fewer() {
        assert_eq!(last_lines("a\nb\nc\n", 2), ["b", "c"]);
        assert_eq!(last_lines("a", 40), ["a"]);
        assert_eq!(last_lines("", 40), [""; 0]);
    }
}
