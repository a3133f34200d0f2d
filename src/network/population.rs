//! Groups: all instances of one shape of equations, their values in columns.
//!
//! The columns of 64 instances stand together (a block), so that a program that works on them finds everything
//! within one stretch of memory. All blocks of all groups lie in one array, and a value is known by its index in it.

use crate::network::flat::{Input, Kept};
use crate::network::program::{LANES, Program, Scratch};

/// All instances of one shape.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Where its first block begins.
    pub base: usize,
    /// Columns of a block: states, trials, inputs, outputs, and parameters that differ.
    pub columns: usize,
    /// How many instances.
    pub lanes: usize,
    /// How many states; they are the first columns, their trials (what a stage looks at) follow.
    pub states: usize,
    /// Which states have a rate, and so a trial of their own.
    pub moving: Vec<bool>,
    /// The column in which each moving state is kept as the step began.
    pub starts: Vec<Option<usize>>,
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
    /// Derived variables that connections read, of the states that a stage looks at.
    pub export: Program,
    /// The stages of a step.
    pub stages: Vec<Program>,
    /// What conditions change, and whether an event goes out.
    pub conditions: Program,
    /// Whether the conditions look at other cells.
    pub conditions_look_out: bool,
    /// Whether its instances are rows of a matrix (see weave.rs) and its programs never run.
    pub woven: bool,
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

    pub(super) fn find_start(&self, state: usize) -> Option<usize> {
        let kept = Input::Kept(state, Kept::Start);
        self.inputs.iter().position(|input| *input == kept).map(|input| self.input_column(input))
    }

    /// Runs one of its programs.
    pub fn run(&self, program: &Program, data: &mut [f64], time: f64, scratch: &mut Scratch) {
        if !program.is_empty() {
            program.run(&mut data[self.base..self.base + self.numbers()], self.columns, time, scratch);
        }
    }

    /// Aims the first stage: each moving state as it will be after `reach` of a step that goes on as the last one
    /// went, x̂ = x + reach (x − x₋); and keeps the states as the step begins.
    pub fn aim(&self, data: &mut [f64], reach: f64) {
        let (blocks, _) = data[self.base..self.base + self.numbers()].as_chunks_mut::<LANES>();
        for block in blocks.chunks_exact_mut(self.columns) {
            for (state, start) in self.starts.iter().enumerate() {
                let Some(start) = *start else { continue };
                // Start columns follow the trials, which follow the states.
                let trial = self.states + state;
                let (states, rest) = block.split_at_mut(trial);
                let (trials, kept) = rest.split_at_mut(start - trial);
                for ((x, trial), start) in states[state].iter().zip(&mut trials[0]).zip(&mut kept[0]) {
                    *trial = x + reach * (x - *start);
                    *start = *x;
                }
            }
        }
    }

    /// Makes what the conditions wrote the states; a state that jumped is taken to have stood still before.
    pub fn commit(&self, data: &mut [f64]) {
        let (blocks, _) = data[self.base..self.base + self.numbers()].as_chunks_mut::<LANES>();
        for block in blocks.chunks_exact_mut(self.columns) {
            for state in &self.assigned {
                let (old, new) = (block[*state], block[self.states + *state]);
                if let Some(start) = self.starts[*state] {
                    for (start, (old, new)) in block[start].iter_mut().zip(old.iter().zip(&new)) {
                        *start = if old == new { *start } else { *new };
                    }
                }
                block[*state] = new;
            }
        }
    }
}
