//! The gated recurrent unit, in the words of torch.
//!
//!   r, z = σ(W u + b + R h + b′),   n = tanh(Wₙ u + bₙ + r (Rₙ h + b′ₙ)),   h′ = (1 − z) n + z h
//!
//! Source: Cho et al. 2014, arXiv:1406.1078, with the reset gate after the product as in torch.nn.GRU.

use super::cell::{Adjoint, Cell, Moment, Tensor};
use super::lanes::{Linear, in_lanes, rows};
use super::lstm::as_torch;
use crate::math::{logistic, tanh};

/// A cell with its weights.
#[derive(Debug, Clone)]
pub struct Gru {
    inputs: usize,
    units: usize,
    from_inputs: Linear,
    from_state: Linear,
}

impl Gru {
    /// As `torch.nn.GRU` of one layer called `rnn`.
    pub fn new(inputs: usize, units: usize) -> Self {
        let from_inputs = Linear::new("rnn.ih", inputs, 3 * units, true);
        Self { inputs, units, from_inputs, from_state: Linear::new("rnn.hh", units, 3 * units, true) }
    }

    #[inline(always)]
    fn run<const L: usize>(&self, moment: &Moment, state: &mut [f64], mut trace: &mut [f64], mut work: &mut [f64]) {
        let units = self.units;
        let h = state.as_chunks_mut::<L>().0;
        rows::<L>(&mut trace, units).copy_from_slice(h);
        let [r, z, n, inner] = [0, 1, 2, 3].map(|_| rows::<L>(&mut trace, units));
        let [inputs, states] = [0, 1].map(|_| rows::<L>(&mut work, 3 * units));
        self.from_inputs.apply(moment.inputs.as_chunks::<L>().0, inputs);
        self.from_state.apply(h, states);
        for unit in 0..units {
            for lane in 0..L {
                let sum =
                    |gate: usize, lane: usize| inputs[gate * units + unit][lane] + states[gate * units + unit][lane];
                r[unit][lane] = logistic(sum(0, lane));
                z[unit][lane] = logistic(sum(1, lane));
                inner[unit][lane] = states[2 * units + unit][lane];
                n[unit][lane] = tanh(inputs[2 * units + unit][lane] + r[unit][lane] * inner[unit][lane]);
                h[unit][lane] = (1.0 - z[unit][lane]) * n[unit][lane] + z[unit][lane] * h[unit][lane];
            }
        }
    }

    #[inline(always)]
    fn run_back<const L: usize>(&self, moment: &Moment, trace: &[f64], mut work: &mut [f64], adjoint: &mut Adjoint) {
        let units = self.units;
        let trace = trace.as_chunks::<L>().0;
        let part = |which: usize| &trace[which * units..(which + 1) * units];
        let (before, r, z, n, inner) = (part(0), part(1), part(2), part(3), part(4));
        let [d_inputs, d_states] = [0, 1].map(|_| rows::<L>(&mut work, 3 * units));
        let d_h = adjoint.state.as_chunks_mut::<L>().0;
        for unit in 0..units {
            for lane in 0..L {
                let (d, z, r, n) = (d_h[unit][lane], z[unit][lane], r[unit][lane], n[unit][lane]);
                let d_n = d * (1.0 - z) * (1.0 - n * n);
                let d_z = d * (before[unit][lane] - n) * z * (1.0 - z);
                let d_r = d_n * inner[unit][lane] * r * (1.0 - r);
                for (gate, d) in [(0, d_r), (1, d_z)] {
                    d_inputs[gate * units + unit][lane] = d;
                    d_states[gate * units + unit][lane] = d;
                }
                d_inputs[2 * units + unit][lane] = d_n;
                d_states[2 * units + unit][lane] = d_n * r;
                d_h[unit][lane] = d * z;
            }
        }
        let mut weights = &mut *adjoint.weights;
        let outward = adjoint.inputs.as_chunks_mut::<L>().0;
        self.from_inputs.back(moment.inputs.as_chunks::<L>().0, d_inputs, outward, &mut weights);
        self.from_state.back(before, d_states, d_h, &mut weights);
    }
}

impl Cell for Gru {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn states(&self) -> usize {
        self.units
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.from_inputs.tensors().into_iter().chain(self.from_state.tensors()).map(as_torch).collect()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("cell", "gru".into())]
    }

    fn take(&mut self, mut weights: &[f64]) {
        self.from_inputs.take(&mut weights);
        self.from_state.take(&mut weights);
    }

    fn trace(&self) -> usize {
        5 * self.units
    }

    fn work(&self) -> usize {
        6 * self.units
    }

    fn papers(&self) -> &'static [&'static str] {
        &["Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078"]
    }

    in_lanes!();
}
