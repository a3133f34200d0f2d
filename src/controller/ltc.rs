//! The liquid time-constant cell: neurons whose synapses set how fast they forget.
//!
//!   cᵢ dvᵢ/dt = gᵢ (Eᵢ − vᵢ) + Σⱼ wⱼᵢ σ(γⱼᵢ (vⱼ − μⱼᵢ)) (eⱼᵢ − vᵢ)
//!
//! v state, c capacitance, g leak, E rest, w synaptic weight ≥ 0, σ the logistic function, γ its steepness,
//! μ its midpoint, e reversal (its sign is that of the synapse). Senses enter by synapses of the same form.
//! One step of length T takes K equal substeps h = T/K of the fused solver, semi-implicit in v, all neurons
//! from the same old state:
//!
//!   vᵢ ← [ (cᵢ/h) vᵢ + gᵢ Eᵢ + Σⱼ aⱼᵢ eⱼᵢ ] / [ cᵢ/h + gᵢ + Σⱼ aⱼᵢ + ε ],    aⱼᵢ = wⱼᵢ σ(γⱼᵢ (vⱼ − μⱼᵢ))
//!
//! All numbers are pure. With mixed memory an LSTM reads the senses first and the cell starts from its output.
//! It is not the closed-form cell (CfC), and not the explicit Euler of the first publication.
//!
//! Source: Hasani et al. 2021, AAAI 35:7657–7666, doi:10.1609/aaai.v35i9.16936, algorithm 1; with K, ε and the
//! order of the neurons (motor first) as in ncps 1.0.1.

use super::synapses::Columns;
pub use super::synapses::Synapse;
use super::{Controller, check_state};
use crate::error::Problem;

/// The long memory of a mixed-memory cell: an LSTM over the same number of units.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// From the senses, row-major (4·units, senses).
    pub input_weight: Vec<f64>,
    /// (4·units).
    pub input_bias: Vec<f64>,
    /// From the state, row-major (4·units, units).
    pub recurrent_weight: Vec<f64>,
}

/// The numbers of a cell. Every list has one entry per neuron, sense or output, as named.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// c per neuron.
    pub capacitance: Vec<f64>,
    /// g per neuron.
    pub leak: Vec<f64>,
    /// E per neuron.
    pub rest: Vec<f64>,
    /// Synapses from neuron to neuron; absent ones are not listed.
    pub synapses: Vec<Synapse>,
    /// Synapses from sense to neuron.
    pub sensory: Vec<Synapse>,
    /// A sense enters as scale · sense + offset: (scale, offset) per sense.
    pub input_map: Vec<(f64, f64)>,
    /// An output is scale · v + offset of the first neurons: (scale, offset) per output.
    pub output_map: Vec<(f64, f64)>,
    /// The LSTM of a mixed-memory cell.
    pub memory: Option<Memory>,
    /// K, at least 1.
    pub substeps: usize,
    /// ε.
    pub epsilon: f64,
}

/// A cell and its state.
#[derive(Debug, Clone)]
pub struct Ltc {
    /// Less its synapses, which are in the columns.
    parameters: Parameters,
    synapses: Columns,
    sensory: Columns,
    state: Vec<f64>,
    memory: Vec<f64>,
    /// Scratch: senses after their map; Σ a e and Σ a from senses and from neurons; the old state; LSTM gates.
    inputs: Vec<f64>,
    sensory_sums: Vec<(f64, f64)>,
    sums: Vec<(f64, f64)>,
    old: Vec<f64>,
    gates: Vec<f64>,
}

