//! A whole policy as numbers: a memory if there is one, a cell, a readout, and their weights; over sequences and in reverse.
//!
//!   (h, c) ← LSTM(u, h, c)        with mixed memory only
//!   h ← cell(u, h, T)
//!   y = readout(h)                scale · h + offset of the first neurons, or a linear layer, or neurons as they are
//!
//! The gradient through a sequence is exact: each step is played back in reverse (backpropagation through time). Every sample
//! of a batch has its own elapsed times.
//!
//! Source of mixed memory: Lechner & Hasani 2020, arXiv:2006.04418; as in ncps 1.0.1.

use super::cell::{Adjoint, Cell, Moment, Tensor, count};
use super::lanes::{LANES, Linear, Row, over_lanes};
use super::lstm::Lstm;
use super::ltc::Mapping;
use crate::simd::widest;

/// What of the state is an output, and how.
#[derive(Debug, Clone)]
pub struct Readout {
    /// The first of the neurons that are read.
    from: usize,
    /// How many are read.
    neurons: usize,
    map: Mapping,
    scale: Vec<f64>,
    offset: Vec<f64>,
    projection: Option<Linear>,
}

impl Readout {
    /// `neurons` neurons from the `from`-th on, through a map.
    pub fn neurons(from: usize, neurons: usize, map: Mapping) -> Self {
        Self { from, neurons, map, scale: vec![1.0; neurons], offset: vec![0.0; neurons], projection: None }
    }

    /// The same neurons through a linear layer to `outputs`.
    pub fn projected(from: usize, neurons: usize, outputs: usize) -> Self {
        let projection = Some(Linear::new("fc", neurons, outputs, true));
        Self { projection, ..Self::neurons(from, neurons, Mapping::None) }
    }

    fn outputs(&self) -> usize {
        self.projection.as_ref().map_or(self.neurons, Linear::outputs)
    }

    fn tensors(&self) -> Vec<Tensor> {
        match &self.projection {
            Some(linear) => linear.tensors(),
            None => self.map.tensors("rnn_cell.output_w", "rnn_cell.output_b", self.neurons),
        }
    }

    fn take(&mut self, mut weights: &[f64]) {
        if let Some(linear) = &mut self.projection {
            linear.take(&mut weights);
            return;
        }
        let mut maps = weights.chunks_exact(self.neurons.max(1));
        for own in [&mut self.scale, &mut self.offset] {
            if let Some(map) = maps.next() {
                own.copy_from_slice(map);
            }
        }
    }

    fn read<const L: usize>(&self, state: &[f64], outputs: &mut [f64]) {
        widest(
            #[inline(always)]
            || self.read_lanes::<L>(state, outputs),
        );
    }

    #[inline(always)]
    fn read_lanes<const L: usize>(&self, state: &[f64], outputs: &mut [f64]) {
        let state = &state.as_chunks::<L>().0[self.from..self.from + self.neurons];
        let outputs = outputs.as_chunks_mut::<L>().0;
        if let Some(linear) = &self.projection {
            linear.apply(state, outputs);
            return;
        }
        let maps = self.scale.iter().zip(&self.offset);
        for ((output, state), (scale, offset)) in outputs.iter_mut().zip(state).zip(maps) {
            *output = state.map(|state| state * scale + offset);
        }
    }

    #[inline(always)]
    fn read_back<const L: usize>(
        &self,
        state: &[Row<L>],
        d_outputs: &[Row<L>],
        d_state: &mut [Row<L>],
        d_weights: &mut [f64],
    ) {
        let own = self.from..self.from + self.neurons;
        let (state, d_state) = (&state[own.clone()], &mut d_state[own]);
        if let Some(linear) = &self.projection {
            linear.back(state, d_outputs, d_state, &mut &mut *d_weights);
            return;
        }
        for (neuron, d_output) in d_outputs.iter().enumerate() {
            let mut for_scale = [0.0; L];
            for lane in 0..L {
                d_state[neuron][lane] += d_output[lane] * self.scale[neuron];
                for_scale[lane] = d_output[lane] * state[neuron][lane];
            }
            if self.map != Mapping::None {
                d_weights[neuron] += over_lanes(&for_scale);
            }
            if self.map == Mapping::Affine {
                d_weights[self.neurons + neuron] += over_lanes(d_output);
            }
        }
    }
}

