//! Groups: all instances of one shape of equations, their values in columns.
//!
//! The columns of 64 instances stand together (a block), so that a program that works on them finds everything
//! within one stretch of memory. All blocks of all groups lie in one array, and a value is known by its index in it.

use crate::network::flat::Input;
use crate::network::program::{LANES, Program, Scratch};

/// All instances of one shape.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Where its first block begins.
    pub base: usize,
    /// Columns of a block: states, predictions, inputs, outputs, and parameters that differ.
    pub columns: usize,
    /// How many instances.
    pub lanes: usize,
    /// How many states; they are the first columns, their predictions follow.
    pub states: usize,
    /// Which states have a rate, and so a prediction of their own.
    pub moving: Vec<bool>,
    /// What comes in, in order of its columns.
    pub inputs: Vec<Input>,
    /// What others read and add up: the input of the cell that it feeds, and its column.
    pub outputs: Vec<(Input, u16)>,
    /// Derived variables that connections read, and their columns.
    pub exports: Vec<(String, u16)>,
    /// The states that conditions may change.
    pub assigned: Vec<usize>,
    /// The column that says whether a condition holds whose moment matters.
    pub timed_column: Option<u16>,
    /// Derived variables that connections read, from the states as they are.
    pub export_now: Program,
    /// The same from the predicted states.
    pub export_trial: Program,
    /// The first stage of a step.
    pub predict: Program,
    /// The second stage of a step.
    pub correct: Program,
    /// What conditions change, and whether an event goes out.
    pub conditions: Program,
    /// Whether the conditions look at other cells.
    pub conditions_look_out: bool,
    /// The flat set of each instance, by index.
    pub flat_of: Vec<usize>,
}

impl Group {
    /// The index of a value of one instance.
    pub fn at(&self, lane: usize, column: usize) -> usize {
        self.base + (lane / LANES * self.columns + column) * LANES + lane % LANES
    }

    /// How many numbers all blocks hold.
    pub fn numbers(&self) -> usize {
        self.lanes.div_ceil(LANES) * self.columns * LANES
    }

    /// The column of a state as a stage sees it.
    pub fn state_column(&self, state: usize, trial: bool) -> usize {
        if trial && self.moving[state] { self.states + state } else { state }
    }

    /// The column of an input.
    pub fn input_column(&self, input: usize) -> usize {
        2 * self.states + input
    }

    /// Runs one of its programs.
    pub fn run(&self, program: &Program, data: &mut [f64], time: f64, scratch: &mut Scratch) {
        if !program.is_empty() {
            program.run(&mut data[self.base..self.base + self.numbers()], self.columns, time, scratch);
        }
    }

    /// Makes what the conditions wrote the states.
    pub fn commit(&self, data: &mut [f64]) {
        let (blocks, _) = data[self.base..self.base + self.numbers()].as_chunks_mut::<LANES>();
        for block in blocks.chunks_exact_mut(self.columns) {
            for state in &self.assigned {
                block[*state] = block[self.states + *state];
            }
        }
    }
}
