//! What flows between cells: each synapse reads its two cells, each cell adds up what is attached to it.
//!
//! ```text
//! v of host and peer → synapse;   I(cell) = Σ i(synapse), in order
//! ```
//!
//! Synapses are sorted by the cell that they feed, so that a sum runs over neighbours in memory, in the same order
//! always: no value is ever added to from two sides.

use crate::network::population::Group;
use crate::network::program::LANES;

/// Copies one value of a cell to each instance of a group, before each stage.
#[derive(Debug, Clone)]
pub struct Gather {
    /// The group that reads.
    pub group: usize,
    /// The column that takes the values.
    pub column: usize,
    /// Where each instance finds its value among the states.
    pub now: Vec<u32>,
    /// Where each instance finds its value among the trials.
    pub trial: Vec<u32>,
}

impl Gather {
    /// Copies the values.
    pub fn run(&self, groups: &[Group], data: &mut [f64], trial: bool) {
        let group = &groups[self.group];
        let sources = if trial { &self.trial } else { &self.now };
        for (chunk, sources) in sources.as_chunks::<LANES>().0.iter().enumerate() {
            let start = group.base + (chunk * group.columns + self.column) * LANES;
            let mut values = [0.0; LANES];
            for (value, source) in values.iter_mut().zip(sources) {
                *value = data[*source as usize];
            }
            data[start..start + LANES].copy_from_slice(&values);
        }
    }

    /// A gather for a group; lanes beyond the last instance repeat its value, so that they stay harmless.
    pub fn new(group: usize, column: usize, mut now: Vec<u32>, mut trial: Vec<u32>) -> Self {
        for places in [&mut now, &mut trial] {
            let last = places.last().copied().unwrap_or_default();
            places.resize(places.len().next_multiple_of(LANES), last);
        }
        Self { group, column, now, trial }
    }
}

/// Adds up one output of a group over the instances that feed each cell.
#[derive(Debug, Clone)]
pub struct Sum {
    /// The group whose output is added up.
    pub group: usize,
    /// The output's column.
    pub column: usize,
    /// For each cell that is fed: the index of its input, and the first instance and the one after the last.
    pub cells: Vec<(u32, u32, u32)>,
}

impl Sum {
    /// Adds to the inputs of the cells, which must have been cleared.
    pub fn run(&self, groups: &[Group], data: &mut [f64], scratch: &mut Vec<f64>) {
        let group = &groups[self.group];
        scratch.clear();
        for chunk in 0..group.lanes.div_ceil(LANES) {
            let start = group.at(chunk * LANES, self.column);
            scratch.extend_from_slice(&data[start..start + LANES]);
        }
        for (target, first, end) in &self.cells {
            // Four running sums, since an addition waits for the one before it; always in the same order.
            let (fours, rest) = scratch[*first as usize..*end as usize].as_chunks::<4>();
            let mut sums = [0.0; 4];
            for four in fours {
                for (sum, value) in sums.iter_mut().zip(four) {
                    *sum += value;
                }
            }
            let rest: f64 = rest.iter().sum();
            data[*target as usize] += (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest;
        }
    }
}
