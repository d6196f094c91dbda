//! Call stacks: each distinct one is stored once, with what is live under it.
//!
//! Stacks are walked by frame pointers (System V ABI for x86-64, section 3.2.2: at the frame pointer lies the
//! caller's frame pointer, above it the return address), so all code must be compiled with them. The stacks
//! of one program repeat: a small table remembers, by the innermost return address, which stack was seen
//! there last, and the walk compares as it goes instead of collecting and hashing.

use core::ptr::NonNull;

use crate::arena::{Arena, ArenaFull};
use crate::index::{Hash, HashOf, Index};
use crate::paged_vec::{Id, PagedVec};
use crate::platform::{Platform, StackSpan};

pub(crate) mod charge;
mod recent;
pub(crate) mod walk;

use charge::Charge;
pub(crate) use recent::Recent;

/// Maximum number of frames that are kept of a call stack.
///
/// 16, or what the features `depth-32` and `depth-64` say: each frame costs seven instructions an allocation.
pub const MAX_FRAMES: usize = if cfg!(feature = "depth-64") {
    64
} else if cfg!(feature = "depth-32") {
    32
} else {
    16
};
/// Maximum number of frames that are kept of a free's call stack: each costs seven instructions, and eight are enough to
/// see who freed.
pub const MAX_FREE_FRAMES: usize = 8;
/// Places in the table of recent stacks.
const RECENT: usize = 256;
/// Maximum number of stacks: as many as a record can number, which take 16 MiB.
const MAX_STACKS: usize = u16::MAX as usize;

/// A call stack and what was allocated under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "depth-32", feature = "depth-64")), repr(C, align(256)))]
#[cfg_attr(all(feature = "depth-32", not(feature = "depth-64")), repr(C, align(512)))]
#[cfg_attr(feature = "depth-64", repr(C, align(1024)))]
pub struct Stack {
    hash: u64,
    number: u16,
    frame_count: u16,
    /// Blocks that are live and were allocated under this stack.
    pub live_blocks: u32,
    /// Their sizes in bytes, as requested.
    pub live_bytes: u64,
    /// The maximum of `live_bytes`, in bytes.
    pub peak_bytes: u64,
    /// Blocks that were ever allocated under this stack.
    pub total_blocks: u64,
    /// Bytes that were ever allocated under this stack, as requested.
    pub total_bytes: u64,
    /// The platform's stamp when the stack was first seen.
    pub first_stamp: u64,
    /// What was live when the last mark was set.
    marked: StackUsage,
    frames: [usize; MAX_FRAMES],
}

// A page is filled without a rest.
const _: () = assert!(size_of::<Stack>() == align_of::<Stack>());

impl Stack {
    /// A stack without frames.
    pub const EMPTY: Self = Self {
        hash: 0,
        number: 0,
        frame_count: 0,
        live_blocks: 0,
        live_bytes: 0,
        peak_bytes: 0,
        total_blocks: 0,
        total_bytes: 0,
        first_stamp: 0,
        marked: StackUsage { bytes: 0, blocks: 0 },
        frames: [0; MAX_FRAMES],
    };

    /// The stack's number, from 1 on.
    #[inline]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Counts a block of `size_bytes`.
    #[inline]
    pub(crate) fn add(&mut self, size_bytes: usize) {
        self.total_blocks += 1;
        self.total_bytes += size_bytes as u64;
        self.take_over(size_bytes);
    }

    /// Charges a block to this stack that was allocated under another or with another size: it was resized in place.
    #[inline]
    pub(crate) fn take_over(&mut self, size_bytes: usize) {
        self.live_blocks += 1;
        self.live_bytes += size_bytes as u64;
        if self.live_bytes > self.peak_bytes {
            self.peak_bytes = self.live_bytes;
        }
    }

    /// Counts the free of a block of `size_bytes`.
    #[inline]
    pub(crate) fn subtract(&mut self, size_bytes: usize) {
        self.live_blocks -= 1;
        self.live_bytes -= size_bytes as u64;
    }

    /// Counts what was charged elsewhere, and not here yet.
    pub(crate) fn settle(&mut self, charge: &Charge) {
        let highest = self.live_bytes.saturating_add_signed(charge.max_bytes());
        self.peak_bytes = self.peak_bytes.max(highest);
        self.live_blocks = self.live_blocks.wrapping_add_signed(charge.blocks());
        self.live_bytes = self.live_bytes.wrapping_add_signed(charge.bytes());
        self.total_blocks += charge.total_blocks();
        self.total_bytes += charge.total_bytes();
    }

