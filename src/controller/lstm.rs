//! Long short-term memory, in the words of torch and in those of ncps.
//!
//!   torch   i, f, g, o = W u + b + R h + b′,   c′ = c σ(f) + tanh(g) σ(i),        h′ = tanh(c′) σ(o)
//!   ncps    g, i, f, o = W u + b + R h,        c′ = c σ(f + 1) + tanh(g) σ(i),    h′ = tanh(c′) σ(o)
//!
//! The state is h, then c. The 1 of ncps opens the forget gate of an untrained cell.
//!
//! Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; torch.nn.LSTM; ncps 1.0.1, LSTMCell.

use super::cell::{Adjoint, Cell, Moment, Tensor};
use super::lanes::{Linear, in_lanes, rows};
use crate::math::{logistic, tanh};

/// A cell with its weights.
#[derive(Debug, Clone)]
pub struct Lstm {
    inputs: usize,
    units: usize,
    ncps: bool,
    from_inputs: Linear,
    from_state: Linear,
}

impl Lstm {
    /// As `torch.nn.LSTM` of one layer called `rnn`.
    pub fn new(inputs: usize, units: usize) -> Self {
        let from_inputs = Linear::new("rnn.ih", inputs, 4 * units, true);
        Self { inputs, units, ncps: false, from_inputs, from_state: Linear::new("rnn.hh", units, 4 * units, true) }
    }

    /// As the memory of a mixed-memory cell of ncps.
    pub fn memory(inputs: usize, units: usize) -> Self {
        let from_inputs = Linear::new("lstm.input_map", inputs, 4 * units, true);
        let from_state = Linear::new("lstm.recurrent_map", units, 4 * units, false);
        Self { inputs, units, ncps: true, from_inputs, from_state }
    }

    /// Where the gates i, f, g and o stand.
    #[inline(always)]
    fn order(&self) -> [usize; 4] {
        if self.ncps { [1, 2, 0, 3] } else { [0, 1, 2, 3] }
    }

    #[inline(always)]
    fn run<const L: usize>(&self, moment: &Moment, state: &mut [f64], mut trace: &mut [f64], _work: &mut [f64]) {
        let units = self.units;
        let (h, c) = state.as_chunks_mut::<L>().0.split_at_mut(units);
        let before = rows::<L>(&mut trace, 2 * units);
        before[..units].copy_from_slice(h);
        before[units..].copy_from_slice(c);
        let gates = rows::<L>(&mut trace, 4 * units);
        let new = rows::<L>(&mut trace, units);
        self.from_inputs.apply(moment.inputs.as_chunks::<L>().0, gates);
        if !self.ncps {
            self.from_state.add_bias(gates);
        }
        self.from_state.add(h, gates);
        let [i, f, g, o] = self.order().map(|place| place * units);
        let open = if self.ncps { 1.0 } else { 0.0 };
        for unit in 0..units {
            for lane in 0..L {
                let keep = logistic(gates[f + unit][lane] + open);
                let (write, say) = (logistic(gates[i + unit][lane]), logistic(gates[o + unit][lane]));
                let value = tanh(gates[g + unit][lane]);
                c[unit][lane] = c[unit][lane] * keep + value * write;
                new[unit][lane] = tanh(c[unit][lane]);
                h[unit][lane] = new[unit][lane] * say;
                gates[i + unit][lane] = write;
                gates[f + unit][lane] = keep;
                gates[g + unit][lane] = value;
                gates[o + unit][lane] = say;
            }
        }
    }

    #[inline(always)]
    fn run_back<const L: usize>(&self, moment: &Moment, trace: &[f64], mut work: &mut [f64], adjoint: &mut Adjoint) {
        let units = self.units;
        let trace = trace.as_chunks::<L>().0;
        let (before, rest) = trace.split_at(2 * units);
        let (gates, new) = rest.split_at(4 * units);
        let d_gates = rows::<L>(&mut work, 4 * units);
        let (d_h, d_c) = adjoint.state.as_chunks_mut::<L>().0.split_at_mut(units);
        let [i, f, g, o] = self.order().map(|place| place * units);
        for unit in 0..units {
            for lane in 0..L {
                let (write, keep) = (gates[i + unit][lane], gates[f + unit][lane]);
                let (value, say, t) = (gates[g + unit][lane], gates[o + unit][lane], new[unit][lane]);
                let d_new = d_c[unit][lane] + d_h[unit][lane] * say * (1.0 - t * t);
                d_gates[o + unit][lane] = d_h[unit][lane] * t * say * (1.0 - say);
                d_gates[f + unit][lane] = d_new * before[units + unit][lane] * keep * (1.0 - keep);
                d_gates[i + unit][lane] = d_new * value * write * (1.0 - write);
                d_gates[g + unit][lane] = d_new * write * (1.0 - value * value);
                d_c[unit][lane] = d_new * keep;
            }
        }
        d_h.fill([0.0; L]);
        let mut weights = &mut *adjoint.weights;
        let d_inputs = adjoint.inputs.as_chunks_mut::<L>().0;
        self.from_inputs.back(moment.inputs.as_chunks::<L>().0, d_gates, d_inputs, &mut weights);
        self.from_state.back(&before[..units], d_gates, d_h, &mut weights);
    }
}

impl Cell for Lstm {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn states(&self) -> usize {
        2 * self.units
    }

    fn visible(&self) -> usize {
        self.units
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.from_inputs.tensors().into_iter().chain(self.from_state.tensors()).map(as_torch).collect()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        if self.ncps { vec![("mixed_memory", "true".into())] } else { vec![("cell", "lstm".into())] }
    }

    fn take(&mut self, mut weights: &[f64]) {
        self.from_inputs.take(&mut weights);
        self.from_state.take(&mut weights);
    }

    fn trace(&self) -> usize {
        7 * self.units
    }

    fn work(&self) -> usize {
        4 * self.units
    }

    fn papers(&self) -> &'static [&'static str] {
        &["Hochreiter & Schmidhuber 1997, Long short-term memory, Neural Comput 9:1735, doi:10.1162/neco.1997.9.8.1735"]
    }

    in_lanes!();
}

/// The names of torch: "rnn.ih.weight" stands there as "rnn.weight_ih_l0".
pub(super) fn as_torch(tensor: Tensor) -> Tensor {
    let parts: Vec<&str> = tensor.name.split('.').collect();
    match parts[..] {
        ["rnn", part, kind] => Tensor { name: format!("rnn.{kind}_{part}_l0"), ..tensor },
        _ => tensor,
    }
}
