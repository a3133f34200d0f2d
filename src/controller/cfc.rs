//! The closed-form continuous-time cell: the answer of a liquid neuron without a solver.
//!
//!   x = backbone([u, h])                    layers of W· + b and an activation; none of them: x = [u, h]
//!   f₁ = W₁ x + b₁,  f₂ = W₂ x + b₂,  g = σ(T (W_a x + b_a) + W_b x + b_b)
//!
//!   default   h′ = tanh f₁ · (1 − g) + tanh f₂ · g
//!   no_gate   h′ = tanh f₁ + tanh f₂ · g
//!   pure      h′ = A − A e^(−T (|w| + |f₁|)) f₁
//!
//! A wired cell is a chain of them without backbones, one per layer of the wiring (inter, command, motor), each of which reads
//! the one before in the same step. Its masks cut W₁ and W₂ between layers; W_a and W_b stay dense, inside a layer everyone
//! speaks to everyone, and polarity and synapses between command neurons have no meaning, all as in ncps.
//!
//! Source: Hasani et al. 2022, Nat Mach Intell 4:992–1003, doi:10.1038/s42256-022-00556-7, equations 3 to 5; the modes as in
//! ncps 1.0.1, CfCCell and WiredCfCCell. The derivative of |x| at 0 is taken as 0.

use super::activation::Activation;
use super::cell::{Adjoint, Cell, Moment, Tensor};
use super::lanes::{Linear, Row, in_lanes, over_lanes, rows};
use crate::math::{exp, logistic, tanh};

/// How the two answers f₁ and f₂ become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The gate moves from the first to the second.
    #[default]
    Default,
    /// The second is added through the gate.
    NoGate,
    /// The solution as it is, with one answer.
    Pure,
}

impl Mode {
    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::NoGate => "no_gate",
            Self::Pure => "pure",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Default, Self::NoGate, Self::Pure].into_iter().find(|mode| mode.name() == name)
    }
}

/// One cell of the chain.
#[derive(Debug, Clone)]
struct Layer {
    name: String,
    inputs: usize,
    units: usize,
    mode: Mode,
    activation: Activation,
    backbone: Vec<Linear>,
    /// W₁, then W₂, W_a, W_b but in mode pure.
    heads: Vec<Linear>,
    /// w and A of mode pure.
    decay: [Vec<f64>; 2],
    mask: Option<Vec<f64>>,
}

/// A cell with its weights: one layer with a backbone, or a chain without.
#[derive(Debug, Clone)]
pub struct Cfc {
    layers: Vec<Layer>,
    wired: bool,
}

/// The backbone of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backbone {
    /// Its activation.
    pub activation: Activation,
    /// Neurons in each layer.
    pub units: usize,
    /// The number of each layer in the state dict: 0, 2, 4, … but where dropout stands between.
    pub layers: Vec<usize>,
}

impl Cfc {
    /// A cell on `inputs` with `units` neurons.
    pub fn new(inputs: usize, units: usize, mode: Mode, backbone: &Backbone) -> Self {
        Self { layers: vec![Layer::new("rnn_cell.".into(), inputs, units, mode, backbone, None)], wired: false }
    }

    /// A chain on `inputs`: per layer its number of neurons and its mask, row-major (neurons, inputs of the layer + neurons).
    pub fn wired(inputs: usize, layers: Vec<(usize, Vec<f64>)>, mode: Mode) -> Self {
        let none = Backbone { activation: Activation::LecunTanh, units: 0, layers: Vec::new() };
        let mut inputs = inputs;
        let make = |(index, (units, mask)): (usize, (usize, Vec<f64>))| {
            let layer = Layer::new(format!("rnn_cell.layer_{index}."), inputs, units, mode, &none, Some(mask));
            inputs = units;
            layer
        };
        Self { layers: layers.into_iter().enumerate().map(make).collect(), wired: true }
    }

    /// Where in the state its last layer stands: the first of its neurons, and how many.
    pub fn last_layer(&self) -> (usize, usize) {
        let last = self.layers.last().map_or(0, |layer| layer.units);
        (self.states() - last, last)
    }

