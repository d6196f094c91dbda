//! The editor against a plain line, and its echo against a terminal of one line.

use super::*;
use proptest::prelude::*;

/// A combining acute accent: it takes no column.
const ACCENT: char = '\u{301}';

/// One line of a terminal.
#[derive(Default)]
struct Terminal {
    cells: Vec<char>,
    column: usize,
}

impl Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\x08' => self.column -= 1,
                '\n' | ACCENT | '\u{323}' => {}
                _ => {
                    if self.column == self.cells.len() {
                        self.cells.push(' ');
                    }
                    self.cells[self.column] = character;
                    self.column += 1;
                }
            }
        }
        Ok(())
    }
}

fn type_bytes(editor: &mut LineEditor, bytes: &[u8], out: &mut dyn Write) -> Vec<Event> {
    bytes.iter().map(|byte| editor.feed(*byte, out).unwrap()).filter(|event| *event != Event::None).collect()
}

#[test]
fn each_kind_of_enter_ends_a_line_once() {
    for end in ["\r", "\n", "\r\n"] {
        let mut editor = LineEditor::new();
        let mut out = String::new();
        assert_eq!(type_bytes(&mut editor, format!("ls{end}").as_bytes(), &mut out), [Event::Line]);
        assert_eq!(editor.line(), "ls");
        assert_eq!(type_bytes(&mut editor, format!("pwd{end}").as_bytes(), &mut out), [Event::Line]);
        assert_eq!(editor.line(), "pwd");
    }
    let mut editor = LineEditor::new();
    assert_eq!(type_bytes(&mut editor, b"\r\r\n\n", &mut String::new()).len(), 3);
}

#[test]
fn too_long_line_is_counted_and_the_next_one_is_clean() {
    let mut editor = LineEditor::new();
    let mut out = String::new();
    let mut typed = vec![b'x'; 5000];
    typed.push(b'\r');
    assert_eq!(type_bytes(&mut editor, &typed, &mut out), [Event::TooLong { excess_characters: 3977 }]);
    assert_eq!(type_bytes(&mut editor, b"ok\r", &mut out), [Event::Line]);
    assert_eq!(editor.line(), "ok");
}

#[test]
fn characters_without_room_are_taken_back_whole_and_first() {
    // As many as fit, and two more of two and four bytes.
    let full = format!("{}\u{e4}\u{1f980}", "x".repeat(MAX_LINE_BYTES));
    for (keys, expected) in [
        (&b"\r"[..], Event::TooLong { excess_characters: 2 }),
        (b"\x08\r", Event::TooLong { excess_characters: 1 }),
        (b"\x08\x7f\r", Event::Line),
        (b"\x1b[3~\x1b[3~\r", Event::Line),
        (b"\x1b[H\x1b[3~\x08\r", Event::Line),
        (b"\x0b\r", Event::Line),
        (b"\x1b[A\r", Event::TooLong { excess_characters: 2 }),
    ] {
        let mut editor = LineEditor::new();
        type_bytes(&mut editor, full.as_bytes(), &mut String::new());
        assert_eq!(type_bytes(&mut editor, keys, &mut String::new()), [expected], "{keys:?}");
        assert_eq!(editor.line().len(), MAX_LINE_BYTES, "{keys:?}");
    }
    let mut editor = LineEditor::new();
    type_bytes(&mut editor, full.as_bytes(), &mut String::new());
    type_bytes(&mut editor, b"\x08\x08\x08\x08\r", &mut String::new());
    assert_eq!(editor.line().len(), MAX_LINE_BYTES - 2);
}

#[test]
fn one_stroke_takes_one_character() {
    for (typed, expected) in
        [("e\u{e4}\x7f\r", "e"), ("\u{20ac}\u{1f980}\x08\r", "\u{20ac}"), ("\u{e4}\x1b[H\x1b[3~\r", "")]
    {
        let mut editor = LineEditor::new();
        type_bytes(&mut editor, typed.as_bytes(), &mut String::new());
        assert_eq!(editor.line(), expected, "{typed:?}");
    }
}

#[test]
fn one_stroke_takes_a_letter_with_its_accents() {
    for (typed, expected) in [
        ("ae\u{301}\x7f\r", "a"),
        ("ae\u{323}\u{301}\x7f\r", "a"),
        ("e\u{301}b\x1b[D\x7f\r", "b"),
        ("e\u{301}b\x1b[H\x1b[3~\r", "b"),
        ("e\u{301}b\x1b[H\x1b[Cx\r", "e\u{301}xb"),
        ("e\u{301}b\x1b[D\x1b[Dx\r", "xe\u{301}b"),
        ("\u{301}\x7f\r", ""),
    ] {
        let mut editor = LineEditor::new();
        let mut terminal = Terminal::default();
        type_bytes(&mut editor, typed.as_bytes(), &mut terminal);
        assert_eq!(editor.line(), expected, "{typed:?}");
        let shown: String = terminal.cells.iter().collect();
        assert_eq!(shown.trim_end(), expected.replace([ACCENT, '\u{323}'], ""), "{typed:?}");
    }
}

