//! Terminal output as plain text, and where the shell's prompt stands in it.

/// Removes what only steers a terminal: escape sequences (ECMA-48, section 5.4), carriage returns, backspaces.
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

/// Does the text end with a report of the kernel's, after which it does nothing more?
pub(crate) fn is_stopped(text: &str) -> bool {
    text.ends_with("\nstopped\n")
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{answer, is_stopped, last_lines, plain, prompt_folder};

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
    fn stop_counts_only_at_the_end() {
        assert!(is_stopped("exception 14: page fault\nstopped\n"));
        assert!(!is_stopped("stopped\ntally:/# "));
        assert!(!is_stopped("echo stopped\n"));
    }

    #[test]
    fn last_lines_may_be_fewer() {
        assert_eq!(last_lines("a\nb\nc\n", 2), ["b", "c"]);
        assert_eq!(last_lines("a", 40), ["a"]);
        assert_eq!(last_lines("", 40), [""; 0]);
    }
}
