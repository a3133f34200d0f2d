//! Many synapses at once: a = w σ(γ (v − μ)) in columns, so that the processor's vector units do several a step.
//!
//!   Pᵢ = Σⱼ aⱼᵢ eⱼᵢ        pull
//!   Qᵢ = Σⱼ aⱼᵢ            conductance
//!
//! Only synapses that are there are listed, by target. In reverse, with s = σ(γ (v − μ)):
//!
//!   ∂a = e ∂P + ∂Q,    ∂w = s ∂a,    ∂e = a ∂P,    ∂x = w s (1 − s) ∂a,    ∂γ = (v − μ) ∂x,    ∂μ = −γ ∂x,    ∂v = γ ∂x

use std::array::from_fn;

use super::cell::Tensor;
use super::lanes::{Row, over_lanes, read_rows};
use crate::math::logistic_of_minus;

/// Synapses by target, one column per letter of the equation.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    sources: usize,
    targets: usize,
    source: Vec<usize>,
    weight: Vec<f64>,
    reversal: Vec<f64>,
    steepness: Vec<f64>,
    midpoint: Vec<f64>,
    /// w e.
    pull: Vec<f64>,
    /// Constant factor of w.
    mask: Vec<f64>,
    /// dw / d(what is stored).
    slope: Vec<f64>,
    /// Per target, where its synapses begin, and one end more.
    start: Vec<usize>,
    /// Where each stands among the weights, which are in the order of (source, target).
    stored_at: Vec<usize>,
    /// Where the weights stand in a dense (sources, targets).
    places: Vec<usize>,
}

/// The letters of a synapse in a state dict, in their order.
const LETTERS: [&str; 4] = ["sigma", "mu", "w", "erev"];

/// Sums over the steps in reverse: Σ s ∂a, Σ s ∂P, Σ ∂x, Σ v ∂x.
pub(super) const SUMS: usize = 4;

