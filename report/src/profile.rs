//! A profile: the call stacks of a dump with names and values, as the outputs need them.

mod merged;
mod selection;

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::dump::{Dump, Frame};
use crate::symbols::Symbols;
pub use merged::Merged;
pub use selection::{Selection, SelectionError};

/// What is known of a call stack's blocks. Signed, as a difference of two dumps is a profile too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Bytes that are live, as requested.
    pub live_bytes: i64,
    /// Blocks that are live.
    pub live_blocks: i64,
    /// Bytes that were ever allocated.
    pub total_bytes: i64,
    /// Blocks that were ever allocated.
    pub total_blocks: i64,
    /// The maximum of `live_bytes`.
    pub peak_bytes: i64,
}

/// One of the values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// Bytes that are live.
    #[default]
    LiveBytes,
    /// Blocks that are live.
    LiveBlocks,
    /// Bytes that were ever allocated.
    TotalBytes,
    /// Blocks that were ever allocated.
    TotalBlocks,
}

/// A return address, and the functions that the call before it lies in, innermost first: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The return address.
    pub address: u64,
    /// The functions; all but the last are inlined.
    pub frames: Vec<Frame>,
}

/// A call stack and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The stack's number in the dump; 0 for blocks without a stack.
    pub number: u32,
    /// Indices in [`Profile::places`], innermost first.
    pub places: Vec<usize>,
    /// Its values.
    pub values: Values,
}

/// Call stacks with names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The program's name.
    pub program: String,
    /// When the dump was written, in microseconds since the program's start.
    pub time_us: u64,
    /// All places of the call stacks.
    pub places: Vec<Place>,
    /// The call stacks.
    pub samples: Vec<Sample>,
}

impl Value {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::LiveBytes, Self::LiveBlocks, Self::TotalBytes, Self::TotalBlocks];

    /// The name in options and outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveBytes => "live-bytes",
            Self::LiveBlocks => "live-blocks",
            Self::TotalBytes => "total-bytes",
            Self::TotalBlocks => "total-blocks",
        }
    }

    /// `bytes` or `blocks`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::LiveBytes | Self::TotalBytes => "bytes",
            Self::LiveBlocks | Self::TotalBlocks => "blocks",
        }
    }

    /// This one of the values.
    pub fn of(self, values: &Values) -> i64 {
        match self {
            Self::LiveBytes => values.live_bytes,
            Self::LiveBlocks => values.live_blocks,
            Self::TotalBytes => values.total_bytes,
            Self::TotalBlocks => values.total_blocks,
        }
    }
}

impl Values {
    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The same with 0 for what is negative.
    #[must_use]
    pub fn positive(mut self) -> Self {
        self.each(&Self::default(), i64::max);
        self
    }

    /// The sum, or the largest number there is.
    pub fn add(&mut self, other: &Self) {
        self.each(other, i64::saturating_add);
    }

    /// The difference.
    pub fn subtract(&mut self, other: &Self) {
        self.each(other, i64::saturating_sub);
    }

    fn each(&mut self, other: &Self, operate: fn(i64, i64) -> i64) {
        self.live_bytes = operate(self.live_bytes, other.live_bytes);
        self.live_blocks = operate(self.live_blocks, other.live_blocks);
        self.total_bytes = operate(self.total_bytes, other.total_bytes);
        self.total_blocks = operate(self.total_blocks, other.total_blocks);
        self.peak_bytes = operate(self.peak_bytes, other.peak_bytes);
    }
}

impl Place {
    /// The name of one of its functions, or the address where there is no name.
    pub fn shown(&self, frame: &Frame) -> String {
        if frame.function.is_empty() { format!("{:#x}", self.address) } else { frame.function.clone() }
    }
}

impl Profile {
    /// The profile of what is selected of a dump. Names are the dump's own if it has files and lines, or else those of
    /// `symbols`.
    ///
    /// # Errors
    ///
    /// [`SelectionError`] if the dump lacks what the selection needs.
    pub fn new(
        dump: &Dump,
        symbols: Option<&Symbols<'_>>,
        selection: &Selection,
    ) -> Result<Self, SelectionError> {
        let values = selection.values(dump)?;
        let mut profile = Self { program: dump.program.clone(), time_us: dump.time_us, ..Self::default() };
        let mut known = HashMap::new();
        for stack in &dump.stacks {
            let places = stack.frames.iter().map(|address| {
                *known.entry(*address).or_insert_with(|| {
                    profile.places.push(place(*address, dump, symbols));
                    profile.places.len() - 1
                })
            });
            let places = places.collect();
            let values = values.get(&stack.number).copied().unwrap_or_default();
            profile.samples.push(Sample { number: stack.number, places, values });
        }
        profile.samples.retain(|sample| !sample.values.is_zero());
        selection.retain(&mut profile);
        Ok(profile)
    }

    /// What this profile has more than `base`, as [`Merged`] takes call stacks for the same.
    #[must_use]
    pub fn since(&self, base: &Self) -> Self {
        let (places, samples) = Merged::new(&[self, base]).difference();
        Self { program: self.program.clone(), time_us: self.time_us, places, samples }
    }

    /// Orders the call stacks: those with most of a value first.
    pub fn sort_by(&mut self, value: Value) {
        self.samples.sort_by_key(|sample| (Reverse(value.of(&sample.values)), sample.number));
    }

    /// The sum over all call stacks.
    pub fn sum(&self) -> Values {
        self.samples.iter().fold(Values::default(), |mut sum, sample| {
            sum.add(&sample.values);
            sum
        })
    }

    /// A call stack's frames with their places, innermost first; inlined functions are frames of their own.
    pub fn frames<'a>(&'a self, sample: &'a Sample) -> impl Iterator<Item = (&'a Place, &'a Frame)> {
        let places = sample.places.iter().filter_map(|place| self.places.get(*place));
        places.flat_map(|place| place.frames.iter().map(move |frame| (place, frame)))
    }

    /// A call stack's functions, outermost first; one that says that there is no stack if there is none.
    pub fn functions(&self, sample: &Sample) -> Vec<String> {
        let mut functions: Vec<_> = self.frames(sample).map(|(place, frame)| place.shown(frame)).collect();
        functions.reverse();
        if functions.is_empty() {
            functions.push("(no call stack)".into());
        }
        functions
    }
}

fn place(address: u64, dump: &Dump, symbols: Option<&Symbols<'_>>) -> Place {
    let named = dump.names.get(&address).cloned().unwrap_or_default();
    // A program knows its functions, but not its lines.
    let has_lines = named.iter().any(|frame| !frame.file.is_empty());
    let found = symbols.filter(|_| !has_lines).map(|symbols| symbols.frames(address, dump.load_offset));
    let mut frames = found.filter(|frames| !frames.is_empty()).unwrap_or(named);
    if frames.is_empty() {
        frames.push(Frame::default());
    }
    Place { address, frames }
}
