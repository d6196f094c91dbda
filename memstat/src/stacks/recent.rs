//! The stack that was last seen at each of a few places: a walk compares with it, instead of collecting and hashing.

use core::ptr::{NonNull, null_mut};

use super::{MAX_FRAMES, Stack, walk};
use crate::platform::{Platform, StackSpan};

/// Stands where no stack was seen yet. It has no frames, so no search finds it.
static NEVER_SEEN: Stack = Stack::EMPTY;

/// The stacks, by place: one of a few numbers that follows from the innermost call.
#[derive(Debug)]
pub(crate) struct Recent<const PLACES: usize> {
    places: [*mut Stack; PLACES],
}

impl<const PLACES: usize> Recent<PLACES> {
    pub(crate) const fn new() -> Self {
        Self { places: [null_mut(); PLACES] }
    }

    /// Writes what is not zero at the start. Nothing else may be called before.
    pub(crate) fn prepare(&mut self) {
        self.places.fill((&raw const NEVER_SEEN).cast_mut());
    }

    /// The stack at a place.
    #[inline]
    fn at(&self, place: usize) -> NonNull<Stack> {
        // SAFETY: none is null once it is prepared.
        unsafe { NonNull::new_unchecked(self.places[place]) }
    }

    /// Remembers a stack with this start, which stays where it is for ever.
    pub(super) fn put<const MAX: usize>(&mut self, start: &walk::Start, stack: NonNull<Stack>) {
        self.places[Self::place::<MAX>(start)] = stack.as_ptr();
    }

    /// The stack of a frame, cut to `MAX` frames, if it is the one that was last seen there, and that takes only a few
    /// instructions to find out. It stays where it is. This is a function of its own, so that what comes before and
    /// after it keeps its registers; it saves none, as all that it calls comes last.
    #[inline(never)]
    pub(crate) fn recall<P: Platform, const MAX: usize>(
        &self,
        frame_pointer: usize,
        platform: &P,
    ) -> Option<NonNull<Stack>> {
        let span = platform.stack_fast(frame_pointer)?;
        let first = walk::first(&span)?;
        if !platform.is_allocator_code(first.return_address) {
            let seen = self.at(Self::place::<MAX>(&first));
            // SAFETY: stacks stay where they are for ever, and this reference ends here.
            let known = unsafe { seen.as_ref() };
            if usize::from(known.frame_count) == MAX
                && let Some(is_it) = walk::begins_with::<MAX>(&span, &first, &known.frames)
            {
                return if is_it { Some(seen) } else { None };
            }
        }
        self.recall_otherwise::<P, MAX>(frame_pointer, platform)
    }

    /// The same where the first frames are the allocator's own, or the stack is a short one.
    #[inline(never)]
    fn recall_otherwise<P: Platform, const MAX: usize>(
        &self,
        frame_pointer: usize,
        platform: &P,
    ) -> Option<NonNull<Stack>> {
        let span = platform.stack_fast(frame_pointer)?;
        let start = walk::start(&span, platform)?;
        self.seen::<MAX>(&span, &start)
    }

    /// The stack that was last seen at this start, if it is the same again.
    pub(super) fn seen<const MAX: usize>(
        &self,
        span: &StackSpan,
        start: &walk::Start,
    ) -> Option<NonNull<Stack>> {
        let seen = self.at(Self::place::<MAX>(start));
        // SAFETY: as in `recall`.
        let known = unsafe { seen.as_ref() };
        let is_it = match known.frames() {
            frames if frames.len() == MAX => {
                walk::begins_with::<MAX>(span, start, &known.frames).unwrap_or(false)
            }
            // Of a short stack the end has to be the same too.
            frames => frames.len() < MAX && walk::is(span, start, frames),
        };
        is_it.then_some(seen)
    }

    /// Where a stack is remembered: at another place where it is cut to another length.
    #[inline]
    fn place<const MAX: usize>(start: &walk::Start) -> usize {
        (start.key() ^ (MAX_FRAMES - MAX)) % PLACES
    }
}
