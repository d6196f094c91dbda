//! Several profiles with one list of call stacks: for differences, and for dumps side by side.

use std::collections::{HashMap, HashSet};

use super::{Place, Profile, Sample, Values};
use crate::dump::Frame;

/// The call stacks of several profiles, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// All places of the call stacks.
    pub places: Vec<Place>,
    /// The call stacks: a number, which is that of the first profile that has the stack if no other has taken it, and
    /// indices in `places`, innermost first.
    pub stacks: Vec<(u32, Vec<usize>)>,
    /// Of each profile, in the order given: its call stacks, as indices in `stacks`, and their values.
    pub values: Vec<Vec<(usize, Values)>>,
    /// Of each profile: the index in `stacks` of each of its numbers.
    pub numbers: Vec<HashMap<u32, usize>>,
}

/// What makes two places the same: the names if there are any, as a program may be loaded elsewhere.
type Key<'a> = (&'a [Frame], u64);

fn key(place: &Place) -> Key<'_> {
    let has_name = place.frames.iter().any(|frame| !frame.function.is_empty());
    (&place.frames, if has_name { 0 } else { place.address })
}

impl Merged {
    /// Puts profiles together. Call stacks are the same if their functions and lines are; those that are the same within
    /// one profile are one here.
    #[must_use]
    pub fn new(profiles: &[&Profile]) -> Self {
        let mut merged = Self::default();
        let (mut known_places, mut known_stacks) = (HashMap::new(), HashMap::new());
        let mut taken = HashSet::new();
        let all = profiles.iter().flat_map(|profile| &profile.samples).map(|sample| sample.number);
        let mut next_free = all.max().unwrap_or(0).saturating_add(1);
        for profile in profiles {
            let places = profile.places.iter().map(|place| {
                *known_places.entry(key(place)).or_insert_with(|| {
                    merged.places.push(place.clone());
                    merged.places.len() - 1
                })
            });
            let places: Vec<usize> = places.collect();
            let mut sums: HashMap<usize, Values> = HashMap::new();
            let (mut order, mut numbers) = (Vec::new(), HashMap::new());
            for sample in &profile.samples {
                let own: Vec<usize> =
                    sample.places.iter().filter_map(|place| places.get(*place).copied()).collect();
                let stack = *known_stacks.entry(own.clone()).or_insert_with(|| {
                    let mut number = sample.number;
                    if !taken.insert(number) {
                        number = next_free;
                        next_free = next_free.saturating_add(1);
                    }
                    merged.stacks.push((number, own));
                    merged.stacks.len() - 1
                });
                numbers.insert(sample.number, stack);
                sums.entry(stack)
                    .or_insert_with(|| {
                        order.push(stack);
                        Values::default()
                    })
                    .add(&sample.values);
            }
            let values =
                order.into_iter().map(|stack| (stack, sums.get(&stack).copied().unwrap_or_default()));
            merged.values.push(values.collect());
            merged.numbers.push(numbers);
        }
        merged
    }

    /// What the first of two profiles has more than the second, by call stack.
    pub(super) fn difference(self) -> (Vec<Place>, Vec<Sample>) {
        let mut samples: Vec<Sample> = self
            .stacks
            .into_iter()
            .map(|(number, places)| Sample { number, places, values: Values::default() })
            .collect();
        let operations = [Values::add as fn(&mut Values, &Values), Values::subtract];
        for (values, operate) in self.values.iter().zip(operations) {
            for (stack, values) in values {
                if let Some(sample) = samples.get_mut(*stack) {
                    operate(&mut sample.values, values);
                }
            }
        }
        samples.retain(|sample| !sample.values.is_zero());
        (self.places, samples)
    }
}