/// Sequences of one length, sample after sample.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// How many samples.
    pub samples: usize,
    /// How many steps each has.
    pub steps: usize,
    /// u, (samples, steps, inputs).
    pub inputs: &'a [f64],
    /// T, (samples, steps), above 0; 1 everywhere if there is none.
    pub elapsed: Option<&'a [f64]>,
    /// The states to begin with, (samples, states); 0 everywhere if there is none.
    pub start: Option<&'a [f64]>,
}

/// What sequences led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// y, (samples, steps, outputs).
    pub outputs: Vec<f64>,
    /// The state after each step, (samples, steps, states): h, then the memory if there is one.
    pub states: Vec<f64>,
    /// What the reverse needs, per block of samples.
    tapes: Vec<Vec<f64>>,
}

/// ∂L of all that a sequence depends on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gradient {
    /// Of the weights, in their order.
    pub weights: Vec<f64>,
    /// Of the inputs, (samples, steps, inputs).
    pub inputs: Vec<f64>,
    /// Of the elapsed times, (samples, steps).
    pub elapsed: Vec<f64>,
    /// Of the states to begin with, (samples, states).
    pub start: Vec<f64>,
}

/// A cell with memory, readout and weights.
#[derive(Debug, Clone)]
pub struct Recurrent {
    memory: Option<Lstm>,
    cell: Box<dyn Cell>,
    readout: Readout,
    weights: Vec<f64>,
}

impl Recurrent {
    /// All weights are 0 until [`Recurrent::take`].
    pub fn new(cell: Box<dyn Cell>, mixed_memory: bool, readout: Readout) -> Self {
        let memory = mixed_memory.then(|| Lstm::memory(cell.inputs(), cell.states()));
        let mut own = Self { memory, cell, readout, weights: Vec::new() };
        own.take(vec![0.0; count(&own.tensors())]);
        own
    }

    /// The cell.
    pub fn cell(&self) -> &dyn Cell {
        &*self.cell
    }

    /// How many inputs a step reads.
    pub fn inputs(&self) -> usize {
        self.cell.inputs()
    }

    /// How many outputs it gives.
    pub fn outputs(&self) -> usize {
        self.readout.outputs()
    }

    /// How many numbers its state has: that of the cell, then that of the memory.
    pub fn states(&self) -> usize {
        self.cell.states() + self.memory.as_ref().map_or(0, Cell::visible)
    }

    /// Its tensors: memory, cell, readout; the order of its weights.
    pub fn tensors(&self) -> Vec<Tensor> {
        let memory = self.memory.as_ref().map(Cell::tensors).unwrap_or_default();
        memory.into_iter().chain(self.cell.tensors()).chain(self.readout.tensors()).collect()
    }