impl Ltc {
    /// A cell at state 0.
    ///
    /// # Errors
    /// A problem if the lists do not fit together.
    pub fn new(mut parameters: Parameters) -> Result<Self, Problem> {
        let (units, senses) = (parameters.capacitance.len(), parameters.input_map.len());
        let lists_fit = parameters.leak.len() == units && parameters.rest.len() == units;
        let in_range = |synapses: &[Synapse], sources: usize| {
            synapses.iter().all(|synapse| synapse.source < sources && synapse.target < units)
        };
        let memory_fits = parameters.memory.as_ref().is_none_or(|memory| {
            memory.input_weight.len() == 4 * units * senses
                && memory.input_bias.len() == 4 * units
                && memory.recurrent_weight.len() == 4 * units * units
        });
        let fits = lists_fit
            && memory_fits
            && in_range(&parameters.synapses, units)
            && in_range(&parameters.sensory, senses)
            && parameters.output_map.len() <= units
            && parameters.substeps > 0;
        if !fits {
            return Err(Problem::new("the lists of this liquid time-constant cell do not fit together")
                .help("give each neuron a capacitance, leak and rest, and each synapse two ends that exist"));
        }
        let synapses = Columns::new(std::mem::take(&mut parameters.synapses), units);
        let sensory = Columns::new(std::mem::take(&mut parameters.sensory), units);
        let memory = if parameters.memory.is_some() { vec![0.0; units] } else { Vec::new() };
        Ok(Self {
            synapses,
            sensory,
            state: vec![0.0; units],
            memory,
            inputs: vec![0.0; senses],
            sensory_sums: vec![(0.0, 0.0); units],
            sums: vec![(0.0, 0.0); units],
            old: vec![0.0; units],
            gates: vec![0.0; 4 * units],
            parameters,
        })
    }

    /// How many neurons it has.
    pub fn units(&self) -> usize {
        self.state.len()
    }

    /// How many senses it reads.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// How many outputs it gives.
    pub fn outputs(&self) -> usize {
        self.parameters.output_map.len()
    }

    /// How many synapses it has: from senses, and between neurons.
    pub fn synapses(&self) -> (usize, usize) {
        (self.sensory.len(), self.synapses.len())
    }

    /// v of each neuron, then the memory if there is one.
    pub fn state(&self) -> Vec<f64> {
        [self.state.as_slice(), &self.memory].concat()
    }

    /// Takes up a state as [`Ltc::state`] gives it.
    ///
    /// # Errors
    /// A problem if the length is another or a number is not finite.
    pub fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        let units = self.units();
        check_state(state, units + self.memory.len())?;
        self.state.copy_from_slice(&state[..units]);
        self.memory.copy_from_slice(&state[units..]);
        Ok(())
    }

    /// One step of length `elapsed` (T, in the cell's own unit of time); none if that is not above 0.
    ///
    /// `senses` has [`Ltc::inputs`] values.
    pub fn step(&mut self, elapsed: f64, senses: &[f64]) {
        if elapsed.is_nan() || elapsed <= 0.0 {
            return;
        }
        self.remember(senses);
        for ((input, sense), (scale, offset)) in self.inputs.iter_mut().zip(senses).zip(&self.parameters.input_map) {
            *input = sense * scale + offset;
        }
        // The senses stay as they are for the whole step.
        self.sensory.sum(&self.inputs, &mut self.sensory_sums);
        let per_substep = self.parameters.substeps as f64 / elapsed;
        for _ in 0..self.parameters.substeps {
            std::mem::swap(&mut self.old, &mut self.state);
            self.synapses.sum(&self.old, &mut self.sums);
            for (target, state) in self.state.iter_mut().enumerate() {
                let (pull, conductance) = self.sums[target];
                let (sensory_pull, sensory_conductance) = self.sensory_sums[target];
                let inertia = self.parameters.capacitance[target] * per_substep;
                let leak = self.parameters.leak[target];
                let rest = self.parameters.rest[target];
                let above = inertia * self.old[target] + leak * rest + pull + sensory_pull;
                let below = inertia + leak + conductance + sensory_conductance + self.parameters.epsilon;
                *state = above / below;
            }
        }
    }

    /// The outputs, from the state as it is now; `outputs` has [`Ltc::outputs`] places.
    pub fn read(&self, outputs: &mut [f64]) {
        for ((output, state), (scale, offset)) in outputs.iter_mut().zip(&self.state).zip(&self.parameters.output_map) {
            *output = state * scale + offset;
        }
    }

    /// The LSTM step of a mixed-memory cell:
    /// c ← c σ(f + 1) + tanh(i) σ(i'), v ← tanh(c) σ(o), the gates [i, i', f, o] linear in senses and state.
    ///
    /// The 1 opens the forget gate of an untrained cell. Source: ncps 1.0.1, LSTMCell.
    fn remember(&mut self, senses: &[f64]) {
        let Some(weights) = &self.parameters.memory else { return };
        let (units, inputs) = (self.state.len(), self.inputs.len());
        for (row, gate) in self.gates.iter_mut().enumerate() {
            let from_senses = dot(&weights.input_weight[row * inputs..(row + 1) * inputs], senses);
            let from_state = dot(&weights.recurrent_weight[row * units..(row + 1) * units], &self.state);
            *gate = from_senses + weights.input_bias[row] + from_state;
        }
        for unit in 0..units {
            let gate = |which: usize| self.gates[which * units + unit];
            let kept = self.memory[unit] * logistic(gate(2) + 1.0);
            self.memory[unit] = kept + libm::tanh(gate(0)) * logistic(gate(1));
            self.state[unit] = libm::tanh(self.memory[unit]) * logistic(gate(3));
        }
    }
}