    #[inline(always)]
    fn run<const L: usize>(&self, moment: &Moment, state: &mut [f64], mut trace: &mut [f64], work: &mut [f64]) {
        let elapsed: &Row<L> = &moment.elapsed.as_chunks::<L>().0[0];
        let mut state = state;
        let mut inputs: &[Row<L>] = moment.inputs.as_chunks::<L>().0;
        for layer in &self.layers {
            let own = rows::<L>(&mut state, layer.units);
            layer.run(elapsed, inputs, own, rows::<L>(&mut trace, layer.trace_rows()), work);
            inputs = own;
        }
    }

    #[inline(always)]
    fn run_back<const L: usize>(&self, moment: &Moment, trace: &[f64], work: &mut [f64], adjoint: &mut Adjoint) {
        let elapsed: &Row<L> = &moment.elapsed.as_chunks::<L>().0[0];
        let d_elapsed = &mut adjoint.elapsed.as_chunks_mut::<L>().0[0];
        let d_state = adjoint.state.as_chunks_mut::<L>().0;
        let d_inputs = adjoint.inputs.as_chunks_mut::<L>().0;
        let trace = trace.as_chunks::<L>().0;
        let (mut states, mut traces, mut weights) = (d_state.len(), trace.len(), adjoint.weights.len());
        for (index, layer) in self.layers.iter().enumerate().rev() {
            (states, traces) = (states - layer.units, traces - layer.trace_rows());
            weights -= layer.len();
            // What a layer reads is the new state of the one before it.
            let (before, own) = d_state.split_at_mut(states);
            let d_read = if index == 0 { &mut *d_inputs } else { &mut before[states - self.layers[index - 1].units..] };
            layer.run_back(
                (elapsed, d_elapsed),
                &trace[traces..traces + layer.trace_rows()],
                work,
                (d_read, &mut own[..layer.units]),
                &mut adjoint.weights[weights..weights + layer.len()],
            );
        }
    }
}

impl Layer {
    fn new(name: String, inputs: usize, units: usize, mode: Mode, backbone: &Backbone, mask: Option<Vec<f64>>) -> Self {
        let mut width = inputs + units;
        let mut layers = Vec::new();
        for index in &backbone.layers {
            layers.push(Linear::new(format!("{name}backbone.{index}"), width, backbone.units, true));
            width = backbone.units;
        }
        let heads: &[&str] = if mode == Mode::Pure { &["ff1"] } else { &["ff1", "ff2", "time_a", "time_b"] };
        let heads = heads.iter().map(|head| {
            let linear = Linear::new(format!("{name}{head}"), width, units, true);
            match &mask {
                Some(mask) if head.starts_with("ff") => linear.masked(mask.clone()),
                _ => linear,
            }
        });
        Self {
            inputs,
            units,
            mode,
            activation: backbone.activation,
            heads: heads.collect(),
            backbone: layers,
            decay: [vec![0.0; units], vec![1.0; units]],
            mask,
            name,
        }
    }

    fn linears(&self) -> impl Iterator<Item = &Linear> {
        self.backbone.iter().chain(&self.heads)
    }

    fn tensors(&self) -> Vec<Tensor> {
        let mut tensors: Vec<Tensor> = self.linears().flat_map(Linear::tensors).collect();
        if self.mode == Mode::Pure {
            tensors.extend(["w_tau", "A"].map(|name| Tensor::whole(format!("{}{name}", self.name), &[1, self.units])));
        }
        tensors
    }

    /// How many weights it has.
    fn len(&self) -> usize {
        let decay = if self.mode == Mode::Pure { 2 * self.units } else { 0 };
        self.linears().map(Linear::len).sum::<usize>() + decay
    }

    fn take(&mut self, weights: &mut &[f64]) {
        for linear in self.backbone.iter_mut().chain(&mut self.heads) {
            linear.take(weights);
        }
        if self.mode == Mode::Pure {
            for decay in &mut self.decay {
                let (own, rest) = weights.split_at(self.units);
                decay.copy_from_slice(own);
                *weights = rest;
            }
        }
    }

    fn width(&self) -> usize {
        self.inputs + self.units
    }

    fn backbone_rows(&self) -> usize {
        self.backbone.iter().map(|linear| 2 * linear.outputs()).sum()
    }

    /// \[u, h\]; per layer of the backbone, before and after its activation; what the heads say.
    fn trace_rows(&self) -> usize {
        self.width() + self.backbone_rows() + 4 * self.units
    }

    fn work_rows(&self) -> usize {
        let widest = self.backbone.iter().map(Linear::outputs).max().unwrap_or(0).max(self.width());
        2 * widest + 4 * self.units
    }

