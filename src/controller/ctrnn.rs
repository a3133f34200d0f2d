//! The continuous-time recurrent network: the rival that a liquid neuron is measured against.
//!
//!   dhᵢ/dt = sᵢ tanh(W u + R h + b)ᵢ − rᵢ hᵢ
//!
//! s scale, r rate of forgetting, both per neuron; one step of length T takes K equal substeps of an explicit solver. With
//! r = 0 it is the ODE-RNN.
//!
//! Source: Funahashi & Nakamura 1993, doi:10.1016/S0893-6080(05)80125-X; the form with scale and rate as in
//! raminmh/liquid_time_constant_networks, ctrnn_model.py.

use super::cell::{Adjoint, Cell, Moment, Tensor};
use super::explicit::{self, Flow, Solver};
use super::lanes::{Linear, Row, in_lanes, over_lanes, read_rows, rows};
use crate::math::tanh;

/// A cell with its weights.
#[derive(Debug, Clone)]
pub struct CtRnn {
    inputs: usize,
    solver: Solver,
    substeps: usize,
    from_inputs: Linear,
    from_state: Linear,
    scale: Vec<f64>,
    rate: Vec<f64>,
}

impl CtRnn {
    /// A cell on `inputs` with `units` neurons; `solver` is explicit, `substeps` at least 1.
    pub fn new(inputs: usize, units: usize, solver: Solver, substeps: usize) -> Self {
        Self {
            inputs,
            solver,
            substeps,
            from_inputs: Linear::new("rnn_cell.input_map", inputs, units, true),
            from_state: Linear::new("rnn_cell.recurrent_map", units, units, false),
            scale: vec![1.0; units],
            rate: vec![1.0; units],
        }
    }

    fn units(&self) -> usize {
        self.scale.len()
    }

    #[inline(always)]
    fn run<const L: usize>(&self, moment: &Moment, state: &mut [f64], trace: &mut [f64], mut work: &mut [f64]) {
        let elapsed: &Row<L> = &moment.elapsed.as_chunks::<L>().0[0];
        let [drive, sum] = [0, 1].map(|_| rows::<L>(&mut work, self.units()));
        self.from_inputs.apply(moment.inputs.as_chunks::<L>().0, drive);
        let mut flow = CtRnnFlow { cell: self, drive, sum, reverse: None };
        explicit::step(self.solver, self.substeps, elapsed, &mut flow, state.as_chunks_mut::<L>().0, trace);
    }

    #[inline(always)]
    fn run_back<const L: usize>(&self, moment: &Moment, trace: &[f64], mut work: &mut [f64], adjoint: &mut Adjoint) {
        let units = self.units();
        let elapsed: &Row<L> = &moment.elapsed.as_chunks::<L>().0[0];
        let [drive, sum, d_drive] = [0, 1, 2].map(|_| rows::<L>(&mut work, units));
        d_drive.fill([0.0; L]);
        let inputs = moment.inputs.as_chunks::<L>().0;
        self.from_inputs.apply(inputs, drive);
        let mut sums: &mut [f64] = &mut *adjoint.sums;
        let [d_scale, d_rate] = [0, 1].map(|_| rows::<L>(&mut sums, units));
        let (for_inputs, for_state) = adjoint.weights.split_at_mut(self.from_inputs.len());
        let mut flow = CtRnnFlow {
            cell: self,
            drive,
            sum,
            reverse: Some(Reverse { drive: d_drive, weights: for_state, neurons: [d_scale, d_rate] }),
        };
        let d_elapsed = &mut adjoint.elapsed.as_chunks_mut::<L>().0[0];
        let d_state = adjoint.state.as_chunks_mut::<L>().0;
        explicit::step_back(self.solver, self.substeps, (elapsed, d_elapsed), &mut flow, d_state, trace, work);
        let d_inputs = adjoint.inputs.as_chunks_mut::<L>().0;
        self.from_inputs.back(inputs, d_drive, d_inputs, &mut &mut *for_inputs);
    }

