//! What scans know of a block, in four bits of its record.

/// What scans for leaks found out about a block, or what its owner said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Something pointed to it, or it was never looked for.
    Plain,
    /// Nothing pointed to it in the last scan.
    Suspect,
    /// Nothing pointed to it in the last two scans or more.
    Leak,
    /// It is no leak, whatever points to it; what it points to is none either.
    NotLeak,
    /// It is no leak, and what lies in it are no pointers.
    Ignored,
}

impl Reach {
    const ALL: [Self; 5] = [Self::Plain, Self::Suspect, Self::Leak, Self::NotLeak, Self::Ignored];
}

/// How far a scan is with a block; it has a meaning only while one is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Something points to it, and its own words are still to be looked at. Every new block starts so, as all bits of
    /// its mark are 0: what comes during a scan is not taken for a leak.
    Grey,
    /// Nothing is known to point to it.
    White,
    /// Something points to it, and its words were looked at.
    Black,
}

impl Colour {
    const ALL: [Self; 3] = [Self::Grey, Self::White, Self::Black];
}

/// Both, as they are kept in a record.
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