    /// What its tensors do not tell.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.cell.settings();
        settings.extend(self.memory.iter().flat_map(Cell::settings));
        settings.push(("output_size", self.outputs().to_string()));
        settings
    }

    /// Its weights.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Takes up weights, one for each of its tensors.
    pub fn take(&mut self, weights: Vec<f64>) {
        let (memory, rest) = weights.split_at(self.memory_weights());
        let (cell, readout) = rest.split_at(count(&self.cell.tensors()));
        if let Some(own) = &mut self.memory {
            own.take(memory);
        }
        self.cell.take(cell);
        self.readout.take(readout);
        self.weights = weights;
    }

    /// Moves weights back to where they may be.
    pub fn constrain(&self, weights: &mut [f64]) {
        let end = self.memory_weights() + count(&self.cell.tensors());
        self.cell.constrain(&mut weights[self.memory_weights()..end]);
    }

    fn memory_weights(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| count(&memory.tensors()))
    }

    /// The numbers per lane of a step's trace: the memory's, then the cell's, then the state after it.
    fn trace(&self) -> [usize; 3] {
        [self.memory.as_ref().map_or(0, Cell::trace), self.cell.trace(), self.states()]
    }

    /// How many numbers one sample needs besides its state to step.
    pub fn scratch(&self) -> usize {
        self.trace().iter().sum::<usize>() + self.work()
    }

    fn work(&self) -> usize {
        self.cell.work().max(self.memory.as_ref().map_or(0, Cell::work))
    }

    /// One step of one sample; `state` has [`Recurrent::states`] numbers, `scratch` [`Recurrent::scratch`].
    pub fn step(&self, elapsed: f64, inputs: &[f64], state: &mut [f64], scratch: &mut [f64]) {
        let (trace, work) = scratch.split_at_mut(self.trace().iter().sum());
        self.advance(&Moment { lanes: 1, elapsed: &[elapsed], inputs }, state, trace, work);
    }

    /// The outputs of a state.
    pub fn read(&self, state: &[f64], outputs: &mut [f64]) {
        self.readout.read::<1>(state, outputs);
    }

    fn advance(&self, moment: &Moment, state: &mut [f64], trace: &mut [f64], work: &mut [f64]) {
        let [memory_trace, cell_trace, _] = self.trace().map(|numbers| numbers * moment.lanes);
        let (memory_trace, rest) = trace.split_at_mut(memory_trace);
        let (cell_trace, after) = rest.split_at_mut(cell_trace);
        if let Some(memory) = &self.memory {
            // It moves h and c; the cell starts from its h.
            memory.step(moment, state, memory_trace, work);
        }
        self.cell.step(moment, &mut state[..self.cell.states() * moment.lanes], cell_trace, work);
        after.copy_from_slice(state);
    }

    /// Where the blocks of samples begin, and how many samples each has.
    fn blocks(samples: usize) -> impl Iterator<Item = (usize, usize)> {
        let whole = samples / LANES * LANES;
        (0..whole).step_by(LANES).map(|start| (start, LANES)).chain((whole..samples).map(|start| (start, 1)))
    }

    /// Plays sequences; `keep` what [`Recurrent::back`] needs.
    ///
    /// Lists of another length than the batch says are a defect of the caller.
    pub fn play(&self, batch: &Batch, keep: bool) -> Played {
        let (states, outputs) = (self.states(), self.outputs());
        let mut played = Played {
            outputs: vec![0.0; batch.samples * batch.steps * outputs],
            states: vec![0.0; batch.samples * batch.steps * states],
            tapes: Vec::new(),
        };
        for (first, lanes) in Self::blocks(batch.samples) {
            let step_trace = self.trace().iter().sum::<usize>() * lanes;
            let mut tape = vec![0.0; step_trace * if keep { batch.steps } else { 1 }];
            let mut work = vec![0.0; self.work() * lanes];
            let mut seen = vec![0.0; outputs * lanes];
            let mut block = Block::new(self, batch, first, lanes);
            for step in 0..batch.steps {
                block.look(batch, step);
                let start = if keep { step * step_trace } else { 0 };
                let trace = &mut tape[start..start + step_trace];
                let Block { inputs, elapsed, state, .. } = &mut block;
                self.advance(&Moment { lanes, elapsed, inputs }, state, trace, &mut work);
                match lanes {
                    1 => self.readout.read::<1>(&block.state, &mut seen),
                    _ => self.readout.read::<LANES>(&block.state, &mut seen),
                }
                let place = |lane: usize| (first + lane) * batch.steps + step;
                for lane in 0..lanes {
                    spread(&seen, lanes, lane, &mut played.outputs[place(lane) * outputs..][..outputs]);
                    spread(&block.state, lanes, lane, &mut played.states[place(lane) * states..][..states]);
                }
            }
            if keep {
                played.tapes.push(tape);
            }
        }
        played
    }

    /// The gradient of a loss L from ∂L/∂y, (samples, steps, outputs), and ∂L of the last states, (samples, states).
    ///
    /// `played` is what [`Recurrent::play`] kept of the same batch.
    pub fn back(&self, batch: &Batch, played: &Played, d_outputs: &[f64], d_end: Option<&[f64]>) -> Gradient {
        let mut gradient = Gradient {
            weights: vec![0.0; self.weights.len()],
            inputs: vec![0.0; batch.inputs.len()],
            elapsed: vec![0.0; batch.samples * batch.steps],
            start: vec![0.0; batch.samples * self.states()],
        };
        for ((first, lanes), tape) in Self::blocks(batch.samples).zip(&played.tapes) {
            let of = Reverse { batch, first, tape, d_outputs, d_end };
            match lanes {
                1 => self.block_back::<1>(&of, &mut gradient),
                _ => self.block_back::<LANES>(&of, &mut gradient),
            }
        }
        gradient
    }

    fn block_back<const L: usize>(&self, of: &Reverse, gradient: &mut Gradient) {
        let Reverse { batch, first, tape, d_outputs, d_end } = *of;
        let (inputs, states, outputs) = (self.inputs(), self.states(), self.outputs());
        let [memory_trace, cell_trace, after] = self.trace().map(|numbers| numbers * L);
        let mut block = Block::new(self, batch, first, L);
        let mut d_state = vec![0.0; states * L];
        if let Some(d_end) = d_end {
            for lane in 0..L {
                collect(&d_end[(first + lane) * states..][..states], L, lane, &mut d_state);
            }
        }
        let mut d_seen = vec![0.0; outputs * L];
        let mut d_inputs = vec![0.0; inputs * L];
        let mut work = vec![0.0; self.work() * L];
        let mut sums = vec![0.0; self.cell.sums() * L];
        let (memory_weights, rest) = gradient.weights.split_at_mut(self.memory_weights());
        let (cell_weights, readout_weights) = rest.split_at_mut(count(&self.cell.tensors()));
        for step in (0..batch.steps).rev() {
            block.look(batch, step);
            let place = |lane: usize| (first + lane) * batch.steps + step;
            for lane in 0..L {
                collect(&d_outputs[place(lane) * outputs..][..outputs], L, lane, &mut d_seen);
            }
            let trace = &tape[step * (memory_trace + cell_trace + after)..][..memory_trace + cell_trace + after];
            let state = &trace[memory_trace + cell_trace..];
            let (d_rows, seen) = (d_state.as_chunks_mut::<L>().0, d_seen.as_chunks::<L>().0);
            widest(
                #[inline(always)]
                || self.readout.read_back(state.as_chunks::<L>().0, seen, d_rows, readout_weights),
            );
            d_inputs.fill(0.0);
            let mut d_elapsed = [0.0; L];
            let mut adjoint = Adjoint {
                state: &mut d_state[..self.cell.states() * L],
                inputs: &mut d_inputs,
                elapsed: &mut d_elapsed,
                weights: &mut *cell_weights,
                sums: &mut sums,
            };
            self.cell.step_back(&block.moment(), &trace[memory_trace..][..cell_trace], &mut work, &mut adjoint);
            if let Some(memory) = &self.memory {
                let mut adjoint = Adjoint {
                    state: &mut d_state,
                    inputs: &mut d_inputs,
                    elapsed: &mut [],
                    weights: &mut *memory_weights,
                    sums: &mut [],
                };
                memory.step_back(&block.moment(), &trace[..memory_trace], &mut work, &mut adjoint);
            }
            for (lane, d_elapsed) in d_elapsed.into_iter().enumerate() {
                gradient.elapsed[place(lane)] = d_elapsed;
                spread(&d_inputs, L, lane, &mut gradient.inputs[place(lane) * inputs..][..inputs]);
            }
        }
        self.cell.settle(L, &sums, cell_weights);
        for lane in 0..L {
            spread(&d_state, L, lane, &mut gradient.start[(first + lane) * states..][..states]);
        }
    }
}

