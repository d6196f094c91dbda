//! What pages are taken for: each page in use has a purpose, by which it is counted.

/// The purpose of pages in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The heap's slabs and large blocks.
    Heap,
    /// The trackers' arenas.
    Arena,
    /// Contents of files, and all other data of a RAM file system.
    Files,
    /// Text of open files, pipes, tables of reports.
    Buffers,
    /// Page tables.
    PageTables,
    /// The symbol index and its texts.
    Names,
    /// The black box, which survives a restart.
    Persistent,
    /// Sampled blocks, each in a page of its own.
    GuardPages,
    /// Buffers of drivers.
    Drivers,
}

impl Purpose {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();
    /// All purposes, in the order of reports.
    pub(crate) const ALL: [Self; 9] = [
        Self::Heap,
        Self::Arena,
        Self::Files,
        Self::Buffers,
        Self::PageTables,
        Self::Names,
        Self::Persistent,
        Self::GuardPages,
        Self::Drivers,
    ];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Arena => "arena",
            Self::Files => "files",
            Self::Buffers => "buffers",
            Self::PageTables => "page tables",
            Self::Names => "names",
            Self::Persistent => "black box",
            Self::GuardPages => "guard pages",
            Self::Drivers => "drivers",
        }
    }

    /// Its name as one word, for columns.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::PageTables => "page-tables",
            Self::Persistent => "black-box",
            Self::GuardPages => "guard-pages",
            _ => self.name(),
        }
    }

    /// Its number in the words of runs, from 1 on: 0 is a run that has no purpose yet.
    #[inline]
    pub(super) fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The purpose with this number.
    #[inline]
    pub(super) fn with_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

const _: () = {
    let mut place = 0;
    while place < Purpose::COUNT {
        assert!(Purpose::ALL[place] as usize == place, "purposes are in the order of their numbers");
        place += 1;
    }
    assert!(Purpose::COUNT <= tally_heap::MAX_PURPOSE as usize);
};
