//! The PS/2 keyboard: converts keys to the bytes that a terminal sends.
//!
//! Source: IBM PC/AT technical reference (controller 8042); key codes by the crate `pc-keyboard`; the bytes of
//! keys without a character are those of ECMA-48 terminals.

use pc_keyboard::layouts::Us104Key;
use pc_keyboard::{DecodedKey, HandleControl, KeyCode, PS2Keyboard, ScancodeSet1};
use x86::io::{inb, outb};

use super::cpu::IrqLock;
use super::idt;

const DATA: u16 = 0x60;
const STATUS: u16 = 0x64;
const COMMAND: u16 = 0x64;
const OUTPUT_FULL: u8 = 1;
const INPUT_FULL: u8 = 1 << 1;
const FROM_MOUSE: u8 = 1 << 5;
const READ_CONFIGURATION: u8 = 0x20;
const WRITE_CONFIGURATION: u8 = 0x60;
const ENABLE_KEYBOARD: u8 = 0xae;
const KEYBOARD_INTERRUPT: u8 = 1;
const TRANSLATE_TO_SET_1: u8 = 1 << 6;
const LINE: u8 = 1;
/// Number of polls after which the controller counts as missing; a poll takes about 1 us.
const MAX_POLLS: u32 = 100_000;
/// Maximum number of key codes read at once; more than a keyboard buffers.
const MAX_CODES: usize = 64;

type Keyboard = PS2Keyboard<Us104Key, ScancodeSet1>;

static KEYBOARD: IrqLock<Option<Keyboard>> = IrqLock::new(None);

fn status() -> u8 {
    // SAFETY: the controller's status port; reading it changes nothing.
    unsafe { inb(STATUS) }
}

fn send(port: u16, value: u8) -> Option<()> {
    (0..MAX_POLLS).any(|_| status() & INPUT_FULL == 0).then_some(())?;
    // SAFETY: the controller's ports, which only this file touches while the kernel runs.
    unsafe { outb(port, value) };
    Some(())
}

fn receive() -> Option<u8> {
    (0..MAX_POLLS).any(|_| status() & OUTPUT_FULL != 0).then_some(())?;
    // SAFETY: as for `send`.
    Some(unsafe { inb(DATA) })
}

/// Starts the keyboard, if there is a controller.
pub(crate) fn init() {
    if configure().is_none() {
        log::info!("keyboard: no controller answers");
        return;
    }
    *KEYBOARD.lock() =
        Some(PS2Keyboard::new(ScancodeSet1::new(), Us104Key, HandleControl::MapLettersToUnicode));
    idt::handle_line(LINE, "keyboard", take_codes);
}

/// Enables the keyboard's interrupt and the translation to scan code set 1. `None` without a controller.
fn configure() -> Option<()> {
    if status() == 0xff {
        return None;
    }
    send(COMMAND, ENABLE_KEYBOARD)?;
    drop_pending();
    send(COMMAND, READ_CONFIGURATION)?;
    let configuration = receive()?;
    send(COMMAND, WRITE_CONFIGURATION)?;
    send(DATA, configuration | KEYBOARD_INTERRUPT | TRANSLATE_TO_SET_1)?;
    drop_pending();
    Some(())
}

/// Reads and drops old codes: while the output buffer is full, the keyboard raises no interrupt.
fn drop_pending() {
    for _ in 0..MAX_CODES {
        if status() & OUTPUT_FULL == 0 || receive().is_none() {
            return;
        }
    }
}

fn take_codes() {
    for _ in 0..MAX_CODES {
        let status = status();
        if status & OUTPUT_FULL == 0 {
            return;
        }
        let Some(code) = receive() else { return };
        if status & FROM_MOUSE != 0 {
            continue;
        }
        let key = KEYBOARD.lock().as_mut().and_then(|keyboard| {
            let event = keyboard.add_byte(code).ok().flatten()?;
            keyboard.process_keyevent(event)
        });
        match key {
            Some(DecodedKey::Unicode(character)) => push_character(character),
            Some(DecodedKey::RawKey(code)) => push(sequence(code)),
            None => {}
        }
    }
}

fn push_character(character: char) {
    match character {
        '\n' => push("\r"),
        '\u{8}' => push("\u{7f}"),
        '\u{7f}' => push("\x1b[3~"),
        _ => push(character.encode_utf8(&mut [0; 4])),
    }
}

/// What a terminal sends for a key without a character.
fn sequence(code: KeyCode) -> &'static str {
    match code {
        KeyCode::ArrowUp => "\x1b[A",
        KeyCode::ArrowDown => "\x1b[B",
        KeyCode::ArrowRight => "\x1b[C",
        KeyCode::ArrowLeft => "\x1b[D",
        KeyCode::Home => "\x1b[H",
        KeyCode::End => "\x1b[F",
        KeyCode::Insert => "\x1b[2~",
        KeyCode::PageUp => "\x1b[5~",
        KeyCode::PageDown => "\x1b[6~",
        _ => "",
    }
}

fn push(text: &str) {
    for byte in text.bytes() {
        super::typed(byte);
    }
}
