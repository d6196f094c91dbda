//! Boot information as a boot loader might pass it.

use boot::{BootInfo, FRAME_SIZE_BYTES, PAddr, PhysicalRange};

const IMAGE: PhysicalRange = PhysicalRange::new(PAddr(0x10_0000), PAddr(0x20_0000));

/// Parses the bytes as boot information: usable ranges are sorted, consist of whole frames, and do not contain the
/// kernel.
///
/// # Panics
///
/// If it is not.
pub fn boot(input: &[u8]) {
    // With the right size, so that most inputs pass the first check.
    let mut bytes = input.to_vec();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let size_bytes = bytes.len() as u32;
    let Some(head) = bytes.first_chunk_mut() else { return };
    *head = size_bytes.to_le_bytes();
    assert_eq!(bytes.as_ptr().align_offset(8), 0, "the host's allocator aligns to 8");
    let mut info = Box::new(BootInfo::EMPTY);
    if info.read(&bytes, &[IMAGE]).is_err() {
        return;
    }
    let mut last_end = PAddr(FRAME_SIZE_BYTES);
    for range in &info.usable {
        assert!(last_end <= range.start() && range.start() < range.end());
        assert!(range.start().is_base_page_aligned() && range.end().is_base_page_aligned());
        assert!(range.end() <= IMAGE.start() || IMAGE.end() <= range.start());
        last_end = range.end();
    }
    assert!(info.regions.is_sorted_by(|below, above| below.range.end() <= above.range.start()));
}
