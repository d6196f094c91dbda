//! `/proc/vmallocinfo`: what is mapped besides memory, as Linux shows it. Here that is devices.
//!
//! Source: Linux, mm/vmalloc.c, for the format.

use core::fmt::{self, Write};

use vfs::Text;

use crate::arch::paging;
use crate::symbols::Symbolic;

/// The file.
pub(super) struct VmallocInfo;

impl Text for VmallocInfo {
    fn render(&self, out: &mut dyn Write) -> fmt::Result {
        (0..).map_while(paging::device_mapping).try_for_each(|mapping| {
            let (start, size_bytes) = (mapping.start.as_usize(), mapping.size_bytes);
            write!(out, "{start:#018x}-{:#018x} {size_bytes:7} ", start + size_bytes)?;
            writeln!(out, "{} phys={:#018x} ioremap", Symbolic(mapping.caller), mapping.physical.as_u64())
        })
    }
}
