//! The liquid time-constant cell: neurons whose synapses set how fast they forget.
//!
//!   cᵢ dvᵢ/dt = gᵢ (Eᵢ − vᵢ) + Σⱼ wⱼᵢ σ(γⱼᵢ (vⱼ − μⱼᵢ)) (eⱼᵢ − vᵢ)
//!
//! v state, c capacitance, g leak, E rest, w synaptic weight ≥ 0, σ the logistic function, γ its steepness,
//! μ its midpoint, e reversal (its sign is that of the synapse). Senses enter by synapses of the same form.
//! One step of length T takes K equal substeps h = T/K. The fused solver is semi-implicit in v, all neurons
//! from the same old state:
//!
//!   vᵢ ← Aᵢ / Bᵢ,    Aᵢ = (cᵢ/h) vᵢ + gᵢ Eᵢ + Σⱼ aⱼᵢ eⱼᵢ,    Bᵢ = cᵢ/h + gᵢ + Σⱼ aⱼᵢ + ε,    aⱼᵢ = wⱼᵢ σ(γⱼᵢ (vⱼ − μⱼᵢ))
//!
//! and in reverse, with λ = ∂L/∂v′: ∂A = λ/B, ∂B = −v′ λ/B, which the sums hand on to what they are made of. All numbers are
//! pure. The explicit solvers of the first publication are in `explicit.rs`; with h = 0.1 and 6 substeps (T = 0.6) they are
//! those of its program. It is not the closed-form cell (CfC).
//!
//! Source: Hasani et al. 2021, AAAI 35:7657–7666, doi:10.1609/aaai.v35i9.16936, algorithm 1; with K, ε and the
//! order of the neurons (motor first) as in ncps 1.0.1.

use std::array::from_fn;

use super::cell::{Adjoint, Cell, Moment, Tensor};
use super::explicit::{self, Flow, Solver};
use super::lanes::{Row, add, in_lanes, over_lanes, read_rows, rows};
use super::synapses::{Columns, SUMS};
use crate::math::softplus;

/// What a sense goes through before it reaches synapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mapping {
    /// scale · u + offset.
    #[default]
    Affine,
    /// scale · u.
    Linear,
    /// u.
    None,
}

impl Mapping {
    /// How many numbers it has per sense.
    pub(super) fn numbers(self) -> usize {
        match self {
            Self::Affine => 2,
            Self::Linear => 1,
            Self::None => 0,
        }
    }

    /// Its tensors, scale and offset, of `len` numbers each.
    pub(super) fn tensors(self, scale: &str, offset: &str, len: usize) -> Vec<Tensor> {
        [scale, offset][..self.numbers()].iter().map(|name| Tensor::whole(*name, &[len])).collect()
    }
}

/// What the weights of a cell do not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Whether w, c and g are softplus of what is stored, so that training cannot make them negative.
    pub implicit: bool,
    /// K, at least 1.
    pub substeps: usize,
    /// ε, which keeps the fused solver from dividing by 0.
    pub epsilon: f64,
    /// How it goes through time.
    pub solver: Solver,
    /// How senses enter.
    pub input_map: Mapping,
}

impl Default for Options {
    fn default() -> Self {
        Self { implicit: true, substeps: 6, epsilon: 1e-8, solver: Solver::Fused, input_map: Mapping::Affine }
    }
}

/// A cell with its weights.
#[derive(Debug, Clone)]
pub struct Ltc {
    options: Options,
    synapses: Columns,
    sensory: Columns,
    leak: Vec<f64>,
    rest: Vec<f64>,
    capacitance: Vec<f64>,
    /// dg and dc over what is stored.
    slopes: [Vec<f64>; 2],
    scale: Vec<f64>,
    offset: Vec<f64>,
}

impl Ltc {
    /// A cell without weights yet: `mask` dense (units, units) and `sensory_mask` dense (senses, units) say by 0 where
    /// there is no synapse.
    pub fn new(options: Options, mask: &[f64], sensory_mask: &[f64], senses: usize, units: usize) -> Self {
        let zeros = vec![0.0; units];
        Self {
            options,
            synapses: Columns::new(mask, units, units),
            sensory: Columns::new(sensory_mask, senses, units),
            leak: zeros.clone(),
            rest: zeros.clone(),
            capacitance: zeros.clone(),
            slopes: [zeros.clone(), zeros],
            scale: vec![1.0; senses],
            offset: vec![0.0; senses],
        }
    }

