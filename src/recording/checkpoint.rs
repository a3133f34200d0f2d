//! The state of a run inside its recording, from which it can go on.
//!
//! Two slots of equal size are written in turn, each in one piece:
//!
//! ```text
//! number of the checkpoint | frames, rows of potentials, spikes of both populations before it | length | state | SHA-256
//! ```
//!
//! All of it 8 bytes little-endian but the last 32. What came before is flushed first, so that a slot never speaks of
//! frames that are not there. A kill in the middle of a write leaves a slot whose sum is wrong, and the other one.

use sha2::{Digest, Sha256};

use super::file::Writer;
use crate::error::Error;

/// Where the two slots are.
pub(super) const SLOTS: [&str; 2] = ["/checkpoint/0", "/checkpoint/1"];

/// Numbers before the state, and bytes of the sum behind it.
const HEAD: usize = 6;
const SUM: usize = 32;

/// A state of a run with all that was recorded before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Counts the checkpoints of a run, from 1.
    pub number: u64,
    /// Frames recorded before it.
    pub frames: u64,
    /// Rows of membrane potentials recorded before it.
    pub rows: u64,
    /// Spikes recorded before it, of neurons and of muscles.
    pub spikes: [u64; 2],
    /// What was given to be kept.
    pub state: Vec<f64>,
}

/// The two slots of a file under construction.
pub(super) struct Slots {
    constants: [usize; 2],
    /// Bytes of a slot.
    size: usize,
}

impl Slots {
    /// Makes room for two states of at most `numbers` numbers.
    pub(super) fn create(writer: &mut Writer, numbers: usize) -> Result<Self, Error> {
        let size = 8 * (HEAD + numbers) + SUM;
        let empty = vec![0u8; size];
        let mut slot = |path| writer.constant(path, &[size as u64], &empty);
        Ok(Self { constants: [slot(SLOTS[0])?, slot(SLOTS[1])?], size })
    }

    /// Writes a checkpoint; false if its state is too large for a slot.
    pub(super) fn write(&self, writer: &mut Writer, checkpoint: &Checkpoint) -> Result<bool, Error> {
        let Checkpoint { number, frames, rows, spikes, state } = checkpoint;
        let mut bytes = Vec::with_capacity(self.size);
        for word in [*number, *frames, *rows, spikes[0], spikes[1], state.len() as u64] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(state.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(Sha256::digest(&bytes));
        if bytes.len() > self.size {
            return Ok(false);
        }
        bytes.resize(self.size, 0);
        writer.overwrite_bytes(self.constants[(number % 2) as usize], &bytes)?;
        Ok(true)
    }
}

/// Reads a slot; nothing if it is empty or was not written to its end.
pub(super) fn read(bytes: &[u8]) -> Option<Checkpoint> {
    let word = |index: usize| Some(u64::from_le_bytes(bytes.get(8 * index..8 * index + 8)?.try_into().ok()?));
    let [number, frames, rows, neurons, muscles, length] = [word(0)?, word(1)?, word(2)?, word(3)?, word(4)?, word(5)?];
    let end = usize::try_from(length).ok()?.checked_add(HEAD)?.checked_mul(8)?;
    let sum = bytes.get(end..end.checked_add(SUM)?)?;
    if number == 0 || sum != Sha256::digest(&bytes[..end]).as_slice() {
        return None;
    }
    let state = bytes[8 * HEAD..end].as_chunks().0.iter().map(|number| f64::from_le_bytes(*number)).collect();
    Some(Checkpoint { number, frames, rows, spikes: [neurons, muscles], state })
}
