//! Typed input: single bytes for the line editor, and lines for the parser.

use shell::{Line, LineEditor, List};

/// Types the bytes, and parses them as a line.
///
/// # Panics
///
/// If the editor's own output fails, which it cannot.
pub fn shell(input: &[u8]) {
    let mut editor = LineEditor::new();
    let mut screen = String::new();
    for byte in input {
        editor.feed(*byte, &mut screen).expect("a String takes all text");
    }
    let mut line = Line::new();
    for text in [editor.line(), &String::from_utf8_lossy(input)] {
        if line.parse(text).is_ok() {
            read_all(line.list());
        }
    }
}

/// Looks at each part of the tree.
fn read_all(list: List<'_>) {
    for (_, pipeline) in list {
        for stage in pipeline {
            let _ = (stage.words(), stage.redirections().count());
            if let Some(inside) = stage.group() {
                read_all(inside);
            }
        }
    }
}