    /// How many synapses it has: from senses, and between neurons.
    pub fn synapses(&self) -> (usize, usize) {
        (self.sensory.len(), self.synapses.len())
    }

    /// What its weights do not say.
    pub fn options(&self) -> Options {
        self.options
    }

    fn units(&self) -> usize {
        self.leak.len()
    }

    fn senses(&self) -> usize {
        self.scale.len()
    }

    /// The most synapses that are open at once in a place to work in.
    fn open(&self) -> usize {
        self.synapses.len().max(self.sensory.len())
    }

    /// A stored number that stands for a positive one: the number and its slope.
    fn positive(&self, stored: f64) -> (f64, f64) {
        if !self.options.implicit {
            (stored, 1.0)
        } else if stored > 20.0 {
            (softplus(stored), 1.0)
        } else {
            (softplus(stored), 1.0 / (1.0 + libm::exp(-stored)))
        }
    }

    /// Trace rows: P and Q of the senses; then the state before each substep and after the last, or the stages.
    fn trace_rows(&self) -> usize {
        let states = match self.options.solver {
            Solver::Fused => self.options.substeps + 1,
            solver => explicit::trace_rows(solver, self.options.substeps),
        };
        (2 + states) * self.units()
    }

    #[inline(always)]
    fn map_inputs<const L: usize>(&self, inputs: &[Row<L>], mapped: &mut [Row<L>]) {
        let maps = self.scale.iter().zip(&self.offset);
        for ((mapped, input), (scale, offset)) in mapped.iter_mut().zip(inputs).zip(maps) {
            *mapped = input.map(|input| input * scale + offset);
        }
    }

    #[inline(always)]
    fn run<const L: usize>(&self, moment: &Moment, state: &mut [f64], mut trace: &mut [f64], mut work: &mut [f64]) {
        let units = self.units();
        let elapsed: &Row<L> = &moment.elapsed.as_chunks::<L>().0[0];
        let state = state.as_chunks_mut::<L>().0;
        let open = rows::<L>(&mut work, self.open());
        let mapped = rows::<L>(&mut work, self.senses());
        let [pull, conductance] = [0, 1].map(|_| rows::<L>(&mut work, units));
        let [sensory_pull, sensory_conductance] = [0, 1].map(|_| rows::<L>(&mut trace, units));
        // The senses stay as they are for the whole step.
        self.map_inputs(moment.inputs.as_chunks::<L>().0, mapped);
        self.sensory.open::<L>(mapped, &mut open[..self.sensory.len()]);
        self.sensory.sum::<L>(open, sensory_pull, sensory_conductance);
        if self.options.solver != Solver::Fused {
            let mut flow = LtcFlow {
                cell: self,
                open: &mut open[..self.synapses.len()],
                sums: [pull, conductance],
                sensory: [sensory_pull, sensory_conductance],
                reverse: None,
            };
            explicit::step(self.options.solver, self.options.substeps, elapsed, &mut flow, state, trace);
            return;
        }
        let per_substep = elapsed.map(|elapsed| self.options.substeps as f64 / elapsed);
        for _ in 0..self.options.substeps {
            rows::<L>(&mut trace, units).copy_from_slice(state);
            self.synapses.open::<L>(state, &mut open[..self.synapses.len()]);
            self.synapses.sum::<L>(open, pull, conductance);
            for unit in 0..units {
                let (leak, capacitance) = (self.leak[unit], self.capacitance[unit]);
                let drive = leak * self.rest[unit];
                let still = leak + self.options.epsilon;
                let (v, p, q) = (state[unit], pull[unit], conductance[unit]);
                let (sensory_p, sensory_q) = (sensory_pull[unit], sensory_conductance[unit]);
                state[unit] = from_fn(|lane| {
                    let inertia = capacitance * per_substep[lane];
                    (inertia * v[lane] + drive + p[lane] + sensory_p[lane])
                        / (inertia + still + q[lane] + sensory_q[lane])
                });
            }
        }
        rows::<L>(&mut trace, units).copy_from_slice(state);
    }

