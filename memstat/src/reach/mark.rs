//! What scans for leaks know about a block, in four bits of its record.

/// The result of scans for leaks for a block, or what its owner has declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The last scan could reach it, or no scan has judged it yet.
    Plain,
    /// The last scan could not reach it, for the first time.
    Suspect,
    /// At least the last two scans could not reach it.
    Leak,
    /// Declared: it is not a leak, even if it cannot be reached; nor are the blocks that it points to.
    NotLeak,
    /// Declared: it is not a leak, and contains no pointers.
    Ignored,
}

impl Reach {
    const ALL: [Self; 5] = [Self::Plain, Self::Suspect, Self::Leak, Self::NotLeak, Self::Ignored];
}

/// How far a scan is with a block; it has a meaning only while one is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Something points to it, and its own words are still to be read. Every new block is grey, as all bits of its mark are
    /// 0: so a block that is allocated during a scan is not taken for a leak.
    Grey,
    /// Nothing is known to point to it.
    White,
    /// Something points to it, and its words were read.
    Black,
}

impl Colour {
    const ALL: [Self; 3] = [Self::Grey, Self::White, Self::Black];
}

/// Both, as a record keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) reach: Reach,
    pub(crate) colour: Colour,
}

impl Mark {
    /// How many bits it takes.
    pub(crate) const BITS: u32 = 4;

    #[inline]
    pub(crate) fn from_bits(bits: u8) -> Self {
        let (reach, colour) = (usize::from(bits) / Colour::ALL.len(), usize::from(bits) % Colour::ALL.len());
        Self { reach: Reach::ALL.get(reach).copied().unwrap_or(Reach::Plain), colour: Colour::ALL[colour] }
    }

    #[inline]
    pub(crate) fn bits(self) -> u8 {
        self.reach as u8 * Colour::ALL.len() as u8 + self.colour as u8
    }
}

const _: () = assert!(Reach::ALL.len() * Colour::ALL.len() <= 1 << Mark::BITS);

#[cfg(test)]
mod tests {
    use super::{Colour, Mark, Reach};

    #[test]
    fn every_mark_comes_back_and_a_fresh_record_is_plain_and_grey() {
        for reach in Reach::ALL {
            for colour in Colour::ALL {
                let mark = Mark { reach, colour };
                assert_eq!(Mark::from_bits(mark.bits()), mark);
            }
        }
        assert_eq!(Mark::from_bits(0), Mark { reach: Reach::Plain, colour: Colour::Grey });
    }
}
