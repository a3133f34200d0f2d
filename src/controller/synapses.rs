//! Many synapses at once: a = w σ(γ (v − μ)) in columns, so that the processor's vector units do several a step.
//!
//! σ needs an exponential, which is nearly all that a cell costs. It is computed here without a branch:
//!
//!   eˣ = 2ⁿ eʳ,  n = round(x / ln 2),  r = x − n ln 2,  |r| ≤ ln 2 / 2
//!
//! with ln 2 in two parts, so that r is exact, and eʳ by its Taylor polynomial. There are only additions and
//! multiplications of one lane, in one order, so every width of register gives the same bits.
//!
//! Source of the reduction: Cody & Waite 1980, Software Manual for the Elementary Functions, chapter 6.

use crate::simd::widest;

/// One synapse: who speaks, and the letters of the equation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synapse {
    /// Index of the presynaptic neuron or sense.
    pub source: usize,
    /// Index of the postsynaptic neuron.
    pub target: usize,
    /// w, at least 0.
    pub weight: f64,
    /// e.
    pub reversal: f64,
    /// γ.
    pub steepness: f64,
    /// μ.
    pub midpoint: f64,
}

/// Synapses by target, one column per letter of the equation.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    source: Vec<usize>,
    weight: Vec<f64>,
    reversal: Vec<f64>,
    steepness: Vec<f64>,
    midpoint: Vec<f64>,
    /// Per target, where its synapses begin, and one end more.
    start: Vec<usize>,
    /// a of each synapse, as of the last [`Columns::sum`].
    activity: Vec<f64>,
}

impl Columns {
    pub(super) fn new(mut synapses: Vec<Synapse>, targets: usize) -> Self {
        synapses.sort_by_key(|synapse| (synapse.target, synapse.source));
        let column = |letter: fn(&Synapse) -> f64| synapses.iter().map(letter).collect::<Vec<f64>>();
        Self {
            source: synapses.iter().map(|synapse| synapse.source).collect(),
            weight: column(|synapse| synapse.weight),
            reversal: column(|synapse| synapse.reversal),
            steepness: column(|synapse| synapse.steepness),
            midpoint: column(|synapse| synapse.midpoint),
            start: (0..=targets).map(|target| synapses.partition_point(|synapse| synapse.target < target)).collect(),
            activity: vec![0.0; synapses.len()],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.source.len()
    }

    /// Σ a e and Σ a for each target, from the values v of the sources.
    pub(super) fn sum(&mut self, sources: &[f64], sums: &mut [(f64, f64)]) {
        for (activity, source) in self.activity.iter_mut().zip(&self.source) {
            *activity = sources[*source];
        }
        let (activity, weight) = (self.activity.as_mut_slice(), self.weight.as_slice());
        let (steepness, midpoint) = (self.steepness.as_slice(), self.midpoint.as_slice());
        widest(
            #[inline(always)]
            || activities(activity, weight, steepness, midpoint),
        );
        for (target, sums) in sums.iter_mut().enumerate() {
            let own = self.start[target]..self.start[target + 1];
            let each = self.activity[own.clone()].iter().zip(&self.reversal[own]);
            *sums = each.fold((0.0, 0.0), |(pull, conductance), (a, e)| (pull + a * e, conductance + a));
        }
    }
}

/// v becomes a, in place.
#[inline(always)]
fn activities(values: &mut [f64], weight: &[f64], steepness: &[f64], midpoint: &[f64]) {
    let letters = weight.iter().zip(steepness).zip(midpoint);
    for (value, ((w, gamma), mu)) in values.iter_mut().zip(letters) {
        *value = w / (1.0 + exp(-gamma * (*value - mu)));
    }
}

/// Beyond this 1 + e⁻ˣ is 1, or its inverse below 10⁻³⁰⁷: nothing changes any more.
const LARGEST: f64 = 708.0;

/// 1.5 · 2⁵²: adding it leaves the nearest integer in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The first 33 bits of ln 2, so that n ln 2 is exact, and the rest.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1/13! … 1/2!: at |r| ≤ 0.347 the next term is below 5·10⁻¹⁸.
const TAYLOR: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

/// eˣ for |x| up to [`LARGEST`]; what is beyond is taken as that.
#[inline(always)]
fn exp(x: f64) -> f64 {
    let x = x.clamp(-LARGEST, LARGEST);
    let shifted = x * std::f64::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut sum = TAYLOR[0];
    for factor in &TAYLOR[1..] {
        sum = sum * r + factor;
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    ((sum * r) * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_libm_to_the_last_digits() {
        for step in -70_000..=70_000 {
            let x = f64::from(step) * 0.01 + 1e-4;
            let (found, expected) = (exp(x), libm::exp(x));
            // Two units in the last place: the polynomial is summed with rounding.
            assert!((found - expected).abs() <= 4.5e-16 * expected, "{x}: {found} {expected}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(1e300) == exp(LARGEST) && exp(-1e300) == exp(-LARGEST));
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn synapses_are_summed_by_their_target() {
        let synapse = |source, target, weight, reversal| Synapse {
            source,
            target,
            weight,
            reversal,
            steepness: 2.0,
            midpoint: 0.5,
        };
        let synapses = vec![synapse(1, 2, 3.0, 1.0), synapse(0, 0, 1.0, -1.0), synapse(0, 2, 5.0, -1.0)];
        let mut columns = Columns::new(synapses, 3);
        let mut sums = vec![(9.0, 9.0); 3];
        columns.sum(&[0.5, 0.5], &mut sums);
        // At its midpoint a synapse is half active.
        assert_eq!(sums, [(-0.5, 0.5), (0.0, 0.0), (1.5 - 2.5, 4.0)]);
    }
}