    fn settle_lanes<const L: usize>(&self, mut sums: &[f64], weights: &mut [f64]) {
        let own = weights.len() - 2 * self.units();
        for (weight, row) in weights[own..].iter_mut().zip(read_rows::<L>(&mut sums, 2 * self.units())) {
            *weight += over_lanes(row);
        }
    }
}

impl Cell for CtRnn {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn states(&self) -> usize {
        self.units()
    }

    fn tensors(&self) -> Vec<Tensor> {
        let neurons = ["scale", "rate"].map(|name| Tensor::whole(format!("rnn_cell.{name}"), &[self.units()]));
        self.from_inputs.tensors().into_iter().chain(self.from_state.tensors()).chain(neurons).collect()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("cell", "ctrnn".into()),
            ("solver", self.solver.name().into()),
            ("ode_unfolds", self.substeps.to_string()),
        ]
    }

    fn take(&mut self, mut weights: &[f64]) {
        self.from_inputs.take(&mut weights);
        self.from_state.take(&mut weights);
        let (scale, rate) = weights.split_at(self.units());
        self.scale.copy_from_slice(scale);
        self.rate.copy_from_slice(rate);
    }

    /// A rate below 0 would make a neuron run away.
    fn constrain(&self, weights: &mut [f64]) {
        let rates = weights.len() - self.units();
        weights[rates..].iter_mut().for_each(|rate| *rate = rate.max(0.0));
    }

    fn trace(&self) -> usize {
        explicit::trace_rows(self.solver, self.substeps) * self.units()
    }

    fn work(&self) -> usize {
        6 * self.units()
    }

    fn sums(&self) -> usize {
        2 * self.units()
    }

    fn papers(&self) -> &'static [&'static str] {
        &[
            "Funahashi & Nakamura 1993, Approximation of dynamical systems by continuous time recurrent neural networks, Neural Netw 6:801, doi:10.1016/S0893-6080(05)80125-X",
        ]
    }

    in_lanes!(sums);
}

/// dh/dt with what the inputs add.
struct CtRnnFlow<'a, const L: usize> {
    cell: &'a CtRnn,
    drive: &'a [Row<L>],
    /// W u + R h + b, then its tanh.
    sum: &'a mut [Row<L>],
    reverse: Option<Reverse<'a, L>>,
}

/// Where the flow in reverse adds: ∂(W u + b); ∂R; ∂s and ∂r.
struct Reverse<'a, const L: usize> {
    drive: &'a mut [Row<L>],
    weights: &'a mut [f64],
    neurons: [&'a mut [Row<L>]; 2],
}

impl<const L: usize> Flow<L> for CtRnnFlow<'_, L> {
    #[inline(always)]
    fn flow(&mut self, at: &[Row<L>], value: &mut [Row<L>]) {
        self.sum.copy_from_slice(self.drive);
        self.cell.from_state.add(at, self.sum);
        for unit in 0..at.len() {
            let (scale, rate) = (self.cell.scale[unit], self.cell.rate[unit]);
            for lane in 0..L {
                value[unit][lane] = scale * tanh(self.sum[unit][lane]) - rate * at[unit][lane];
            }
        }
    }

    #[inline(always)]
    fn flow_back(&mut self, at: &[Row<L>], _value: &[Row<L>], d_value: &[Row<L>], d_at: &mut [Row<L>]) {
        let Some(reverse) = &mut self.reverse else { return };
        self.sum.copy_from_slice(self.drive);
        self.cell.from_state.add(at, self.sum);
        let [d_scale, d_rate] = &mut reverse.neurons;
        for unit in 0..at.len() {
            let (scale, rate) = (self.cell.scale[unit], self.cell.rate[unit]);
            for lane in 0..L {
                let (t, d) = (tanh(self.sum[unit][lane]), d_value[unit][lane]);
                d_scale[unit][lane] += d * t;
                d_rate[unit][lane] -= d * at[unit][lane];
                d_at[unit][lane] = -rate * d;
                self.sum[unit][lane] = d * scale * (1.0 - t * t);
                reverse.drive[unit][lane] += self.sum[unit][lane];
            }
        }
        self.cell.from_state.back(at, self.sum, d_at, &mut &mut *reverse.weights);
    }
}
