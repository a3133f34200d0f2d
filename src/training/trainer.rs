//! Learning: from examples, each batch once an epoch, down the exact gradient; or from worth, a generation an epoch.
//!
//! The order of the samples and the noise on them come from the seed and the number of the epoch alone, so a training that was
//! stopped goes on with the bits of one that was not, on any number of threads.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::evolution::{self, Method};
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
    /// Factor of the step after each epoch.
    pub decay: f64,
}

/// What one epoch led to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean loss over its batches; minus the mean worth of a generation.
    pub loss: f64,
    /// Loss of the samples that are not learned from; minus the worth of the policy after a generation.
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
    /// Weights that keep their sign: their places, and the sign.
    pub signs: Vec<(usize, f64)>,
    source: Source,
    schedule: Schedule,
}

/// What is learned from.
pub enum Source {
    /// Examples: what is far off, those that are learned from, and those that are held back.
    Examples(Loss, Sequences, Sequences),
    /// Worth: how policies are tried, how many in a generation and how far off, and what a policy with these weights is worth.
    Worth(Method, usize, f64, Worth),
}

/// What a policy with these weights is worth.
pub type Worth = Arc<dyn Fn(&Recurrent) -> f64 + Send + Sync>;

impl Trainer {
    /// A policy that learns from `source`.
    pub fn new(network: Recurrent, source: Source, schedule: Schedule) -> Self {
        let adam = Adam::new(network.weights().len(), schedule.rate, schedule.clip);
        Self { best: network.weights().to_vec(), network, adam, curve: Vec::new(), signs: Vec::new(), source, schedule }
    }

    /// Whether every epoch is done.
    pub fn done(&self) -> bool {
        self.curve.len() >= self.schedule.epochs
    }

    /// What minus the worth of a policy with some weights is; infinite where it learns from examples.
    pub fn scorer(&self) -> impl Fn(&[f64]) -> f64 + Sync + use<> {
        let worth = match &self.source {
            Source::Worth(.., worth) => Some(Arc::clone(worth)),
            Source::Examples(..) => None,
        };
        let (own, signs) = (self.network.clone(), self.signs.clone());
        move |weights: &[f64]| {
            let mut network = own.clone();
            let mut weights = weights.to_vec();
            bound(&own, &signs, &mut weights);
            network.take(weights);
            worth.as_ref().map_or(f64::INFINITY, |worth| -worth(&network))
        }
    }

    /// Takes up what a search has found in a generation: its epoch, and its best weights.
    pub fn found(&mut self, epoch: Epoch, mut best: Vec<f64>) {
        bound(&self.network, &self.signs, &mut best);
        self.network.take(best.clone());
        self.best = best;
        self.curve.push(epoch);
    }

    /// One epoch.
    ///
    /// # Errors
    /// When the loss is no longer a number; its time is the number of the epoch.
    pub fn epoch(&mut self) -> Result<Epoch, RunFailure> {
        self.adam.rate = self.schedule.rate * libm::pow(self.schedule.decay, self.curve.len() as f64);
        let epoch = match &self.source {
            Source::Examples(..) => self.learn()?,
            Source::Worth(..) => self.evolve(),
        };
        if self.curve.iter().all(|earlier| epoch.validation < earlier.validation) {
            self.best = self.network.weights().to_vec();
        }
        self.curve.push(epoch);
        Ok(epoch)
    }

    /// A seed for this epoch.
    fn seed(&self) -> u64 {
        self.schedule.seed.wrapping_add(1_000_003 * (self.curve.len() as u64 + 1))
    }

