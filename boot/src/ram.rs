//! What the RAM that the firmware names is used for when the kernel starts, to the byte: the first part of the balance of
//! memory. `usable` finds the frames that the kernel may use; here each byte is counted once, apart from that.

use crate::memory_map::{FRAME_SIZE_BYTES, ForEach, MemoryRegion, PhysicalRange, RegionKind, sweep};

/// Who holds memory when the kernel starts. Where several hold the same frame, it counts for the last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// Nobody.
    Free,
    /// Memory that is not usable, in a part of the frame.
    Neighbour,
    /// The first frame, which the kernel does not use.
    FirstFrame,
    Sections,
    Modules,
    BootInformation,
    Image,
}

/// Bytes of RAM by their use when the kernel starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RamUse {
    /// All usable memory that the firmware names.
    pub system_bytes: u64,
    /// RAM with ACPI tables.
    pub acpi_tables_bytes: u64,
    /// RAM that ACPI keeps.
    pub acpi_storage_bytes: u64,
    /// RAM with defects.
    pub defective_bytes: u64,
    /// The first frame.
    pub first_frame_bytes: u64,
    /// Frames of the kernel's image.
    pub image_bytes: u64,
    /// Frames of the boot information.
    pub boot_information_bytes: u64,
    /// Frames of modules.
    pub modules_bytes: u64,
    /// Frames of sections that the loader keeps apart from the image: symbols and debug information.
    pub sections_bytes: u64,
    /// Usable memory in frames that are usable in part only.
    pub partial_frames_bytes: u64,
    /// Usable memory in regions that were left out of the list, or joined with others that are not usable.
    pub left_out_regions_bytes: u64,
}

impl RamUse {
    /// Nothing was counted yet.
    pub const NOTHING: Self = Self {
        system_bytes: 0,
        acpi_tables_bytes: 0,
        acpi_storage_bytes: 0,
        defective_bytes: 0,
        first_frame_bytes: 0,
        image_bytes: 0,
        boot_information_bytes: 0,
        modules_bytes: 0,
        sections_bytes: 0,
        partial_frames_bytes: 0,
        left_out_regions_bytes: 0,
    };

    /// Counts the memory of a map. `regions` are made from the given ones, and are sorted and disjoint.
    pub(crate) fn count(
        for_each_given: ForEach<'_, MemoryRegion>,
        regions: &[MemoryRegion],
        for_each_held: ForEach<'_, (PhysicalRange, Holder)>,
    ) -> Self {
        let mut ram = Self::NOTHING;
        sweep(
            &|visit| for_each_given(&mut |region| visit((region.range, region.kind))),
            &mut |range, kind| {
                let bytes = match kind {
                    RegionKind::Usable => &mut ram.system_bytes,
                    RegionKind::AcpiTables => &mut ram.acpi_tables_bytes,
                    RegionKind::AcpiStorage => &mut ram.acpi_storage_bytes,
                    RegionKind::Defective => &mut ram.defective_bytes,
                    RegionKind::Reserved => return,
                };
                *bytes = bytes.saturating_add(range.size_bytes());
            },
        );
        let usable = regions.iter().filter(|region| region.kind == RegionKind::Usable);
        let usable_bytes = usable.map(|region| region.range.size_bytes()).fold(0, u64::saturating_add);
        ram.left_out_regions_bytes = ram.system_bytes.saturating_sub(usable_bytes);
        ram.count_held(regions, for_each_held);
        ram
    }

    /// Counts what is held in usable regions.
    fn count_held(&mut self, regions: &[MemoryRegion], for_each_held: ForEach<'_, (PhysicalRange, Holder)>) {
        let for_each_part = |visit: &mut dyn FnMut((PhysicalRange, Holder))| {
            visit((PhysicalRange { start: 0, end: FRAME_SIZE_BYTES }, Holder::FirstFrame));
            for region in regions {
                visit(match region.kind {
                    RegionKind::Usable => (region.range, Holder::Free),
                    _ => (region.range.touched_frames(), Holder::Neighbour),
                });
            }
            for_each_held(&mut |(range, holder)| {
                if range.start < range.end {
                    visit((range.touched_frames(), holder));
                }
            });
        };
        // Free memory comes in pieces, of which only the ends can be parts of frames.
        let mut free = PhysicalRange { start: 0, end: 0 };
        sweep(&for_each_part, &mut |range, holder| {
            let above = regions.partition_point(|region| region.range.start <= range.start);
            let region = above.checked_sub(1).and_then(|number| regions.get(number));
            if !region
                .is_some_and(|region| region.kind == RegionKind::Usable && range.start < region.range.end)
            {
                return;
            }
            let bytes = match holder {
                Holder::Free if range.start == free.end => return free.end = range.end,
                Holder::Free => {
                    self.add_partial_frames(free);
                    return free = range;
                }
                Holder::Neighbour => &mut self.partial_frames_bytes,
                Holder::FirstFrame => &mut self.first_frame_bytes,
                Holder::Sections => &mut self.sections_bytes,
                Holder::Modules => &mut self.modules_bytes,
                Holder::BootInformation => &mut self.boot_information_bytes,
                Holder::Image => &mut self.image_bytes,
            };
            *bytes = bytes.saturating_add(range.size_bytes());
        });
        self.add_partial_frames(free);
    }

    fn add_partial_frames(&mut self, free: PhysicalRange) {
        let whole_bytes = free.whole_frames().size_bytes();
        let partial_bytes = free.size_bytes().saturating_sub(whole_bytes);
        self.partial_frames_bytes = self.partial_frames_bytes.saturating_add(partial_bytes);
    }

    /// Usable memory of which the kernel gets no frames: the parts of [`RamUse::system_bytes`] that are counted here.
    pub fn held_bytes(&self) -> u64 {
        [
            self.first_frame_bytes,
            self.image_bytes,
            self.boot_information_bytes,
            self.modules_bytes,
            self.sections_bytes,
            self.partial_frames_bytes,
            self.left_out_regions_bytes,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// All RAM that the firmware names.
    pub fn total_bytes(&self) -> u64 {
        [self.system_bytes, self.acpi_tables_bytes, self.acpi_storage_bytes, self.defective_bytes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}
