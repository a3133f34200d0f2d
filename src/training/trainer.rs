//! Learning from examples: epoch after epoch, each batch once, down the exact gradient.
//!
//! The order of the samples and the noise on them come from the seed and the number of the epoch alone, so a training that was
//! stopped goes on with the bits of one that was not, on any number of threads.

use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::task::{Loss, Sequences};
use crate::controller::numpy_random::Pcg64;
use crate::controller::recurrent::{Batch, Recurrent};
use crate::error::RunFailure;
use crate::parallel;

/// How it learns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// Step of Adam.
    pub rate: f64,
    /// Longest gradient.
    pub clip: f64,
    /// Samples in a batch.
    pub batch: usize,
    /// How often every sample is seen.
    pub epochs: usize,
    /// Standard deviation of what is added to the inputs.
    pub noise: f64,
    /// Seed of order and noise.
    pub seed: u64,
}

/// What one epoch led to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean loss over its batches.
    pub loss: f64,
    /// Loss of the samples that are not learned from.
    pub validation: f64,
    /// Share of right answers among them, where an answer is a bit.
    pub accuracy: Option<f64>,
}

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "loss {:.6}, of what was held back {:.6}", self.loss, self.validation)?;
        self.accuracy.map_or(Ok(()), |share| write!(f, ", {:.1} % right", 100.0 * share))
    }
}

/// How many samples one task takes: fixed, so that sums do not depend on the number of threads.
const SHARD: usize = 8;

/// A policy that learns.
pub struct Trainer {
    /// The policy, with the weights of now.
    pub network: Recurrent,
    /// The optimiser.
    pub adam: Adam,
    /// The weights of the epoch with the least validation loss.
    pub best: Vec<f64>,
    /// Every epoch.
    pub curve: Vec<Epoch>,
    loss: Loss,
    learned: Sequences,
    held_back: Sequences,
    schedule: Schedule,
}

impl Trainer {
    /// A policy that learns from `learned` and is judged by `held_back`.
    pub fn new(network: Recurrent, loss: Loss, learned: Sequences, held_back: Sequences, schedule: Schedule) -> Self {
        let adam = Adam::new(network.weights().len(), schedule.rate, schedule.clip);
        Self { best: network.weights().to_vec(), network, adam, curve: Vec::new(), loss, learned, held_back, schedule }
    }

    /// Whether every epoch is done.
    pub fn done(&self) -> bool {
        self.curve.len() >= self.schedule.epochs
    }

    /// One epoch.
    ///
    /// # Errors
    /// When the loss is no longer a number; its time is the number of the epoch.
    pub fn epoch(&mut self) -> Result<Epoch, RunFailure> {
        let number = self.curve.len();
        let mut chance = Pcg64::new(self.schedule.seed.wrapping_add(1_000_003 * (number as u64 + 1)));
        let order = chance.permutation(self.learned.samples);
        let (mut total, mut seen) = (0.0, 0);
        let mut weights = self.network.weights().to_vec();
        for samples in order.chunks(self.schedule.batch) {
            let mut batch = self.learned.pick(samples);
            if self.schedule.noise > 0.0 {
                batch.inputs.iter_mut().for_each(|input| *input += self.schedule.noise * chance.normal());
            }
            let (loss, gradient) = self.gradient(&batch);
            if !loss.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
                return Err(RunFailure {
                    time: number as f64,
                    what: format!("the loss of epoch {number} is {loss}, and its gradient not a number"),
                    help: Some("try a smaller `rate` or `clip`, or the solver \"fused\"".into()),
                });
            }
            total += loss * samples.len() as f64;
            seen += samples.len();
            self.adam.step(&mut weights, &gradient);
            self.network.constrain(&mut weights);
            self.network.take(weights.clone());
        }
        let (validation, accuracy) = self.judge();
        let epoch = Epoch { loss: total / seen.max(1) as f64, validation, accuracy };
        if self.curve.iter().all(|earlier| epoch.validation < earlier.validation) {
            self.best = weights;
        }
        self.curve.push(epoch);
        Ok(epoch)
    }

    /// Loss and gradient of a batch, its samples shared out.
    fn gradient(&self, batch: &Sequences) -> (f64, Vec<f64>) {
        let shards: Vec<Vec<usize>> =
            (0..batch.samples).collect::<Vec<usize>>().chunks(SHARD).map(<[usize]>::to_vec).collect();
        let parts = parallel::map(shards.len(), |shard| {
            let own = batch.pick(&shards[shard]);
            let played = self.network.play(&sequences(&own), true);
            let (loss, d_outputs, _) = self.loss.of(&played.outputs, &own.targets, own.samples, own.steps);
            let share = own.samples as f64 / batch.samples as f64;
            (loss * share, share, self.network.back(&sequences(&own), &played, &d_outputs, None).weights)
        });
        let mut gradient = vec![0.0; self.network.weights().len()];
        let mut loss = 0.0;
        for (part, share, weights) in parts {
            loss += part;
            for (sum, weight) in gradient.iter_mut().zip(weights) {
                *sum += share * weight;
            }
        }
        (loss, gradient)
    }

    /// The loss of what was held back, and the share of its answers that are right.
    fn judge(&self) -> (f64, Option<f64>) {
        let own = &self.held_back;
        let played = self.network.play(&sequences(own), false);
        let (loss, _, right) = self.loss.of(&played.outputs, &own.targets, own.samples, own.steps);
        (loss, right)
    }
}

fn sequences(own: &Sequences) -> Batch<'_> {
    Batch { samples: own.samples, steps: own.steps, inputs: &own.inputs, elapsed: own.elapsed.as_deref(), start: None }
}