    /// The return addresses, innermost first.
    pub fn frames(&self) -> &[usize] {
        self.frames.get(..self.frame_count as usize).unwrap_or_default()
    }
}

/// Blocks that are live under one call stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackUsage {
    /// Their sizes in bytes, as requested.
    pub bytes: u64,
    /// How many.
    pub blocks: u64,
}

impl From<&Stack> for StackUsage {
    fn from(stack: &Stack) -> Self {
        Self { bytes: stack.live_bytes, blocks: stack.live_blocks.into() }
    }
}

impl HashOf for PagedVec<Stack> {
    fn hash_of(&self, id: Id) -> Hash {
        Hash::from_bits(self.get(id).hash)
    }
}

/// The stacks, numbered from 1; 0 stands for none.
#[derive(Debug)]
pub(crate) struct Depot {
    stacks: PagedVec<Stack>,
    index: Index,
    recent: Recent<RECENT>,
    /// What lanes have charged to each stack and handed in; as long as `stacks`, where there are lanes.
    charged: PagedVec<Charge, 1>,
    has_lanes: bool,
    /// A placeholder with the number 0. It is charged where stacks are not recorded, so that the fast path need not test.
    nobody: Stack,
    /// How many marks were set.
    marks: u64,
}

// SAFETY: the recent stacks are this depot's own.
unsafe impl Send for Depot {}

impl Depot {
    pub(crate) const fn new() -> Self {
        Self {
            stacks: PagedVec::new(),
            index: Index::new(),
            recent: Recent::new(),
            charged: PagedVec::new(),
            has_lanes: false,
            nobody: Stack::EMPTY,
            marks: 0,
        }
    }

    /// Writes what is not zero at the start. Nothing else may be called before.
    pub(crate) fn prepare(&mut self, has_lanes: bool) {
        self.has_lanes = has_lanes;
        self.index.prepare();
        self.recent.prepare();
    }

    /// How many stacks are stored.
    pub(crate) fn len(&self) -> usize {
        self.stacks.len()
    }

    /// The stack with this number.
    pub(crate) fn get(&self, number: u16) -> Option<&Stack> {
        let id = number.checked_sub(1).filter(|id| usize::from(*id) < self.stacks.len())?;
        Some(self.stacks.get(Id(id.into())))
    }