impl Columns {
    /// The synapses that `mask`, dense (sources, targets), leaves.
    pub(super) fn new(mask: &[f64], sources: usize, targets: usize) -> Self {
        let places: Vec<usize> = (0..sources * targets).filter(|place| mask[*place] != 0.0).collect();
        let mut stored_at: Vec<usize> = (0..places.len()).collect();
        stored_at.sort_by_key(|index| (places[*index] % targets, places[*index] / targets));
        let zeros = vec![0.0; places.len()];
        Self {
            sources,
            targets,
            source: stored_at.iter().map(|index| places[*index] / targets).collect(),
            mask: stored_at.iter().map(|index| mask[places[*index]]).collect(),
            start: (0..=targets)
                .map(|target| stored_at.partition_point(|index| places[*index] % targets < target))
                .collect(),
            weight: zeros.clone(),
            reversal: zeros.clone(),
            steepness: zeros.clone(),
            midpoint: zeros.clone(),
            pull: zeros.clone(),
            slope: zeros,
            stored_at,
            places,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.source.len()
    }

    /// Its tensors, their letters after `prefix`.
    pub(super) fn tensors(&self, prefix: &str) -> Vec<Tensor> {
        let shape = [self.sources, self.targets];
        LETTERS.map(|letter| Tensor::sparse(format!("{prefix}{letter}"), &shape, self.places.clone())).to_vec()
    }

    /// Its mask, dense.
    pub(super) fn dense_mask(&self) -> Vec<f64> {
        let mut dense = vec![0.0; self.sources * self.targets];
        for (index, mask) in self.stored_at.iter().zip(&self.mask) {
            dense[self.places[*index]] = *mask;
        }
        dense
    }

    /// Takes its weights off the front of `weights`; `positive` gives what a stored number means and its slope.
    pub(super) fn take(&mut self, weights: &mut &[f64], positive: impl Fn(f64) -> (f64, f64)) {
        let (own, rest) = weights.split_at(LETTERS.len() * self.len());
        *weights = rest;
        let letter = |which: usize| &own[which * self.len()..(which + 1) * self.len()];
        let [steepness, midpoint, weight, reversal] = [0, 1, 2, 3].map(letter);
        for (synapse, index) in self.stored_at.iter().enumerate() {
            let (value, slope) = positive(weight[*index]);
            self.weight[synapse] = value * self.mask[synapse];
            self.slope[synapse] = slope * self.mask[synapse];
            self.reversal[synapse] = reversal[*index];
            self.steepness[synapse] = steepness[*index];
            self.midpoint[synapse] = midpoint[*index];
            self.pull[synapse] = self.weight[synapse] * reversal[*index];
        }
    }

    /// s of each synapse, from the values v of the sources.
    #[inline(always)]
    pub(super) fn open<const L: usize>(&self, values: &[Row<L>], open: &mut [Row<L>]) {
        let letters = self.source.iter().zip(&self.steepness).zip(&self.midpoint);
        for (open, ((source, steepness), midpoint)) in open.iter_mut().zip(letters) {
            let values = &values[*source];
            *open = from_fn(|lane| steepness * (midpoint - values[lane]));
        }
        for x in open.as_flattened_mut() {
            *x = logistic_of_minus(*x);
        }
    }

    /// P and Q of each target, from s.
    #[inline(always)]
    pub(super) fn sum<const L: usize>(&self, open: &[Row<L>], pull: &mut [Row<L>], conductance: &mut [Row<L>]) {
        let sums = pull.iter_mut().zip(conductance);
        for ((pull, conductance), ends) in sums.zip(self.start.windows(2)) {
            let own = ends[0]..ends[1];
            let (mut p, mut q) = ([0.0; L], [0.0; L]);
            let letters = self.pull[own.clone()].iter().zip(&self.weight[own.clone()]);
            for (open, (pull, weight)) in open[own].iter().zip(letters) {
                p = from_fn(|lane| pull.mul_add(open[lane], p[lane]));
                q = from_fn(|lane| weight.mul_add(open[lane], q[lane]));
            }
            (*pull, *conductance) = (p, q);
        }
    }

    /// Adds ∂v to `d_values` and the sums of [`SUMS`] to `sums`, from s, ∂P and ∂Q.
    #[inline(always)]
    pub(super) fn back<const L: usize>(
        &self,
        values: &[Row<L>],
        open: &[Row<L>],
        [d_pull, d_conductance]: [&[Row<L>]; 2],
        d_values: &mut [Row<L>],
        sums: &mut [Row<L>],
    ) {
        let sums = sums.as_chunks_mut::<SUMS>().0;
        for ((d_p, d_q), ends) in d_pull.iter().zip(d_conductance).zip(self.start.windows(2)) {
            for synapse in ends[0]..ends[1] {
                let (weight, reversal) = (self.weight[synapse], self.reversal[synapse]);
                let (steepness, source) = (self.steepness[synapse], self.source[synapse]);
                let (s, v, d_v, sums) = (&open[synapse], &values[source], &mut d_values[source], &mut sums[synapse]);
                let d_a: Row<L> = from_fn(|lane| reversal.mul_add(d_p[lane], d_q[lane]));
                let d_x: Row<L> = from_fn(|lane| d_a[lane] * weight * (s[lane] * (1.0 - s[lane])));
                let [for_weight, for_reversal, for_midpoint, for_steepness] = *sums;
                *sums = [
                    from_fn(|lane| s[lane].mul_add(d_a[lane], for_weight[lane])),
                    from_fn(|lane| s[lane].mul_add(d_p[lane], for_reversal[lane])),
                    from_fn(|lane| for_midpoint[lane] + d_x[lane]),
                    from_fn(|lane| d_x[lane].mul_add(v[lane], for_steepness[lane])),
                ];
                *d_v = from_fn(|lane| steepness.mul_add(d_x[lane], d_v[lane]));
            }
        }
    }

    /// Adds what `sums` amount to to the gradient of its weights, which it takes off the front of `d_weights`.
    pub(super) fn settle<const L: usize>(&self, sums: &mut &[f64], d_weights: &mut &mut [f64]) {
        let sums = read_rows::<L>(sums, SUMS * self.len()).as_chunks::<SUMS>().0;
        let (own, rest) = std::mem::take(d_weights).split_at_mut(LETTERS.len() * self.len());
        *d_weights = rest;
        for (synapse, sums) in sums.iter().enumerate() {
            let [for_weight, for_reversal, for_midpoint, for_steepness] = sums.map(|row| over_lanes(&row));
            let mut add = |letter: usize, value: f64| own[letter * self.len() + self.stored_at[synapse]] += value;
            add(0, for_steepness - self.midpoint[synapse] * for_midpoint);
            add(1, -self.steepness[synapse] * for_midpoint);
            add(2, self.slope[synapse] * for_weight);
            add(3, self.weight[synapse] * for_reversal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synapses_are_summed_by_their_target() {
        // Sources 0 and 1; 0 → 0, 0 → 2, 1 → 2.
        let mut columns = Columns::new(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2, 3);
        // sigma, mu, w, erev, each in the order of (source, target).
        let weights = [[2.0, 2.0, 2.0], [0.5, 0.5, 0.5], [1.0, 5.0, 3.0], [-1.0, -1.0, 1.0]].concat();
        columns.take(&mut weights.as_slice(), |w| (w, 1.0));
        let (mut open, mut pull, mut conductance) = ([[0.0]; 3], [[9.0]; 3], [[9.0]; 3]);
        columns.open::<1>(&[[0.5], [0.5]], &mut open);
        columns.sum::<1>(&open, &mut pull, &mut conductance);
        // At its midpoint a synapse is half open.
        assert_eq!(pull, [[-0.5], [0.0], [1.5 - 2.5]]);
        assert_eq!(conductance, [[0.5], [0.0], [4.0]]);
        assert_eq!(columns.dense_mask(), [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }
}
