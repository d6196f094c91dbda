//! The heap's backends, and their names on the command line (`heap=`).

/// The backends of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Size classes over pages: the default.
    Slab,
    /// Powers of two: the crate `buddy_system_allocator`.
    Buddy,
    /// The crate `talc`.
    Talc,
    /// The crate `rlsf`.
    Tlsf,
    /// The crate `linked_list_allocator`.
    LinkedList,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Slab, Self::Buddy, Self::Talc, Self::Tlsf, Self::LinkedList];

    /// The backend's name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slab => "slab",
            Self::Buddy => "buddy",
            Self::Talc => "talc",
            Self::Tlsf => "tlsf",
            Self::LinkedList => "linked-list",
        }
    }

    /// The backend with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
