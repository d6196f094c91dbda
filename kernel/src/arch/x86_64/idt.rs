//! The interrupt descriptor table: all 256 vectors lead to one function, which dispatches exceptions and device interrupts.
//!
//! Source: Intel SDM vol. 3A, chapter 6.

use core::arch::global_asm;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use spin::Once;
use x86::bits64::segmentation::Descriptor64;
use x86::dtables::{DescriptorTablePointer, lidt};
use x86::segmentation::{BuildDescriptor, DescriptorBuilder, GateDescriptorBuilder};

use super::{exceptions, gdt, pic};

global_asm!(include_str!("idt.s"));

const VECTORS: usize = 256;
const EXCEPTIONS: u64 = 32;
const ENTRY_BYTES: usize = 16;

/// The interrupt frame that the entry code saves, in memory order.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct InterruptFrame {
    pub(crate) r15: u64,
    pub(crate) r14: u64,
    pub(crate) r13: u64,
    pub(crate) r12: u64,
    pub(crate) r11: u64,
    pub(crate) r10: u64,
    pub(crate) r9: u64,
    pub(crate) r8: u64,
    pub(crate) rbp: u64,
    pub(crate) rdi: u64,
    pub(crate) rsi: u64,
    pub(crate) rdx: u64,
    pub(crate) rcx: u64,
    pub(crate) rbx: u64,
    pub(crate) rax: u64,
    pub(crate) vector: u64,
    pub(crate) error_code: u64,
    pub(crate) rip: u64,
    pub(crate) cs: u64,
    pub(crate) rflags: u64,
    pub(crate) rsp: u64,
    pub(crate) ss: u64,
}

static TABLE: Once<[Descriptor64; VECTORS]> = Once::new();
static COUNTS: [AtomicU64; VECTORS] = [const { AtomicU64::new(0) }; VECTORS];
/// The registers of the code that the innermost running device handler interrupted. Exceptions do not change it: their
/// handling may end with a jump out of a guarded call.
static INTERRUPTED: AtomicPtr<InterruptFrame> = AtomicPtr::new(null_mut());
static HANDLERS: [AtomicUsize; pic::LINES] = [const { AtomicUsize::new(0) }; pic::LINES];
/// The handler of each interrupt line.
static NAMES: [Once<&str>; pic::LINES] = [const { Once::new() }; pic::LINES];
static LINE_COUNTS: [AtomicU64; pic::LINES] = [const { AtomicU64::new(0) }; pic::LINES];
static SPURIOUS: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    static interrupt_entries: u8;
}

/// Loads the table.
pub(crate) fn init() {
    let table = TABLE.call_once(|| {
        core::array::from_fn(|vector| {
            let entry = (&raw const interrupt_entries) as usize + vector * ENTRY_BYTES;
            let stack = match vector {
                2 => gdt::NMI_STACK,
                8 => gdt::DOUBLE_FAULT_STACK,
                18 => gdt::MACHINE_CHECK_STACK,
                _ => 0,
            };
            <DescriptorBuilder as GateDescriptorBuilder<u64>>::interrupt_descriptor(gdt::CODE, entry as u64)
                .present()
                .ist(stack)
                .finish()
        })
    });
    // SAFETY: every entry leads to code that saves and restores all registers; the table is static.
    unsafe { lidt(&DescriptorTablePointer::new_from_slice(table)) };
}

/// Registers `handler` for interrupts on `line`; it runs with interrupts masked. `name` is shown in reports.
pub(crate) fn handle_line(line: u8, name: &'static str, handler: fn()) {
    if let Some((slot, known)) = HANDLERS.get(usize::from(line)).zip(NAMES.get(usize::from(line))) {
        known.call_once(|| name);
        slot.store(handler as usize, Ordering::Release);
        pic::unmask(line);
    }
}

/// Number of interrupts by vector.
pub(crate) fn count(vector: u8) -> u64 {
    COUNTS[usize::from(vector)].load(Ordering::Relaxed)
}

/// An interrupt line and its count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The name of its handler's owner; `None` while it has no handler.
    pub(crate) name: Option<&'static str>,
    /// Interrupts from a device.
    pub(crate) count: u64,
}

/// All lines, in order.
pub(crate) fn lines() -> [Line; pic::LINES] {
    core::array::from_fn(|number| Line {
        name: match number as u8 {
            pic::CASCADE_LINE => Some("cascade"),
            _ => NAMES[number].get().copied(),
        },
        count: LINE_COUNTS[number].load(Ordering::Relaxed),
    })
}

/// Number of spurious interrupts.
pub(crate) fn spurious_count() -> u64 {
    SPURIOUS.load(Ordering::Relaxed)
}

/// Whether a device's interrupt is being handled.
pub(crate) fn is_in_interrupt() -> bool {
    !INTERRUPTED.load(Ordering::Relaxed).is_null()
}

/// The registers of the code that the device's interrupt that is being handled has interrupted; of the innermost one if
/// they are nested.
pub(crate) fn interrupted() -> Option<InterruptFrame> {
    let frame = INTERRUPTED.load(Ordering::Relaxed);
    // SAFETY: it is null, or lies on the stack of a handler that has not returned, as this runs in it.
    unsafe { frame.as_ref() }.copied()
}

/// The entry of every interrupt.
#[unsafe(no_mangle)]
extern "C" fn tally_interrupt(frame: &mut InterruptFrame) {
    let vector = frame.vector as u8;
    COUNTS[usize::from(vector)].fetch_add(1, Ordering::Relaxed);
    if frame.vector < EXCEPTIONS {
        exceptions::handle(frame);
        return;
    }
    let Some(line) = pic::line_of(vector) else { return };
    if pic::is_spurious(line) {
        SPURIOUS.fetch_add(1, Ordering::Relaxed);
        return;
    }
    LINE_COUNTS[usize::from(line)].fetch_add(1, Ordering::Relaxed);
    let handler = HANDLERS.get(usize::from(line)).map_or(0, |slot| slot.load(Ordering::Acquire));
    if handler != 0 {
        // SAFETY: only `handle_line` writes the slot, and it writes a `fn()`.
        let handler = unsafe { core::mem::transmute::<usize, fn()>(handler) };
        let outer = INTERRUPTED.swap(frame, Ordering::Relaxed);
        handler();
        INTERRUPTED.store(outer, Ordering::Relaxed);
    }
    pic::end_of_interrupt(line);
}
