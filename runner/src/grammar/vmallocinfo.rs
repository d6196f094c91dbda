//! `/proc/vmallocinfo`. Source: Linux, mm/vmalloc.c (`vmalloc_info_show`).

use super::line::{Line, lines};
use crate::error::{Result, ensure};

/// The kinds of a mapping, in their order.
const KINDS: [&str; 8] =
    [" ioremap", " sparse", " vmalloc", " vmap", " user", " dma-coherent", " vpages", " unpurged vm_area"];

/// `"0x%pK-0x%pK %7ld"`, then what is known: `" %pS"`, `" pages=%d"`, `" phys=%pa"`, the kinds, and pages per node.
///
/// The file may be empty. `%pS` of C is a single word; names in Rust may contain blanks.
pub(super) fn vmallocinfo(text: &str) -> Result<()> {
    for mut line in lines("vmallocinfo", text)? {
        line.literal("0x")?;
        let start = line.hex(16)?;
        line.literal("-0x")?;
        let end = line.hex(16)?;
        line.literal(" ")?;
        let size = line.unsigned(7)?;
        // Linux shows hashes of addresses to most readers.
        let is_hashed = start >> 32 == 0 || end >> 32 == 0;
        ensure!(
            is_hashed || end.checked_sub(start) == Some(size),
            "vmallocinfo: {start:x}-{end:x} are not {size}"
        );
        if line.skips(" vm_map_ram") || line.skips(" unpurged vm_area") {
            line.end()?;
            continue;
        }
        line.literal(" ")?;
        caller(&mut line)?;
        if line.skips(" pages=") {
            line.unsigned(0)?;
        }
        if line.skips(" phys=0x") {
            line.hex(16)?;
        }
        let kinds = KINDS.iter().filter(|kind| line.skips(kind)).count();
        ensure!(kinds > 0, "{}", line.wrong("what kind of mapping it is"));
        while line.skips(" N") {
            line.unsigned(0)?;
            line.literal("=")?;
            line.unsigned(0)?;
        }
        line.end()?;
    }
    Ok(())
}

/// `%pS`: the function with the offset in it and its size, or an address that no function is known for.
fn caller(line: &mut Line) -> Result<()> {
    if line.skips("0x") {
        return line.hex(16).map(drop);
    }
    let function = line.up_to("+0x")?;
    ensure!(!function.is_empty() && function.trim() == function, "vmallocinfo: `{function}` is no function");
    let offset = line.hex(1)?;
    line.literal("/0x")?;
    let size = line.hex(1)?;
    ensure!(offset < size, "vmallocinfo: {function} has {size:#x} bytes, no {offset:#x}");
    if line.skips(" [") {
        line.up_to("]")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::vmallocinfo;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
0xffffccd580010000-0xffffccd580015000   20480 kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4
0x000000000d0b9aa0-0x00000000b267b1bf   20480 irq_init_percpu_irqstack+0xca/0x100 vmap
0xffffccd580020000-0xffffccd580022000    8192 acpi_os_map_iomem+0x1bc/0x1e0 phys=0x00000000000a0000 ioremap
0xffffccd580030000-0xffffccd580232000 2105344 htab_map_alloc+0x2e4/0x5a0 [bpf] pages=513 vmalloc vpages N0=513
0xffffccd580240000-0xffffccd580242000    8192 0xffffffff81234567 pages=1 vmalloc
0xffffccd580300000-0xffffccd580304000   16384 vm_map_ram
";
        assert_strict(
            vmallocinfo,
            sample,
            &[
                ("0xffffccd580010000", "ffffccd580010000"),
                ("20480", "20488"),
                ("/0x3e0", ""),
                ("/0x3e0", "/0x94"),
                ("0xffffffff81234567", "ffffffff81234567"),
                ("phys=0x00000000000a0000", "phys=0xa0000"),
                (" ioremap", ""),
                (" ioremap", " mapped"),
                (" pages=4 vmalloc", " vmalloc pages=4"),
                (" N0=4", " N0"),
            ],
        );
        assert_every_blank_counts(vmallocinfo, sample);
        vmallocinfo("").unwrap();
    }
}