    /// The stack that starts at `span`'s frame pointer, cut to `MAX` frames; `None` when there is none, or no room.
    #[inline(never)]
    pub(crate) fn capture<const MAX: usize>(
        &mut self,
        span: &StackSpan,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Option<&mut Stack> {
        let start = walk::start(span, platform)?;
        if let Some(mut known) = self.recent.seen::<MAX>(span, &start) {
            // SAFETY: stacks stay where they are for ever, and nothing else refers to one of this depot's now.
            return Some(unsafe { known.as_mut() });
        }
        let id = self.enter::<MAX>(span, &start, arena, platform).ok()?;
        self.recent.put::<MAX>(&start, NonNull::from(self.stacks.get_mut(id)));
        Some(self.stacks.get_mut(id))
    }

    /// As [`Depot::capture`], for a lane, which remembers the stack in `recent`. Others may look at it at any time.
    #[cold]
    #[inline(never)]
    pub(crate) fn capture_for_lane<const MAX: usize, const PLACES: usize>(
        &mut self,
        span: &StackSpan,
        recent: &mut Recent<PLACES>,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Option<NonNull<Stack>> {
        let start = walk::start(span, platform)?;
        let id = self.enter::<MAX>(span, &start, arena, platform).ok()?;
        let stack = NonNull::new(self.stacks.slot(id))?;
        recent.put::<MAX>(&start, stack);
        Some(stack)
    }

    /// Takes what a lane has charged to the stack of a number.
    #[cold]
    #[inline(never)]
    pub(crate) fn hand_in(&mut self, number: u16, charge: &mut Charge) {
        if let Some(id) = number.checked_sub(1).filter(|id| usize::from(*id) < self.charged.len()) {
            self.charged.get_mut(Id(id.into())).hand_in(charge);
        }
    }

    /// Charges to the stack of a number what lanes have handed in, for who has stopped all lanes.
    pub(crate) fn settle(&mut self, number: u16) {
        let Some(id) = number.checked_sub(1).filter(|id| usize::from(*id) < self.charged.len()) else {
            return;
        };
        let charge = core::mem::replace(self.charged.get_mut(Id(id.into())), Charge::NONE);
        if let Some(stack) = self.get_mut(number) {
            stack.settle(&charge);
        }
    }

    /// [`Recent::recall`] from the depot's own.
    #[inline]
    pub(crate) fn recall<P: Platform, const MAX: usize>(
        &self,
        frame_pointer: usize,
        platform: &P,
    ) -> Option<NonNull<Stack>> {
        self.recent.recall::<P, MAX>(frame_pointer, platform)
    }

    /// The placeholder that is charged where stacks are not recorded.
    #[inline]
    pub(crate) fn nobody(&mut self) -> NonNull<Stack> {
        NonNull::from(&mut self.nobody)
    }

    /// Collects a stack's frames, and finds it in the depot or stores it.
    #[cold]
    #[inline(never)]
    fn enter<const MAX: usize>(
        &mut self,
        span: &StackSpan,
        start: &walk::Start,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<Id, ArenaFull> {
        let mut stack = Stack::EMPTY;
        let count = walk::collect(span, start, &mut stack.frames, MAX);
        stack.frame_count = count as u16;
        self.store(stack, arena, platform)
    }

    /// The number of the stack of these return addresses, innermost first, without zeros and the allocator's own; 0
    /// when there are none, or no room.
    pub(crate) fn number_of(
        &mut self,
        return_addresses: &[usize],
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> u16 {
        let mut stack = Stack::EMPTY;
        for address in return_addresses {
            if *address != 0
                && !platform.is_allocator_code(*address)
                && let Some(slot) = stack.frames.get_mut(usize::from(stack.frame_count))
            {
                *slot = *address;
                stack.frame_count += 1;
            }
        }
        if stack.frame_count == 0 {
            return 0;
        }
        self.store(stack, arena, platform).map_or(0, |id| self.stacks.get(id).number())
    }

    /// Finds a stack by its frames, or stores it.
    #[inline(never)]
    fn store(
        &mut self,
        mut stack: Stack,
        arena: &mut Arena,
        platform: &impl Platform,
    ) -> Result<Id, ArenaFull> {
        stack.hash = hash_of(stack.frames());
        let hash = Hash::from_bits(stack.hash);
        let stacks = &self.stacks;
        let found = self.index.find(hash, |id| stacks.get(id).frames() == stack.frames());
        if let Some(id) = found {
            return Ok(id);
        }
        if self.stacks.len() >= MAX_STACKS {
            return Err(ArenaFull);
        }
        // Room to charge it comes first: what has a number can be charged.
        while self.has_lanes && self.charged.len() <= self.stacks.len() {
            self.charged.push(Charge::NONE, arena, platform)?;
        }
        stack.number = self.stacks.len() as u16 + 1;
        stack.first_stamp = platform.stamp();
        let id = self.stacks.push(stack, arena, platform)?;
        if let Err(full) = self.index.insert(hash, id, &self.stacks, arena, platform) {
            self.stacks.pop(arena, platform);
            return Err(full);
        }
        Ok(id)
    }

    /// Remembers what each stack has live now, and returns the mark's number. A few instructions for each.
    pub(crate) fn mark(&mut self) -> u64 {
        self.marks += 1;
        for number in 0..self.stacks.len() {
            let stack = self.stacks.get_mut(Id(number as u32));
            stack.marked = StackUsage::from(&*stack);
        }
        self.marks
    }

    /// What a stack had live at the mark of this number, and has live now; `None` if a later one was set.
    pub(crate) fn usage_since(&self, mark: u64, number: u16) -> Option<(StackUsage, StackUsage)> {
        let usage = |stack: &Stack| (stack.marked, StackUsage::from(stack));
        (mark == self.marks).then(|| self.get(number).map(usage).unwrap_or_default())
    }

    /// The stack with this number, mutable; `None` for 0.
    #[inline]
    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Stack> {
        let id = number.checked_sub(1)?;
        Some(self.stacks.get_mut(Id(id.into())))
    }
}

fn hash_of(frames: &[usize]) -> u64 {
    frames.iter().fold(frames.len() as u64, |hash, &frame| {
        let mixed = (hash.rotate_left(23) ^ frame as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    })
}