    #[inline(always)]
    fn run_back<const L: usize>(
        &self,
        moment: &Moment,
        mut trace: &[f64],
        mut work: &mut [f64],
        adjoint: &mut Adjoint,
    ) {
        let units = self.units();
        let elapsed: &Row<L> = &moment.elapsed.as_chunks::<L>().0[0];
        let open = rows::<L>(&mut work, self.open());
        let mapped = rows::<L>(&mut work, self.senses());
        let [pull, conductance, d_pull, d_conductance] = [0, 1, 2, 3].map(|_| rows::<L>(&mut work, units));
        let [sensory_d_pull, sensory_d_conductance] = [0, 1].map(|_| rows::<L>(&mut work, units));
        sensory_d_pull.fill([0.0; L]);
        sensory_d_conductance.fill([0.0; L]);
        let [sensory_pull, sensory_conductance] = [0, 1].map(|_| read_rows::<L>(&mut trace, units));
        let state = adjoint.state.as_chunks_mut::<L>().0;
        let d_elapsed = &mut adjoint.elapsed.as_chunks_mut::<L>().0[0];
        let mut sums: &mut [f64] = &mut *adjoint.sums;
        let synapse_sums = rows::<L>(&mut sums, SUMS * self.synapses.len());
        let sensory_sums = rows::<L>(&mut sums, SUMS * self.sensory.len());
        let [d_leak, d_rest, d_capacitance] = [0, 1, 2].map(|_| rows::<L>(&mut sums, units));
        if self.options.solver == Solver::Fused {
            let trace = trace.as_chunks::<L>().0;
            let per_substep = elapsed.map(|elapsed| self.options.substeps as f64 / elapsed);
            for substep in (0..self.options.substeps).rev() {
                let before = &trace[substep * units..(substep + 1) * units];
                let after = &trace[(substep + 1) * units..(substep + 2) * units];
                self.synapses.open::<L>(before, &mut open[..self.synapses.len()]);
                self.synapses.sum::<L>(open, pull, conductance);
                for unit in 0..units {
                    let (leak, rest, capacitance) = (self.leak[unit], self.rest[unit], self.capacitance[unit]);
                    let still = leak + self.options.epsilon;
                    let (old, new, lambda) = (&before[unit], &after[unit], &state[unit]);
                    let (q, sensory_q) = (&conductance[unit], &sensory_conductance[unit]);
                    let inertia: Row<L> = from_fn(|lane| capacitance * per_substep[lane]);
                    let d_above: Row<L> =
                        from_fn(|lane| lambda[lane] / (inertia[lane] + still + q[lane] + sensory_q[lane]));
                    let d_inertia: Row<L> = from_fn(|lane| d_above[lane] * (old[lane] - new[lane]));
                    let d_below: Row<L> = from_fn(|lane| -new[lane] * d_above[lane]);
                    add(&mut sensory_d_pull[unit], |lane| d_above[lane]);
                    add(&mut sensory_d_conductance[unit], |lane| d_below[lane]);
                    add(&mut d_leak[unit], |lane| d_above[lane] * (rest - new[lane]));
                    add(&mut d_rest[unit], |lane| d_above[lane] * leak);
                    add(&mut d_capacitance[unit], |lane| d_inertia[lane] * per_substep[lane]);
                    add(d_elapsed, |lane| -d_inertia[lane] * inertia[lane] / elapsed[lane]);
                    d_pull[unit] = d_above;
                    d_conductance[unit] = d_below;
                    state[unit] = from_fn(|lane| d_above[lane] * inertia[lane]);
                }
                self.synapses.back::<L>(before, open, [d_pull, d_conductance], state, synapse_sums);
            }
        } else {
            let mut flow = LtcFlow {
                cell: self,
                open: &mut open[..self.synapses.len()],
                sums: [pull, conductance],
                sensory: [sensory_pull, sensory_conductance],
                reverse: Some(Reverse {
                    sums: [d_pull, d_conductance],
                    sensory: [sensory_d_pull, sensory_d_conductance],
                    synapses: synapse_sums,
                    neurons: [d_leak, d_rest, d_capacitance],
                }),
            };
            let options = self.options;
            explicit::step_back(
                options.solver,
                options.substeps,
                (elapsed, d_elapsed),
                &mut flow,
                state,
                trace,
                &mut *work,
            );
        }
        let inputs = moment.inputs.as_chunks::<L>().0;
        self.map_inputs(inputs, mapped);
        self.sensory.open::<L>(mapped, &mut open[..self.sensory.len()]);
        let d_mapped = rows::<L>(&mut sums, self.senses());
        d_mapped.fill([0.0; L]);
        let d_sensory = [&*sensory_d_pull, &*sensory_d_conductance];
        self.sensory.back::<L>(mapped, open, d_sensory, d_mapped, sensory_sums);
        let [d_scale, d_offset] = [0, 1].map(|_| rows::<L>(&mut sums, self.senses()));
        let d_inputs = adjoint.inputs.as_chunks_mut::<L>().0;
        for sense in 0..self.senses() {
            for lane in 0..L {
                let d = d_mapped[sense][lane];
                d_scale[sense][lane] += d * inputs[sense][lane];
                d_offset[sense][lane] += d;
                d_inputs[sense][lane] += d * self.scale[sense];
            }
        }
    }

