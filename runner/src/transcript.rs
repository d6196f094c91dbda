//! What the machine has said on its serial port so far, and waiting for more of it.
//!
//! A thread of its own reads the port all the time, so that the guest never waits for us; the scenario waits
//! on a condition variable with a deadline.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Everything read so far; shared with the reading thread.
#[derive(Clone, Default)]
pub(crate) struct Transcript {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Transcript {
    /// Reads `port` to its end in a thread, copying it to `log`, and to standard output if `shows`. What the machine
    /// has `said` before stands first.
    pub(crate) fn record(
        mut port: impl Read + Send + 'static,
        mut log: File,
        shows: bool,
        said: &[u8],
    ) -> Self {
        let transcript = Self::default();
        let _ = log.write_all(said);
        transcript.lock().bytes.extend_from_slice(said);
        let writer = transcript.clone();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                let count = port.read(&mut chunk).unwrap_or(0);
                let bytes = chunk.get(..count).unwrap_or_default();
                // Neither a full disk nor a closed terminal should stop the machine.
                let _ = log.write_all(bytes);
                if shows {
                    let mut out = std::io::stdout().lock();
                    let _ = out.write_all(bytes).and_then(|()| out.flush());
                }
                let mut state = writer.lock();
                state.bytes.extend_from_slice(bytes);
                state.has_ended = count == 0;
                writer.shared.1.notify_all();
                if state.has_ended {
                    return;
                }
            }
        });
        transcript
    }

    /// How many bytes have come so far: a mark to read on from.
    pub(crate) fn length(&self) -> usize {
        self.lock().bytes.len()
    }

    /// All bytes since a mark.
    pub(crate) fn since(&self, mark: usize) -> Vec<u8> {
        self.lock().bytes.get(mark..).unwrap_or_default().to_vec()
    }

    /// Waits until `find` finds what it looks for in the bytes since `mark`.
    ///
    /// `awaited` names it in the error.
    pub(crate) fn wait<T>(
        &self,
        mark: usize,
        awaited: &str,
        limit: Duration,
        mut find: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = find(state.bytes.get(mark..).unwrap_or_default()) {
                return Ok(found);
            }
            if state.has_ended {
                return Err(Error::Ended { awaited: awaited.into() });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Timeout { awaited: awaited.into(), limit });
            }
            let waited = self.shared.1.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until no more bytes can come.
    pub(crate) fn wait_for_end(&self, limit: Duration) -> Result<()> {
        match self.wait(0, "end of the serial port", limit, |_| None::<()>) {
            Err(Error::Ended { .. }) => Ok(()),
            other => other,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
