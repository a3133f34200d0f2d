//! What is to be learned: sequences with what should come out, and how far off it is.
//!
//!   squares         L = mean over samples, steps and outputs of (p − target)²
//!   cross entropy   L = mean of −[t ln σ(y) + (1 − t) ln(1 − σ(y))], at the last step alone
//!
//! p is the output y as it is, or its logistic function where the policy says so. Three tasks need no data:
//!
//! | task | input | target |
//! |---|---|---|
//! | `xor` | bits, one a step | whether an odd number of them was 1, at the end |
//! | `xor_events` | a bit and the time since the last, one entry a run of equal bits | the same |
//! | `sinusoid` | sin and cos of a slow wave | a wave of twice the frequency |
//!
//! Source: xor, dense and event-based: Lechner & Hasani 2020, arXiv:2006.04418, section 5; sinusoid: the first example of ncps.

use crate::controller::numpy_random::Pcg64;

/// How far off an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Mean square at every step.
    Squares {
        /// Whether outputs go through the logistic function first.
        logistic: bool,
    },
    /// Cross entropy of one bit at the last step.
    CrossEntropy,
}

/// Sequences of one length, each with its targets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequences {
    /// How many samples.
    pub samples: usize,
    /// Steps in each.
    pub steps: usize,
    /// (samples, steps, inputs).
    pub inputs: Vec<f64>,
    /// (samples, steps, outputs).
    pub targets: Vec<f64>,
    /// (samples, steps), in the cell's unit of time; 1 if there is none.
    pub elapsed: Option<Vec<f64>>,
}

impl Sequences {
    /// The samples of these numbers, in their order.
    pub fn pick(&self, samples: &[usize]) -> Self {
        let rows = |all: &[f64]| -> Vec<f64> {
            let width = all.len() / self.samples.max(1);
            samples.iter().flat_map(|sample| &all[sample * width..(sample + 1) * width]).copied().collect()
        };
        Self {
            samples: samples.len(),
            steps: self.steps,
            inputs: rows(&self.inputs),
            targets: rows(&self.targets),
            elapsed: self.elapsed.as_deref().map(rows),
        }
    }
}

impl Loss {
    /// The loss, ∂L/∂y, and the share of right answers where an answer is a bit, for outputs of `samples` sequences.
    pub fn of(self, outputs: &[f64], targets: &[f64], samples: usize, steps: usize) -> (f64, Vec<f64>, Option<f64>) {
        let mut gradient = vec![0.0; outputs.len()];
        let width = outputs.len() / (samples * steps).max(1);
        match self {
            Self::Squares { logistic } => {
                let share = 1.0 / outputs.len().max(1) as f64;
                let mut loss = 0.0;
                for ((gradient, y), target) in gradient.iter_mut().zip(outputs).zip(targets) {
                    let p = if logistic { sigma(*y) } else { *y };
                    let off = p - target;
                    loss += off * off * share;
                    *gradient = 2.0 * off * share * if logistic { p * (1.0 - p) } else { 1.0 };
                }
                (loss, gradient, None)
            }
            Self::CrossEntropy => {
                let share = 1.0 / (samples * width).max(1) as f64;
                let (mut loss, mut right) = (0.0, 0.0);
                for sample in 0..samples {
                    let last = (sample * steps + steps - 1) * width;
                    for place in last..last + width {
                        let (y, target) = (outputs[place], targets[place]);
                        // ln(1 + e^y) − t y, without overflow.
                        loss += share * (y.max(0.0) + libm::log1p(libm::exp(-y.abs())) - target * y);
                        gradient[place] = share * (sigma(y) - target);
                        right += share * f64::from(u8::from((y > 0.0) == (target > 0.5)));
                    }
                }
                (loss, gradient, Some(right))
            }
        }
    }
}

fn sigma(y: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-y))
}

/// Bits, and whether an odd number of them was 1.
pub fn xor(samples: usize, steps: usize, events: bool, seed: u64) -> Sequences {
    let mut chance = Pcg64::new(seed);
    let mut sequences = Sequences { samples, steps, ..Sequences::default() };
    let mut elapsed = Vec::new();
    for _ in 0..samples {
        let bits: Vec<bool> = (0..steps).map(|_| chance.unit() < 0.5).collect();
        let odd = f64::from(u8::from(bits.iter().filter(|bit| **bit).count() % 2 == 1));
        let number = |bit: bool| f64::from(u8::from(bit));
        if events {
            // Runs of equal bits become one entry each; what is left of the sequence repeats silence.
            let mut runs: Vec<(bool, usize)> = Vec::new();
            for bit in bits {
                match runs.last_mut() {
                    Some((last, length)) if *last == bit => *length += 1,
                    _ => runs.push((bit, 1)),
                }
            }
            for step in 0..steps {
                // Silence comes first, so that the answer is due after the last run.
                let run = (step + runs.len()).checked_sub(steps).map(|index| runs[index]);
                let (bit, length) = run.unwrap_or((false, 0));
                sequences.inputs.extend([number(bit), number(run.is_some())]);
                elapsed.push(length.max(1) as f64);
            }
        } else {
            sequences.inputs.extend(bits.into_iter().map(number));
        }
        sequences.targets.extend((0..steps).map(|_| odd));
    }
    sequences.elapsed = events.then_some(elapsed);
    sequences
}

/// Two waves in, one of twice their frequency out; samples begin at other phases.
pub fn sinusoid(samples: usize, steps: usize, seed: u64) -> Sequences {
    let mut chance = Pcg64::new(seed);
    let mut sequences = Sequences { samples, steps, ..Sequences::default() };
    for _ in 0..samples {
        let start = std::f64::consts::TAU * chance.unit();
        for step in 0..steps {
            // A turn and a half over 48 steps, as in the example.
            let phase = start + 3.0 * std::f64::consts::PI * step as f64 / 48.0;
            sequences.inputs.extend([libm::sin(phase), libm::cos(phase)]);
            sequences.targets.push(libm::sin(2.0 * phase));
        }
    }
    sequences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_of_each_loss_is_that_of_differences() {
        let (outputs, targets) = ([0.3, -0.8, 1.7, 0.2], [1.0, 0.0, 0.5, 1.0]);
        for loss in [Loss::Squares { logistic: false }, Loss::Squares { logistic: true }, Loss::CrossEntropy] {
            let (_, gradient, _) = loss.of(&outputs, &targets, 2, 2);
            for (place, exact) in gradient.iter().enumerate() {
                let at = |h: f64| {
                    let mut moved = outputs;
                    moved[place] += h;
                    loss.of(&moved, &targets, 2, 2).0
                };
                // h² of the third derivative, which is below 1.
                assert!(((at(1e-5) - at(-1e-5)) / 2e-5 - exact).abs() < 1e-9, "{loss:?}");
            }
        }
    }

    #[test]
    fn the_events_of_xor_say_what_its_bits_say() {
        let (bits, events) = (xor(20, 12, false, 3), xor(20, 12, true, 3));
        assert_eq!(bits.targets, events.targets);
        let elapsed = events.elapsed.as_deref().expect("times");
        for sample in 0..20 {
            let ones: f64 = (0..12)
                .map(|step| sample * 12 + step)
                .filter(|place| events.inputs[2 * place] == 1.0)
                .map(|place| elapsed[place])
                .sum();
            assert_eq!(ones % 2.0, bits.targets[sample * 12], "sample {sample}");
        }
    }
}