    fn settle_lanes<const L: usize>(&self, mut sums: &[f64], mut weights: &mut [f64]) {
        let units = self.units();
        let (mut neurons, rest) = std::mem::take(&mut weights).split_at_mut(3 * units);
        weights = rest;
        self.synapses.settle::<L>(&mut sums, &mut weights);
        self.sensory.settle::<L>(&mut sums, &mut weights);
        let mut gather = |slope: Option<&[f64]>| {
            let (own, rest) = std::mem::take(&mut neurons).split_at_mut(units);
            neurons = rest;
            for (unit, (own, row)) in own.iter_mut().zip(read_rows::<L>(&mut sums, units)).enumerate() {
                *own += over_lanes(row) * slope.map_or(1.0, |slope| slope[unit]);
            }
        };
        gather(Some(&self.slopes[0]));
        gather(None);
        gather(Some(&self.slopes[1]));
        read_rows::<L>(&mut sums, self.senses());
        for own in weights.chunks_exact_mut(self.senses().max(1)) {
            for (own, row) in own.iter_mut().zip(read_rows::<L>(&mut sums, self.senses())) {
                *own += over_lanes(row);
            }
        }
    }
}

impl Cell for Ltc {
    fn inputs(&self) -> usize {
        self.senses()
    }

    fn states(&self) -> usize {
        self.units()
    }

    fn tensors(&self) -> Vec<Tensor> {
        let neurons =
            ["gleak", "vleak", "cm"].map(|letter| Tensor::whole(format!("rnn_cell.{letter}"), &[self.units()]));
        let mut tensors = neurons.to_vec();
        tensors.extend(self.synapses.tensors("rnn_cell."));
        tensors.extend(self.sensory.tensors("rnn_cell.sensory_"));
        tensors.extend(self.options.input_map.tensors("rnn_cell.input_w", "rnn_cell.input_b", self.senses()));
        tensors
    }

    fn masks(&self) -> Vec<(Tensor, Vec<f64>)> {
        let mask = Tensor::whole("rnn_cell.sparsity_mask", &[self.units(), self.units()]);
        let sensory = Tensor::whole("rnn_cell.sensory_sparsity_mask", &[self.senses(), self.units()]);
        vec![(mask, self.synapses.dense_mask()), (sensory, self.sensory.dense_mask())]
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("cell", "ltc".into()),
            ("implicit_param_constraints", self.options.implicit.to_string()),
            ("ode_unfolds", self.options.substeps.to_string()),
            ("epsilon", self.options.epsilon.to_string()),
            ("solver", self.options.solver.name().into()),
        ]
    }

    fn take(&mut self, mut weights: &[f64]) {
        let units = self.units();
        for unit in 0..units {
            (self.leak[unit], self.slopes[0][unit]) = self.positive(weights[unit]);
            self.rest[unit] = weights[units + unit];
            (self.capacitance[unit], self.slopes[1][unit]) = self.positive(weights[2 * units + unit]);
        }
        weights = &weights[3 * units..];
        let (mut synapses, mut sensory) = (self.synapses.clone(), self.sensory.clone());
        synapses.take(&mut weights, |stored| self.positive(stored));
        sensory.take(&mut weights, |stored| self.positive(stored));
        (self.synapses, self.sensory) = (synapses, sensory);
        let mut maps = weights.chunks_exact(self.scale.len().max(1));
        if let Some(scale) = maps.next() {
            self.scale.copy_from_slice(scale);
        }
        if let Some(offset) = maps.next() {
            self.offset.copy_from_slice(offset);
        }
    }

    /// Clips weights, leaks and capacitances at 0, where they are stored as they are.
    fn constrain(&self, weights: &mut [f64]) {
        if self.options.implicit {
            return;
        }
        let mut left = weights;
        for tensor in self.tensors() {
            let (own, rest) = left.split_at_mut(tensor.weights());
            left = rest;
            if ["gleak", "cm", "w", "sensory_w"].iter().any(|letter| tensor.name == format!("rnn_cell.{letter}")) {
                own.iter_mut().for_each(|weight| *weight = weight.max(0.0));
            }
        }
    }

    fn trace(&self) -> usize {
        self.trace_rows()
    }

    fn work(&self) -> usize {
        self.open() + self.senses() + 9 * self.units()
    }

    fn sums(&self) -> usize {
        SUMS * (self.synapses.len() + self.sensory.len()) + 3 * self.units() + 3 * self.senses()
    }

    fn papers(&self) -> &'static [&'static str] {
        &[
            "Hasani et al. 2021, Liquid time-constant networks, AAAI 35:7657, doi:10.1609/aaai.v35i9.16936",
            "Lechner et al. 2020, Neural circuit policies enabling auditable autonomy, Nat Mach Intell 2:642, doi:10.1038/s42256-020-00237-3",
        ]
    }

    in_lanes!(sums);
}

