//! Samples side by side: arrays of \[unit\]\[lane\], so that one vector instruction serves several samples, and the
//! linear layer on them.
//!
//! A batch is cut into blocks of [`LANES`] samples, a last incomplete one into single samples. Every sum over units runs in
//! one order whatever the number of lanes, so a sample has the same bits alone and in a batch.

use super::cell::Tensor;

/// How many samples run side by side: two registers of four.
pub const LANES: usize = 8;

/// Samples on a processor's lanes.
pub(super) type Row<const L: usize> = [f64; L];

/// Takes the next `count` rows off a place to work in.
#[inline(always)]
pub(super) fn rows<'a, const L: usize>(left: &mut &'a mut [f64], count: usize) -> &'a mut [Row<L>] {
    let (own, rest) = std::mem::take(left).split_at_mut(count * L);
    *left = rest;
    own.as_chunks_mut::<L>().0
}

/// Takes the next `count` rows off what is only read.
#[inline(always)]
pub(super) fn read_rows<'a, const L: usize>(left: &mut &'a [f64], count: usize) -> &'a [Row<L>] {
    let (own, rest) = left.split_at(count * L);
    *left = rest;
    own.as_chunks::<L>().0
}

/// The sum over the lanes, in one fixed order.
#[inline(always)]
pub(super) fn over_lanes<const L: usize>(row: &Row<L>) -> f64 {
    let mut sum = 0.0;
    for value in row {
        sum += value;
    }
    sum
}

/// Adds `term` of each lane.
#[inline(always)]
pub(super) fn add<const L: usize>(sum: &mut Row<L>, term: impl Fn(usize) -> f64) {
    // A row is worked out before it is stored: so the compiler knows that lanes do not meet.
    *sum = std::array::from_fn(|lane| sum[lane] + term(lane));
}

/// The part of `impl Cell` that all cells share: a step of one lane and of many, compiled for the widest registers, from
/// the cell's `run`, `run_back` and, where it keeps `sums`, `settle_lanes`.
macro_rules! in_lanes {
    () => {
        fn step(&self, moment: &Moment, state: &mut [f64], trace: &mut [f64], work: &mut [f64]) {
            use crate::controller::lanes::LANES;
            if moment.lanes == 1 {
                crate::simd::widest(
                    #[inline(always)]
                    || self.run::<1>(moment, state, trace, work),
                );
            } else {
                crate::simd::widest(
                    #[inline(always)]
                    || self.run::<LANES>(moment, state, trace, work),
                );
            }
        }

        fn step_back(&self, moment: &Moment, trace: &[f64], work: &mut [f64], adjoint: &mut Adjoint) {
            use crate::controller::lanes::LANES;
            if moment.lanes == 1 {
                crate::simd::widest(
                    #[inline(always)]
                    || self.run_back::<1>(moment, trace, work, adjoint),
                );
            } else {
                crate::simd::widest(
                    #[inline(always)]
                    || self.run_back::<LANES>(moment, trace, work, adjoint),
                );
            }
        }

        fn copy(&self) -> Box<dyn Cell> {
            Box::new(self.clone())
        }
    };
    (sums) => {
        in_lanes!();

        fn settle(&self, lanes: usize, sums: &[f64], weights: &mut [f64]) {
            use crate::controller::lanes::LANES;
            if lanes == 1 {
                self.settle_lanes::<1>(sums, weights);
            } else {
                self.settle_lanes::<LANES>(sums, weights);
            }
        }
    };
}
pub(super) use in_lanes;

/// y = W x + b, W with a mask or without.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    name: String,
    inputs: usize,
    outputs: usize,
    has_bias: bool,
    /// Constant factors of W, row-major (outputs, inputs).
    mask: Option<Vec<f64>>,
    /// W times its mask, row-major (outputs, inputs).
    weight: Vec<f64>,
    /// The same, (inputs, outputs).
    transposed: Vec<f64>,
    bias: Vec<f64>,
}

impl Linear {
    /// A layer of zeros; its tensors are `name`.weight and `name`.bias.
    pub(super) fn new(name: impl Into<String>, inputs: usize, outputs: usize, has_bias: bool) -> Self {
        Self {
            name: name.into(),
            inputs,
            outputs,
            has_bias,
            mask: None,
            weight: vec![0.0; inputs * outputs],
            transposed: vec![0.0; inputs * outputs],
            bias: vec![0.0; outputs],
        }
    }