#[test]
fn what_ends_a_control_sequence_early_means_what_it_always_does() {
    for (typed, expected) in [
        (&b"ls\x1b\r"[..], "ls"),
        (b"ls\x1b[\r", "ls"),
        (b"ls\x1b[1;\n", "ls"),
        (b"lsx\x1b\x08\r", "ls"),
        (b"lsx\x1b\x7f\r", "ls"),
        (b"xx\x1b[\x15ls\r", "ls"),
        (b"l\x1b\x1b[Ds\r", "sl"),
        (b"ls\x1bO\xc3\xa4\r", "ls\u{e4}"),
        (b"ls\x1bx\r", "ls"),
    ] {
        let mut editor = LineEditor::new();
        assert_eq!(type_bytes(&mut editor, typed, &mut String::new()), [Event::Line], "{typed:?}");
        assert_eq!(editor.line(), expected, "{typed:?}");
    }
    let mut editor = LineEditor::new();
    assert_eq!(type_bytes(&mut editor, b"ls\x1b\x03", &mut String::new()), [Event::Interrupt]);
}

#[test]
fn interrupt_drops_the_line() {
    let mut editor = LineEditor::new();
    let mut out = String::new();
    assert_eq!(type_bytes(&mut editor, b"rm -r\x03echo\r", &mut out), [Event::Interrupt, Event::Line]);
    assert_eq!(editor.line(), "echo");
    assert!(out.contains("^C\n"));
}

#[test]
fn arrows_bring_older_lines_back() {
    let mut editor = LineEditor::new();
    let mut out = String::new();
    type_bytes(&mut editor, b"one\rtwo\rtwo\r \r", &mut out);
    type_bytes(&mut editor, b"\x1b[A\x1b[A\x1b[A\x1b[A\r", &mut out);
    assert_eq!(editor.line(), "one");
    type_bytes(&mut editor, b"\x1b[A\x1b[A\x1b[B\x1b[Bnew\r", &mut out);
    assert_eq!(editor.line(), "new");
}

#[derive(Clone, Debug)]
enum Key {
    Character(char),
    Backspace,
    Delete,
    Left,
    Right,
    Home,
    End,
    Kill,
    KillToEnd,
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        1 => Just(Key::Character(ACCENT)),
        8 => "[a-zé€ ]".prop_map(|text| Key::Character(text.chars().next().unwrap())),
        2 => Just(Key::Backspace),
        1 => Just(Key::Delete),
        3 => Just(Key::Left),
        2 => Just(Key::Right),
        1 => Just(Key::Home),
        1 => Just(Key::End),
        1 => Just(Key::Kill),
        1 => Just(Key::KillToEnd),
    ]
}

fn bytes_of(key: &Key) -> Vec<u8> {
    match key {
        Key::Character(character) => character.to_string().into_bytes(),
        Key::Backspace => vec![DELETE],
        Key::Delete => b"\x1b[3~".to_vec(),
        Key::Left => b"\x1b[D".to_vec(),
        Key::Right => b"\x1bOC".to_vec(),
        Key::Home => b"\x1b[H".to_vec(),
        Key::End => b"\x1b[4~".to_vec(),
        Key::Kill => vec![CONTROL_U],
        Key::KillToEnd => vec![CONTROL_K],
    }
}

/// Does what a key does to a line of letters, each with its accents.
fn press(line: &mut Vec<String>, cursor: &mut usize, key: &Key) {
    match key {
        Key::Character(ACCENT) => line[*cursor - 1].push(ACCENT),
        Key::Character(character) => {
            line.insert(*cursor, character.to_string());
            *cursor += 1;
        }
        Key::Backspace if *cursor > 0 => {
            *cursor -= 1;
            line.remove(*cursor);
        }
        Key::Delete if *cursor < line.len() => {
            line.remove(*cursor);
        }
        Key::Left => *cursor = cursor.saturating_sub(1),
        Key::Right => *cursor = (*cursor + 1).min(line.len()),
        Key::Home => *cursor = 0,
        Key::End => *cursor = line.len(),
        Key::Kill => {
            line.clear();
            *cursor = 0;
        }
        Key::KillToEnd => line.truncate(*cursor),
        _ => {}
    }
}

proptest! {
    #[test]
    fn editing_and_echo_equal_a_plain_line(keys in prop::collection::vec(key(), 0..120)) {
        let mut editor = LineEditor::new();
        let mut terminal = Terminal::default();
        let (mut line, mut cursor) = (Vec::new(), 0);
        for key in &keys {
            if matches!(key, Key::Character(ACCENT)) && cursor == 0 {
                // There is no letter to put it on.
                continue;
            }
            type_bytes(&mut editor, &bytes_of(key), &mut terminal);
            press(&mut line, &mut cursor, key);
            let expected = line.concat();
            let shown: String = terminal.cells.iter().collect();
            prop_assert_eq!(editor.line(), &expected);
            prop_assert_eq!(terminal.column, cursor);
            let visible = expected.replace(ACCENT, "");
            prop_assert_eq!(shown.trim_end_matches(' '), visible.trim_end_matches(' '));
        }
    }

    #[test]
    fn any_bytes_leave_an_editor_that_takes_the_next_command(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let mut editor = LineEditor::new();
        let mut out = String::new();
        type_bytes(&mut editor, &bytes, &mut out);
        let events = type_bytes(&mut editor, b"\x03\x03echo\r", &mut out);
        prop_assert_eq!(events.last(), Some(&Event::Line));
        prop_assert_eq!(editor.line(), "echo");
    }
}