    #[inline(always)]
    fn run<const L: usize>(
        &self,
        elapsed: &Row<L>,
        inputs: &[Row<L>],
        state: &mut [Row<L>],
        trace: &mut [Row<L>],
        mut work: &mut [f64],
    ) {
        let (joined, trace) = trace.split_at_mut(self.width());
        joined[..self.inputs].copy_from_slice(inputs);
        joined[self.inputs..].copy_from_slice(state);
        let (backbone, heads) = trace.split_at_mut(self.backbone_rows());
        let mut x: &[Row<L>] = joined;
        let mut left = backbone;
        for linear in &self.backbone {
            let (own, rest) = left.split_at_mut(2 * linear.outputs());
            let (before, after) = own.split_at_mut(linear.outputs());
            linear.apply(x, before);
            self.activation.apply(before, after);
            (x, left) = (after, rest);
        }
        let (f1, heads) = heads.split_at_mut(self.units);
        self.heads[0].apply(x, f1);
        if self.mode == Mode::Pure {
            let decay = &mut heads[..self.units];
            let [w, a] = &self.decay;
            for unit in 0..self.units {
                for lane in 0..L {
                    let f = f1[unit][lane];
                    decay[unit][lane] = exp(-elapsed[lane] * (w[unit].abs() + f.abs()));
                    state[unit][lane] = a[unit] - a[unit] * decay[unit][lane] * f;
                }
            }
            return;
        }
        let (f2, heads) = heads.split_at_mut(self.units);
        let (gate, time_a) = heads.split_at_mut(self.units);
        let time_b = rows::<L>(&mut work, self.units);
        self.heads[1].apply(x, f2);
        self.heads[2].apply(x, time_a);
        self.heads[3].apply(x, time_b);
        f1.as_flattened_mut().iter_mut().chain(f2.as_flattened_mut()).for_each(|f| *f = tanh(*f));
        for unit in 0..self.units {
            for lane in 0..L {
                let g = logistic(time_a[unit][lane].mul_add(elapsed[lane], time_b[unit][lane]));
                let first = if self.mode == Mode::Default { 1.0 - g } else { 1.0 };
                gate[unit][lane] = g;
                state[unit][lane] = f1[unit][lane] * first + g * f2[unit][lane];
            }
        }
    }

