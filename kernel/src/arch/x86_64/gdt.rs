//! Segments and the task state segment with its interrupt stacks.
//!
//! Source: Intel SDM vol. 3A, sections 3.4 and 8.7 (64-bit task state segment).

use spin::Once;
use x86::Ring;
use x86::bits64::segmentation::{Descriptor64, load_cs};
use x86::bits64::task::TaskStateSegment;
use x86::dtables::{DescriptorTablePointer, lgdt};
use x86::segmentation::{
    BuildDescriptor, CodeSegmentType, DataSegmentType, Descriptor, DescriptorBuilder, GateDescriptorBuilder,
    SegmentDescriptorBuilder, SegmentSelector, load_ds, load_es, load_ss,
};
use x86::task::load_tr;

use super::stacks;

/// Numbers of entries in the interrupt stack table, as in gate descriptors: from 1.
pub(crate) const DOUBLE_FAULT_STACK: u8 = 1;
/// For the non-maskable interrupt.
pub(crate) const NMI_STACK: u8 = 2;
/// For the machine check.
pub(crate) const MACHINE_CHECK_STACK: u8 = 3;

/// The kernel's code segment.
pub(crate) const CODE: SegmentSelector = SegmentSelector::new(1, Ring::Ring0);
const DATA: SegmentSelector = SegmentSelector::new(2, Ring::Ring0);
const TASK: SegmentSelector = SegmentSelector::new(3, Ring::Ring0);

#[repr(C)]
struct Tables {
    null: Descriptor,
    code: Descriptor,
    data: Descriptor,
    task: Descriptor64,
}

static TASK_STATE: Once<TaskStateSegment> = Once::new();
static TABLES: Once<Tables> = Once::new();

/// Loads the segments and the task register.
pub(crate) fn init() {
    let task_state = TASK_STATE.call_once(|| {
        let mut state = TaskStateSegment::new();
        for entry in [DOUBLE_FAULT_STACK, NMI_STACK, MACHINE_CHECK_STACK] {
            let entry = usize::from(entry) - 1;
            state.set_ist(entry, stacks::interrupt_stack(entry).end.as_u64());
        }
        state
    });
    let tables = TABLES.call_once(|| Tables {
        null: Descriptor::default(),
        code: DescriptorBuilder::code_descriptor(0, 0xf_ffff, CodeSegmentType::ExecuteRead)
            .present()
            .l()
            .limit_granularity_4kb()
            .finish(),
        data: DescriptorBuilder::data_descriptor(0, 0xf_ffff, DataSegmentType::ReadWrite)
            .present()
            .db()
            .limit_granularity_4kb()
            .finish(),
        task: <DescriptorBuilder as GateDescriptorBuilder<u64>>::tss_descriptor(
            core::ptr::from_ref(task_state) as u64,
            size_of::<TaskStateSegment>() as u64 - 1,
            true,
        )
        .present()
        .finish(),
    });
    // SAFETY: the tables are complete, describe flat segments, and are static.
    unsafe {
        lgdt(&DescriptorTablePointer::new(tables));
        load_cs(CODE);
        load_ss(DATA);
        load_ds(DATA);
        load_es(DATA);
        load_tr(TASK);
    }
}
