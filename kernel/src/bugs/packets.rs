//! A loopback device for packets: what is sent is received. It has a bug, for people to find.
//!
//! A packet is a length in two bytes, then so many bytes. It waits in a block of the heap until it is
//! received. `bug leak` sends good and bad ones; `/proc/allocs` shows where the memory went.

use core::fmt;
use core::slice;

use crate::memory::heap::{kfree, kmalloc};

/// Packets that may wait.
const QUEUE_LENGTH: usize = 4;
/// The longest packet, as on an Ethernet.
const MAX_BYTES: usize = 1500;
const HEAD_BYTES: usize = 2;

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketError {
    /// It is longer than a packet may be.
    TooLong,
    /// Its length is not what it says.
    Malformed,
    /// The queue has no room.
    QueueFull,
    /// No memory.
    NoMemory,
}

impl fmt::Display for PacketError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooLong => "packet too long",
            Self::Malformed => "packet malformed",
            Self::QueueFull => "queue full",
            Self::NoMemory => "out of memory",
        })
    }
}

/// A packet that waits, in a block of its own.
#[derive(Clone, Copy, Debug)]
struct Packet {
    block: *mut u8,
    length: usize,
}

/// The device.
#[derive(Debug)]
pub(crate) struct Loopback {
    waiting: [Option<Packet>; QUEUE_LENGTH],
}

impl Loopback {
    /// A device with an empty queue.
    pub(crate) const fn new() -> Self {
        Self { waiting: [None; QUEUE_LENGTH] }
    }

    /// Sends a packet to ourselves.
    #[inline(never)]
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), PacketError> {
        if bytes.len() > MAX_BYTES {
            return Err(PacketError::TooLong);
        }
        let block = kmalloc(bytes.len());
        if block.is_null() {
            return Err(PacketError::NoMemory);
        }
        // SAFETY: a fresh block of this length.
        let copy = unsafe {
            block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            slice::from_raw_parts(block, bytes.len())
        };
        check(copy)?;
        let free = self.waiting.iter_mut().find(|slot| slot.is_none());
        let Some(slot) = free else {
            // SAFETY: our block, which nobody knows yet.
            unsafe { kfree(block) };
            return Err(PacketError::QueueFull);
        };
        *slot = Some(Packet { block, length: bytes.len() });
        Ok(())
    }

    /// Receives a packet: hands it to `visit`, if there is one.
    pub(crate) fn receive(&mut self, visit: impl FnOnce(&[u8])) -> bool {
        let Some(packet) = self.waiting.iter_mut().find_map(Option::take) else { return false };
        // SAFETY: `send` filled the block and gave it to the queue; it has just been taken out.
        unsafe {
            visit(slice::from_raw_parts(packet.block, packet.length));
            kfree(packet.block);
        }
        true
    }
}

/// Whether a packet is as long as it says.
fn check(bytes: &[u8]) -> Result<(), PacketError> {
    let (head, body) = bytes.split_at_checked(HEAD_BYTES).ok_or(PacketError::Malformed)?;
    let said = head.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    if said == body.len() { Ok(()) } else { Err(PacketError::Malformed) }
}

/// Sends packets through the device, good and bad ones in turn, and receives what comes.
pub(crate) fn exchange() {
    const PACKETS: u8 = 6;
    let mut device = Loopback::new();
    let (mut received, mut refused) = (0, 0);
    for number in 0..PACKETS {
        // Every other packet says that it is a byte longer than it is.
        let mut packet = [0; 120];
        let body_bytes = 60 + 10 * number;
        packet[0] = body_bytes + number % 2;
        let length = HEAD_BYTES + usize::from(body_bytes);
        match device.send(packet.get(..length).unwrap_or_default()) {
            Ok(()) => while device.receive(|_| received += 1) {},
            Err(error) => {
                refused += 1;
                log::debug!("loopback: packet {number}: {error}");
            }
        }
    }
    log::info!("loopback: {received} packets received, {refused} malformed ones refused");
}