    /// `d_state` is ∂L/∂h′ and becomes ∂L/∂h; `d_read` is added to.
    #[inline(always)]
    fn run_back<const L: usize>(
        &self,
        (elapsed, d_elapsed): (&Row<L>, &mut Row<L>),
        trace: &[Row<L>],
        mut work: &mut [f64],
        (d_read, d_state): (&mut [Row<L>], &mut [Row<L>]),
        d_weights: &mut [f64],
    ) {
        let (joined, rest) = trace.split_at(self.width());
        let (backbone, heads) = rest.split_at(self.backbone_rows());
        let widest = (self.work_rows() - 4 * self.units) / 2;
        let [mut d_x, mut d_below] = [0, 1].map(|_| rows::<L>(&mut work, widest));
        let d_heads = rows::<L>(&mut work, 4 * self.units);
        let backbone_weights: usize = self.backbone.iter().map(Linear::len).sum();
        let (for_backbone, mut for_heads) = d_weights.split_at_mut(backbone_weights);
        let x = match self.backbone.last() {
            Some(last) => &backbone[backbone.len() - last.outputs()..],
            None => joined,
        };
        let d_x_len = x.len();
        d_x[..d_x_len].fill([0.0; L]);
        let head = |which: usize| &heads[which * self.units..(which + 1) * self.units];
        if self.mode == Mode::Pure {
            let (f1, decay) = (head(0), head(1));
            let [w, a] = &self.decay;
            let decays = for_heads.len() - 2 * self.units;
            for unit in 0..self.units {
                let (mut d_w, mut d_a) = ([0.0; L], [0.0; L]);
                for lane in 0..L {
                    let (f, e, d) = (f1[unit][lane], decay[unit][lane], d_state[unit][lane]);
                    let shrink = d * a[unit] * e * f;
                    d_a[lane] = d * (1.0 - e * f);
                    d_w[lane] = shrink * elapsed[lane] * sign(w[unit]);
                    d_elapsed[lane] += shrink * (w[unit].abs() + f.abs());
                    d_heads[unit][lane] = -d * a[unit] * e + shrink * elapsed[lane] * sign(f);
                }
                for_heads[decays + unit] += over_lanes(&d_w);
                for_heads[decays + self.units + unit] += over_lanes(&d_a);
            }
        } else {
            let (f1, f2, gate, time_a) = (head(0), head(1), head(2), head(3));
            let (d_f1, rest) = d_heads.split_at_mut(self.units);
            let (d_f2, rest) = rest.split_at_mut(self.units);
            let (d_time_a, d_time_b) = rest.split_at_mut(self.units);
            let gated = self.mode == Mode::Default;
            for unit in 0..self.units {
                for lane in 0..L {
                    let (t1, t2, g, d) = (f1[unit][lane], f2[unit][lane], gate[unit][lane], d_state[unit][lane]);
                    let (first, d_g) = if gated { (1.0 - g, t2 - t1) } else { (1.0, t2) };
                    let d_time = d * d_g * g * (1.0 - g);
                    d_f1[unit][lane] = d * first * (1.0 - t1 * t1);
                    d_f2[unit][lane] = d * g * (1.0 - t2 * t2);
                    d_time_a[unit][lane] = d_time * elapsed[lane];
                    d_time_b[unit][lane] = d_time;
                    d_elapsed[lane] += d_time * time_a[unit][lane];
                }
            }
        }
        for (which, linear) in self.heads.iter().enumerate() {
            let own = &d_heads[which * self.units..(which + 1) * self.units];
            linear.back(x, own, &mut d_x[..d_x_len], &mut for_heads);
        }
        let (mut trace_end, mut weights_end) = (backbone.len(), for_backbone.len());
        for (index, linear) in self.backbone.iter().enumerate().rev() {
            let outputs = linear.outputs();
            let own = &backbone[trace_end - 2 * outputs..trace_end];
            trace_end -= 2 * outputs;
            let below = match index {
                0 => joined,
                _ => &backbone[trace_end - self.backbone[index - 1].outputs()..trace_end],
            };
            self.activation.back(&own[..outputs], &own[outputs..], &mut d_x[..outputs]);
            d_below[..below.len()].fill([0.0; L]);
            let mut weights = &mut for_backbone[weights_end - linear.len()..weights_end];
            weights_end -= linear.len();
            linear.back(below, &d_x[..outputs], &mut d_below[..below.len()], &mut weights);
            std::mem::swap(&mut d_x, &mut d_below);
        }
        for (d_read, d_x) in d_read.iter_mut().zip(&d_x[..self.inputs]) {
            for (d_read, d_x) in d_read.iter_mut().zip(d_x) {
                *d_read += d_x;
            }
        }
        d_state.copy_from_slice(&d_x[self.inputs..self.width()]);
    }
}

/// −1, 0 or 1.
#[inline(always)]
fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

impl Cell for Cfc {
    fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    fn states(&self) -> usize {
        self.layers.iter().map(|layer| layer.units).sum()
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.layers.iter().flat_map(Layer::tensors).collect()
    }

    fn masks(&self) -> Vec<(Tensor, Vec<f64>)> {
        let mask = |layer: &Layer| {
            let shape = [layer.units, layer.width()];
            Some((Tensor::whole(format!("{}sparsity_mask", layer.name), &shape), layer.mask.clone()?))
        };
        self.layers.iter().filter_map(mask).collect()
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let Some(layer) = self.layers.first() else { return Vec::new() };
        let mut settings = vec![("cell", if self.wired { "wired_cfc" } else { "cfc" }.into())];
        settings.push(("mode", layer.mode.name().into()));
        if !self.wired {
            settings.push(("activation", layer.activation.name().into()));
        }
        settings
    }

    fn take(&mut self, mut weights: &[f64]) {
        for layer in &mut self.layers {
            layer.take(&mut weights);
        }
    }

    fn trace(&self) -> usize {
        self.layers.iter().map(Layer::trace_rows).sum()
    }

    fn work(&self) -> usize {
        self.layers.iter().map(Layer::work_rows).max().unwrap_or(0)
    }

    fn papers(&self) -> &'static [&'static str] {
        &[
            "Hasani et al. 2022, Closed-form continuous-time neural networks, Nat Mach Intell 4:992, doi:10.1038/s42256-022-00556-7",
        ]
    }

    in_lanes!();
}