    /// The same layer, its weights times `mask` (outputs, inputs); where that is 0 there is no weight.
    pub(super) fn masked(self, mask: Vec<f64>) -> Self {
        Self { mask: Some(mask), ..self }
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    fn places(&self) -> Option<Vec<usize>> {
        self.mask.as_ref().map(|mask| (0..mask.len()).filter(|place| mask[*place] != 0.0).collect())
    }

    pub(super) fn tensors(&self) -> Vec<Tensor> {
        let shape = vec![self.outputs, self.inputs];
        let weight = Tensor { name: format!("{}.weight", self.name), shape, places: self.places() };
        let bias = self.has_bias.then(|| Tensor::whole(format!("{}.bias", self.name), &[self.outputs]));
        [weight].into_iter().chain(bias).collect()
    }

    /// How many weights it has.
    pub(super) fn len(&self) -> usize {
        let own = self.mask.as_ref().map_or(self.weight.len(), |mask| mask.iter().filter(|m| **m != 0.0).count());
        own + if self.has_bias { self.outputs } else { 0 }
    }

    /// Takes its weights off the front of `weights`.
    pub(super) fn take(&mut self, weights: &mut &[f64]) {
        let (own, rest) = weights.split_at(self.len());
        *weights = rest;
        let (matrix, bias) = own.split_at(own.len() - if self.has_bias { self.outputs } else { 0 });
        match &self.mask {
            Some(mask) => {
                let mut matrix = matrix.iter();
                for (weight, mask) in self.weight.iter_mut().zip(mask) {
                    *weight = if *mask == 0.0 { 0.0 } else { matrix.next().map_or(0.0, |value| value * mask) };
                }
            }
            None => self.weight.copy_from_slice(matrix),
        }
        for (place, weight) in self.weight.iter().enumerate() {
            self.transposed[place % self.inputs * self.outputs + place / self.inputs] = *weight;
        }
        if self.has_bias {
            self.bias.copy_from_slice(bias);
        }
    }

    /// y ← W x + b.
    #[inline(always)]
    pub(super) fn apply<const L: usize>(&self, x: &[Row<L>], y: &mut [Row<L>]) {
        for (y, bias) in y.iter_mut().zip(&self.bias) {
            *y = [*bias; L];
        }
        self.add::<L>(x, y);
    }

    /// y ← y + b.
    #[inline(always)]
    pub(super) fn add_bias<const L: usize>(&self, y: &mut [Row<L>]) {
        for (y, bias) in y.iter_mut().zip(&self.bias) {
            for y in y {
                *y += bias;
            }
        }
    }

    /// y ← y + W x.
    #[inline(always)]
    pub(super) fn add<const L: usize>(&self, x: &[Row<L>], y: &mut [Row<L>]) {
        if L == 1 {
            // One sample: the lanes are outputs.
            for (x, column) in x.iter().zip(self.transposed.chunks_exact(self.outputs)) {
                for (y, weight) in y.iter_mut().zip(column) {
                    y[0] = weight.mul_add(x[0], y[0]);
                }
            }
            return;
        }
        // Four outputs at a time, so that as many sums are under way at once.
        let mut four = self.weight.chunks_exact(4 * self.inputs);
        let mut outputs = y.chunks_exact_mut(4);
        for (weights, y) in (&mut four).zip(&mut outputs) {
            let mut sums = [y[0], y[1], y[2], y[3]];
            for (i, x) in x.iter().enumerate() {
                for (row, sum) in sums.iter_mut().enumerate() {
                    let weight = weights[row * self.inputs + i];
                    for (sum, x) in sum.iter_mut().zip(x) {
                        *sum = weight.mul_add(*x, *sum);
                    }
                }
            }
            y.copy_from_slice(&sums);
        }
        for (weights, y) in four.remainder().chunks_exact(self.inputs).zip(outputs.into_remainder()) {
            for (weight, x) in weights.iter().zip(x) {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = weight.mul_add(*x, *y);
                }
            }
        }
    }

    /// Adds Wᵀ ∂L/∂y to `d_x`, and to `d_weights`, which it moves past its own, ∂L/∂W and ∂L/∂b.
    #[inline(always)]
    pub(super) fn back<const L: usize>(
        &self,
        x: &[Row<L>],
        d_y: &[Row<L>],
        d_x: &mut [Row<L>],
        d_weights: &mut &mut [f64],
    ) {
        let (own, rest) = std::mem::take(d_weights).split_at_mut(self.len());
        *d_weights = rest;
        let mut next = 0;
        for (output, d_y) in d_y.iter().enumerate() {
            let row = output * self.inputs..(output + 1) * self.inputs;
            for ((d_x, weight), _) in d_x.iter_mut().zip(&self.weight[row.clone()]).zip(x) {
                for (d_x, d_y) in d_x.iter_mut().zip(d_y) {
                    *d_x = weight.mul_add(*d_y, *d_x);
                }
            }
            let product = |x: &Row<L>| {
                let mut terms = [0.0; L];
                for ((term, x), d_y) in terms.iter_mut().zip(x).zip(d_y) {
                    *term = x * d_y;
                }
                over_lanes(&terms)
            };
            match &self.mask {
                None => {
                    for (own, x) in own[row].iter_mut().zip(x) {
                        *own += product(x);
                    }
                }
                Some(mask) => {
                    for (mask, x) in mask[row].iter().zip(x).filter(|(mask, _)| **mask != 0.0) {
                        own[next] += mask * product(x);
                        next += 1;
                    }
                }
            }
        }
        if self.has_bias {
            let start = own.len() - self.outputs;
            for (own, d_y) in own[start..].iter_mut().zip(d_y) {
                *own += over_lanes(d_y);
            }
        }
    }
}
