//! The lives of blocks: from their allocation to their free, or until now.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::dump::Dump;

/// A block that was allocated and not freed yet.
struct Open {
    size_bytes: u64,
    stack: u32,
    from_us: u64,
}

/// Lives as `[address, bytes, place of the stack, from, to]`, in microseconds; `to` is null for a live block. The latest
/// `max`, and how many there are besides. Of live blocks all are known if the dump has them, of others those whose
/// allocation is in the history.
pub(super) fn lives(dump: &Dump, places: &HashMap<u32, usize>, max: usize) -> (Vec<Json>, usize) {
    let mut open: HashMap<u64, Open> = HashMap::new();
    let mut ended: Vec<(u64, Open, Option<u64>)> = Vec::new();
    for event in &dump.events {
        let opened = Open { size_bytes: event.size_bytes, stack: event.stack, from_us: event.time_us };
        match event.kind.as_str() {
            "allocate" | "reallocate" => {
                open.insert(event.address, opened);
            }
            "free" | "realloc-from" => {
                if let Some(block) = open.remove(&event.address) {
                    ended.push((event.address, block, Some(event.time_us)));
                }
            }
            _ => {}
        }
    }
    let live = dump.blocks.iter().map(|block| {
        let opened = Open { size_bytes: block.size_bytes, stack: block.stack, from_us: block.time_us };
        (block.address, opened, None)
    });
    ended.extend(live);
    // The lives of stacks that are not selected are not shown.
    ended.retain(|(_, block, _)| places.contains_key(&block.stack));
    ended.sort_by_key(|(_, block, _)| block.from_us);
    let left_out = ended.len().saturating_sub(max);
    let shown = ended.iter().skip(left_out).filter_map(|(address, block, to_us)| {
        let place = places.get(&block.stack)?;
        Some(json!([format!("{address:x}"), block.size_bytes, place, block.from_us, to_us]))
    });
    (shown.collect(), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Block, Event};

    #[test]
    fn a_life_is_from_the_allocation_to_the_free() {
        let event = |kind: &str, address, time_us| Event {
            kind: kind.into(),
            address,
            size_bytes: 8,
            stack: 1,
            sequence: 0,
            time_us,
            cpu: 0,
            task: 0,
        };
        let block = |address, stack| Block {
            address,
            size_bytes: 8,
            stack,
            sequence: 0,
            time_us: 4,
            align_bytes: 8,
            cpu: 0,
            task: 0,
        };
        let dump = Dump {
            // The first was allocated before the history begins.
            events: vec![
                event("free", 16, 1),
                event("allocate", 16, 2),
                event("fail", 0, 3),
                event("allocate", 32, 4),
                event("free", 16, 5),
            ],
            blocks: vec![block(32, 1), block(48, 2)],
            ..Dump::default()
        };
        let places = HashMap::from([(1, 7)]);
        let expected = vec![json!(["10", 8, 7, 2, 5]), json!(["20", 8, 7, 4, null])];
        assert_eq!(lives(&dump, &places, 10), (expected.clone(), 0));
        assert_eq!(lives(&dump, &places, 1), (expected[1..].to_vec(), 1));
    }
}