/// dv/dt of the neurons, for the explicit solvers: (g (E − v) + P − Q v) / c.
struct LtcFlow<'a, const L: usize> {
    cell: &'a Ltc,
    open: &'a mut [Row<L>],
    sums: [&'a mut [Row<L>]; 2],
    sensory: [&'a [Row<L>]; 2],
    reverse: Option<Reverse<'a, L>>,
}

/// Where the flow in reverse adds: ∂P, ∂Q; the same for the senses; the sums of the synapses; ∂g, ∂E, ∂c.
struct Reverse<'a, const L: usize> {
    sums: [&'a mut [Row<L>]; 2],
    sensory: [&'a mut [Row<L>]; 2],
    synapses: &'a mut [Row<L>],
    neurons: [&'a mut [Row<L>]; 3],
}

impl<const L: usize> Flow<L> for LtcFlow<'_, L> {
    #[inline(always)]
    fn flow(&mut self, at: &[Row<L>], value: &mut [Row<L>]) {
        let cell = self.cell;
        let [pull, conductance] = &mut self.sums;
        cell.synapses.open::<L>(at, self.open);
        cell.synapses.sum::<L>(self.open, pull, conductance);
        for unit in 0..at.len() {
            for lane in 0..L {
                let v = at[unit][lane];
                let currents = cell.leak[unit] * (cell.rest[unit] - v) + pull[unit][lane] + self.sensory[0][unit][lane]
                    - v * (conductance[unit][lane] + self.sensory[1][unit][lane]);
                value[unit][lane] = currents / cell.capacitance[unit];
            }
        }
    }

    #[inline(always)]
    fn flow_back(&mut self, at: &[Row<L>], value: &[Row<L>], d_value: &[Row<L>], d_at: &mut [Row<L>]) {
        let cell = self.cell;
        let Some(reverse) = &mut self.reverse else { return };
        let [pull, conductance] = &mut self.sums;
        cell.synapses.open::<L>(at, self.open);
        cell.synapses.sum::<L>(self.open, pull, conductance);
        let [d_pull, d_conductance] = &mut reverse.sums;
        for unit in 0..at.len() {
            for lane in 0..L {
                let v = at[unit][lane];
                let d_currents = d_value[unit][lane] / cell.capacitance[unit];
                d_pull[unit][lane] = d_currents;
                d_conductance[unit][lane] = -v * d_currents;
                reverse.sensory[0][unit][lane] += d_currents;
                reverse.sensory[1][unit][lane] -= v * d_currents;
                reverse.neurons[0][unit][lane] += d_currents * (cell.rest[unit] - v);
                reverse.neurons[1][unit][lane] += d_currents * cell.leak[unit];
                reverse.neurons[2][unit][lane] -= d_currents * value[unit][lane];
                let all = cell.leak[unit] + conductance[unit][lane] + self.sensory[1][unit][lane];
                d_at[unit][lane] = -d_currents * all;
            }
        }
        cell.synapses.back::<L>(at, self.open, [&**d_pull, &**d_conductance], d_at, reverse.synapses);
    }
}
