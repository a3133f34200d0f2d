//! How every policy learns, with the same examples and as many tries: to imitate, then to do well in the worm.
//!
//! Imitation is learned with each of a few steps of Adam, and the one that does best on what is held back is kept: no step
//! suits all cells. The policy that is kept is the best by reward; it is the one that imitates where no generation was better.

use std::path::Path;

use super::contest::{Contest, Entrant};
use crate::controller::policy::Policy;
use crate::controller::policy_controller::Squash;
use crate::controller::recurrent::Recurrent;
use crate::error::{Problem, RunFailure};
use crate::training::data::{Imitation, Target};
use crate::training::task::{Loss, Sequences};
use crate::training::trainer::{Schedule, Source, Trainer};
use crate::training::{center, signs};

use super::contest::Mind;

/// What all learn from: sequences to learn and to be judged by.
pub struct Examples {
    learned: Sequences,
    held_back: Sequences,
}

impl Examples {
    /// The examples in the recording of the worm.
    ///
    /// # Errors
    /// When it is too short.
    pub fn of(contest: &Contest, recording: &Path, time_unit: f64) -> Result<Self, Problem> {
        let lessons = &contest.lessons;
        let imitation = Imitation {
            recording: recording.to_path_buf(),
            target: Target::Muscles,
            steps: lessons.sequence,
            lead: lessons.lead,
            from: lessons.from,
            keep: 1.0,
        };
        let [senses, drives] = contest.names();
        let all = imitation.sequences(senses, drives, time_unit, 0)?;
        let held_back = ((all.samples as f64 * lessons.validation).round() as usize).clamp(1, all.samples - 1);
        let part = |from: usize, to: usize| all.pick(&(from..to).collect::<Vec<usize>>());
        let learned = all.samples - held_back;
        Ok(Self { learned: part(0, learned), held_back: part(learned, all.samples) })
    }
}

/// What came of it.
pub struct Learned {
    /// The best by reward.
    pub policy: Policy,
    /// Mean square error of an activation in the sequences that were held back, after every epoch.
    pub imitation: Vec<f64>,
    /// Reward after imitation and after every generation.
    pub reward: Vec<f64>,
}

/// Lets a policy learn, with weights, order and noise of a seed.
///
/// # Errors
/// When the loss is no longer a number.
pub fn learn(
    contest: &Contest,
    entrant: &Entrant,
    mut policy: Policy,
    seed: u64,
    examples: &Examples,
) -> Result<Learned, RunFailure> {
    let lessons = &contest.lessons;
    center(&mut policy.network, &examples.learned);
    let keeps = matches!(&entrant.mind, Mind::Policy(file) if file.connectome.is_some());
    let signs = signs(&policy.network, keeps);
    let loss = Loss::Squares { logistic: policy.squash == Squash::Logistic };
    let source = || Source::Examples(loss, examples.learned.clone(), examples.held_back.clone());
    let with_seed = |schedule: &Schedule| Schedule { seed, ..schedule.clone() };
    let mut kept: Option<(f64, Vec<f64>, Vec<f64>)> = None;
    let mut broke = None;
    for rate in &lessons.rates {
        let schedule = Schedule { rate: *rate, ..with_seed(&lessons.imitation) };
        let mut trainer = Trainer::new(policy.network.clone(), source(), schedule);
        trainer.signs.clone_from(&signs);
        while !trainer.done() {
            if let Err(failure) = trainer.epoch() {
                // A step too long for this cell; another may do.
                broke = Some(failure);
                break;
            }
        }
        let curve: Vec<f64> = trainer.curve.iter().map(|epoch| epoch.validation).collect();
        let least = curve.iter().copied().fold(f64::INFINITY, f64::min);
        if least.is_finite() && kept.as_ref().is_none_or(|(known, ..)| least < *known) {
            kept = Some((least, curve, trainer.best));
        }
    }
    let (imitation, best) = match (kept, broke) {
        (Some((_, curve, best)), _) => (curve, best),
        (None, Some(failure)) => return Err(failure),
        (None, None) => (Vec::new(), policy.network.weights().to_vec()),
    };
    policy.network.take(best);

    let (reward, own) = (lessons.reward.clone(), policy.clone());
    let worth = move |network: &Recurrent| reward.of(&Policy { network: network.clone(), ..own.clone() });
    let before = worth(&policy.network);
    let (method, population, deviation) = lessons.evolution;
    let source = Source::Worth(method, population, deviation, std::sync::Arc::new(worth));
    let mut trainer = Trainer::new(policy.network.clone(), source, with_seed(&lessons.generations));
    trainer.signs = signs;
    while !trainer.done() {
        trainer.epoch()?;
    }
    let after: Vec<f64> = trainer.curve.iter().map(|epoch| -epoch.validation).collect();
    if after.iter().any(|worth| *worth > before) {
        policy.network.take(trainer.best);
    }
    Ok(Learned { policy, imitation, reward: std::iter::once(before).chain(after).collect() })
}