/// What one block of samples is played back from.
struct Reverse<'a> {
    batch: &'a Batch<'a>,
    first: usize,
    tape: &'a [f64],
    d_outputs: &'a [f64],
    d_end: Option<&'a [f64]>,
}

/// A few samples side by side at one step.
struct Block {
    first: usize,
    lanes: usize,
    inputs: Vec<f64>,
    elapsed: Vec<f64>,
    state: Vec<f64>,
}

impl Block {
    fn new(of: &Recurrent, batch: &Batch, first: usize, lanes: usize) -> Self {
        let states = of.states();
        let mut state = vec![0.0; states * lanes];
        if let Some(start) = batch.start {
            for lane in 0..lanes {
                collect(&start[(first + lane) * states..][..states], lanes, lane, &mut state);
            }
        }
        Self { first, lanes, inputs: vec![0.0; of.inputs() * lanes], elapsed: vec![1.0; lanes], state }
    }

    /// Takes up what the samples see at a step.
    fn look(&mut self, batch: &Batch, step: usize) {
        let inputs = self.inputs.len() / self.lanes;
        for lane in 0..self.lanes {
            let place = (self.first + lane) * batch.steps + step;
            collect(&batch.inputs[place * inputs..][..inputs], self.lanes, lane, &mut self.inputs);
            if let Some(elapsed) = batch.elapsed {
                self.elapsed[lane] = elapsed[place];
            }
        }
    }

    fn moment(&self) -> Moment<'_> {
        Moment { lanes: self.lanes, elapsed: &self.elapsed, inputs: &self.inputs }
    }
}

/// One sample's numbers onto its lane.
fn collect(own: &[f64], lanes: usize, lane: usize, all: &mut [f64]) {
    for (place, value) in all[lane..].iter_mut().step_by(lanes).zip(own) {
        *place = *value;
    }
}

/// One sample's numbers off its lane.
fn spread(all: &[f64], lanes: usize, lane: usize, own: &mut [f64]) {
    for (value, place) in own.iter_mut().zip(all[lane..].iter().step_by(lanes)) {
        *value = *place;
    }
}
