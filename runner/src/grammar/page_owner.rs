//! `/proc/page_owner`, in Linux `/sys/kernel/debug/page_owner`. Source: Linux, `mm/page_owner.c` (`print_page_owner`).

use super::line::{Line, lines};
use crate::error::{Result, ensure};

/// Types of memory for Linux's compaction.
const MIGRATE_TYPES: [&str; 6] = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"];
/// Pages of a block of one such type, as a power of two.
const BLOCK_ORDER: u64 = 9;

/// Blocks of pages, each with
/// `"Page allocated via order %u, mask %#x(%pGg), pid %d, tgid %d (%s), ts %llu ns"`,
/// `"PFN 0x%lx type %s Block %lu type %s Flags %pGp"`, `" %pS"` per frame, and an empty line.
///
/// The file may be empty. `%pS` of C is a single word; names in Rust may contain blanks.
pub(super) fn page_owner(text: &str) -> Result<()> {
    let mut lines = lines("page_owner", text)?.into_iter();
    while let Some(mut head) = lines.next() {
        let order = allocation(&mut head)?;
        let mut next = || lines.next().ok_or_else(|| head.wrong("more lines behind it"));
        place(next()?, order)?;
        loop {
            let mut frame = next()?;
            if frame.is_at_end() {
                break;
            }
            frame.literal(" ")?;
            frame.symbol()?;
        }
    }
    Ok(())
}

/// Who took it. Returns the order.
fn allocation(line: &mut Line) -> Result<u64> {
    line.literal("Page allocated via order ")?;
    let order = line.unsigned(0)?;
    line.literal(", mask 0x")?;
    line.hex(1)?;
    line.literal("(")?;
    line.up_to(")")?;
    line.literal(", pid ")?;
    line.unsigned(0)?;
    line.literal(", tgid ")?;
    line.unsigned(0)?;
    line.literal(" (")?;
    line.up_to(")")?;
    line.literal(", ts ")?;
    line.unsigned(0)?;
    line.literal(" ns")?;
    line.end()?;
    Ok(order)
}

/// Where it lies.
fn place(mut line: Line, order: u64) -> Result<()> {
    line.literal("PFN 0x")?;
    let frame = line.hex(1)?;
    ensure!(
        order < 64 && frame.is_multiple_of(1 << order),
        "page_owner: {frame:#x} starts no block of order {order}"
    );
    line.literal(" type ")?;
    migrate_type(&mut line)?;
    line.literal(" Block ")?;
    let block = line.unsigned(0)?;
    ensure!(block == frame >> BLOCK_ORDER, "page_owner: page {frame:#x} is not in block {block}");
    line.literal(" type ")?;
    migrate_type(&mut line)?;
    line.literal(" Flags 0x")?;
    line.hex(1)?;
    line.literal("(")?;
    line.up_to(")")?;
    line.end()
}

fn migrate_type(line: &mut Line) -> Result<()> {
    let is_known = MIGRATE_TYPES.iter().any(|name| line.skips(name));
    if is_known { Ok(()) } else { Err(line.wrong("a migrate type")) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_every_blank_counts, assert_strict};
    use super::page_owner;

    #[test]
    fn only_linux_text_passes() {
        let sample = "\
Page allocated via order 0, mask 0x0(), pid 1, tgid 1 (swapper/0), ts 0 ns
PFN 0x1001 type Unmovable Block 8 type Unmovable Flags 0x0(node=0|zone=1)
 register_early_stack+0x2b/0x60
 init_page_owner+0x31/0x3a0

Page allocated via order 2, mask 0x152c40(GFP_NOFS|__GFP_COMP), pid 52, tgid 51 (insmod), ts 812345678 ns
PFN 0x1204 type Movable Block 9 type Reclaimable Flags 0x200(slab|node=0|zone=1)
 new_slab+0x24a/0x340 [some]
 0xffffffff81234567

";
        assert_strict(
            page_owner,
            sample,
            &[
                ("allocated via", "allocated by"),
                ("order 2", "order 3"),
                ("order 2", "order 64"),
                ("mask 0x0()", "mask 0x0"),
                (", tgid 51", ""),
                (" ns", ""),
                ("PFN 0x1204", "PFN 1204"),
                ("Movable Block", "Mobile Block"),
                ("Block 9", "Block 8"),
                (" Flags 0x200(slab|node=0|zone=1)", ""),
                ("/0x340", ""),
                (" new_slab", "    new_slab"),
                ("3a0\n\n", "3a0\n"),
            ],
        );
        assert_every_blank_counts(page_owner, sample);
        page_owner("").unwrap();
    }
}