/// σ(x) = 1 / (1 + e⁻ˣ); libm, so that every machine gives the same bits.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How an output of the cell becomes an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Squash {
    /// min(1, max(0, y)): for a cell that was trained on activations.
    #[default]
    Clamp,
    /// 1 / (1 + e⁻ʸ): for a cell whose outputs may be any number.
    Logistic,
}

/// A cell whose inputs are senses and whose outputs drive muscles.
#[derive(Debug, Clone)]
pub struct LtcController {
    cell: Ltc,
    senses: Vec<String>,
    drives: Vec<String>,
    squash: Squash,
    time_unit: f64,
}

impl LtcController {
    /// A controller from a cell and the names of its inputs and outputs.
    ///
    /// `time_unit` [s] is what the cell calls 1 (ncps steps by 1.0 unless it is told the elapsed time).
    ///
    /// # Errors
    /// A problem if the names do not match the cell in number, or the unit of time is not above 0.
    pub fn new(
        cell: Ltc,
        senses: Vec<String>,
        drives: Vec<String>,
        squash: Squash,
        time_unit: f64,
    ) -> Result<Self, Problem> {
        let counts = [("senses", senses.len(), cell.inputs()), ("drives", drives.len(), cell.outputs())];
        for (what, named, wanted) in counts {
            if named != wanted {
                return Err(Problem::new(format!("the cell has {wanted} {what}, but {named} are named"))
                    .help(format!("name them in the file's metadata as `{what}`, a JSON list of {wanted} names")));
            }
        }
        if !(time_unit.is_finite() && time_unit > 0.0) {
            return Err(Problem::new(format!("the cell's unit of time is {time_unit} s")).help("give a time above 0 s"));
        }
        Ok(Self { cell, senses, drives, squash, time_unit })
    }
}

impl Controller for LtcController {
    fn senses(&self) -> &[String] {
        &self.senses
    }

    fn drives(&self) -> &[String] {
        &self.drives
    }

    fn step(&mut self, _time: f64, dt: f64, senses: &[f64], drives: &mut [f64]) {
        self.cell.step(dt / self.time_unit, senses);
        self.cell.read(drives);
        for drive in drives {
            *drive = match self.squash {
                Squash::Clamp => drive.clamp(0.0, 1.0),
                Squash::Logistic => logistic(*drive),
            };
        }
    }

    fn state(&self) -> Vec<f64> {
        self.cell.state()
    }

    fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        self.cell.restore(state)
    }
}