    /// One generation: the loss is minus the mean worth of those tried, that of what is held back minus that of the policy.
    fn evolve(&mut self) -> Epoch {
        let Source::Worth(method, population, deviation, worth) = &self.source else { return Epoch::default() };
        let mut weights = self.network.weights().to_vec();
        let before = self.curve.last().map(|epoch| epoch.validation);
        let gained = |pair: &[Epoch]| pair[1].validation < pair[0].validation;
        let idle = self.curve.windows(2).rev().take_while(|pair| !gained(pair)).count();
        let tried = evolution::ask(*method, &weights, *population, *deviation, idle, self.seed());
        let own = &self.network;
        let of = |weights: &[f64]| {
            let mut network = own.clone();
            let mut weights = weights.to_vec();
            bound(own, &self.signs, &mut weights);
            network.take(weights);
            worth(&network)
        };
        let worths = parallel::map(tried.len(), |policy| of(&tried[policy]));
        match method {
            Method::Strategy => {
                let gradient = evolution::gradient(&weights, &tried, &worths, *deviation);
                self.adam.step(&mut weights, &gradient);
            }
            Method::Covariance => {}
            Method::RandomSearch => {
                let best = (0..tried.len()).max_by(|a, b| worths[*a].total_cmp(&worths[*b]));
                let now = before.map_or_else(|| of(&weights), |loss| -loss);
                if let Some(best) = best.filter(|best| worths[*best] > now) {
                    weights.clone_from(&tried[best]);
                }
            }
        }
        let validation = -of(&weights);
        bound(&self.network, &self.signs, &mut weights);
        self.network.take(weights);
        Epoch { loss: -worths.iter().sum::<f64>() / worths.len().max(1) as f64, validation, accuracy: None }
    }

    /// Every batch of the examples once.
    fn learn(&mut self) -> Result<Epoch, RunFailure> {
        let Source::Examples(loss_of, learned, held_back) = &self.source else { return Ok(Epoch::default()) };
        let number = self.curve.len();
        let mut chance = Pcg64::new(self.seed());
        let order = chance.permutation(learned.samples);
        let (mut total, mut seen) = (0.0, 0);
        let mut weights = self.network.weights().to_vec();
        for samples in order.chunks(self.schedule.batch) {
            let mut batch = learned.pick(samples);
            if self.schedule.noise > 0.0 {
                batch.inputs.iter_mut().for_each(|input| *input += self.schedule.noise * chance.normal());
            }
            let (loss, gradient) = gradient(&self.network, *loss_of, &batch);
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
            bound(&self.network, &self.signs, &mut weights);
            self.network.take(weights.clone());
        }
        let (validation, accuracy) = judge(&self.network, *loss_of, held_back);
        Ok(Epoch { loss: total / seen.max(1) as f64, validation, accuracy })
    }
}

/// The loss of some sequences, and the share of right answers where an answer is a bit.
pub fn judge(network: &Recurrent, loss_of: Loss, own: &Sequences) -> (f64, Option<f64>) {
    let played = network.play(&sequences(own), false);
    let (loss, _, accuracy) = loss_of.of(&played.outputs, &own.targets, own.samples, own.steps);
    (loss, accuracy)
}

/// Moves weights back to where they may be.
fn bound(network: &Recurrent, signs: &[(usize, f64)], weights: &mut [f64]) {
    network.constrain(weights);
    for (place, sign) in signs {
        if weights[*place] * sign < 0.0 {
            weights[*place] = 0.0;
        }
    }
}

/// Loss and gradient of a batch, its samples shared out.
fn gradient(network: &Recurrent, loss_of: Loss, batch: &Sequences) -> (f64, Vec<f64>) {
    let shards: Vec<Vec<usize>> =
        (0..batch.samples).collect::<Vec<usize>>().chunks(SHARD).map(<[usize]>::to_vec).collect();
    let parts = parallel::map(shards.len(), |shard| {
        let own = batch.pick(&shards[shard]);
        let played = network.play(&sequences(&own), true);
        let (loss, d_outputs, _) = loss_of.of(&played.outputs, &own.targets, own.samples, own.steps);
        let share = own.samples as f64 / batch.samples as f64;
        (loss * share, share, network.back(&sequences(&own), &played, &d_outputs, None).weights)
    });
    let mut gradient = vec![0.0; network.weights().len()];
    let mut loss = 0.0;
    for (part, share, weights) in parts {
        loss += part;
        for (sum, weight) in gradient.iter_mut().zip(weights) {
            *sum += share * weight;
        }
    }
    (loss, gradient)
}

fn sequences(own: &Sequences) -> Batch<'_> {
    Batch { samples: own.samples, steps: own.steps, inputs: &own.inputs, elapsed: own.elapsed.as_deref(), start: None }
}
