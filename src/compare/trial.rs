//! One worm of a contest is watched under one condition, and what it does is measured.
//!
//! A lesion takes a share of the neurons or synapses that the seed draws. Of a policy a silent neuron has a state of 0, an
//! absent synapse a weight of 0; of a network both are taken out. The wave has neither, and nothing that it feels.

use super::condition::{Condition, HESITATION};
use super::contest::{Contest, Entrant, Mind, Touch};
use super::smoothness::spectral_arc_length;
use crate::body::particles::Vec3;
use crate::connectome::Tables;
use crate::controller::numpy_random::{Choose, Pcg64};
use crate::controller::policy::Policy;
use crate::controller::recurrent::Recurrent;
use crate::error::{Error, Problems};
use crate::experiment::Experiment;
use crate::gait::Gait;
use crate::interventions::Tap;
use crate::run::Run;
use crate::settings::Spanned;
use crate::snapshot::Snapshot;
use crate::worm::{Change, Disturbance, Happening, Worm};

/// Part of the time that is left out of the gait: the wave builds up.
const SETTLING: f64 = 0.3;

/// What a worm did.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// How it moved.
    pub gait: Gait,
    /// From where it was to where it came \[m\].
    pub distance: f64,
    /// Mean square of activation.
    pub energy: f64,
    /// Spectral arc length of its speed.
    pub smoothness: Option<f64>,
    /// Speed along the body while it is or would be touched, positive to the head \[m/s\].
    pub under_touch: f64,
}

/// The worm of a contestant under a condition; none where it has nothing that the condition could take.
///
/// # Errors
/// Problems of the experiment under that condition.
pub fn worm(
    contest: &Contest,
    entrant: &Entrant,
    policy: Option<&Policy>,
    condition: Condition,
    seed: u64,
) -> Result<Option<Worm>, Error> {
    let settings = match &entrant.mind {
        Mind::Policy(_) => &contest.worm,
        Mind::Experiment(own) => own,
    };
    let mut experiment = Experiment::read(settings.clone())?;
    let mut disturbance = None;
    let mut chance = Pcg64::new(seed);
    let mut policy = policy.cloned();
    let mut silent = Vec::new();
    match condition {
        Condition::AsItIs => {}
        Condition::Drag(factor) => {
            let drag = [experiment.medium.normal_drag, experiment.medium.tangential_drag].map(|drag| factor * drag);
            experiment.happenings.push(Happening { from: 0.0, until: f64::INFINITY, change: Change::Drag(drag) });
        }
        Condition::Step(step) => {
            // What a policy has for a step of its own goes with that of the worm.
            if let Some(interval) = policy.as_mut().and_then(|policy| policy.interval.as_mut()) {
                *interval *= step / experiment.step;
            }
            experiment.step = step;
        }
        Condition::Touch(end) => {
            let Touch { duration, current } = contest.touch;
            let touch = end.touch(0.5 * contest.duration, duration);
            experiment.happenings.push(touch);
            if experiment.network.is_some() {
                let (at, place, span) = (touch.from, Some(end.place()), 0..0);
                experiment.taps.push(Tap { at, place, current, duration, span });
            }
        }
        Condition::Noise(noise) => {
            let slenderness = experiment.anatomy.slenderness();
            disturbance = Some(Disturbance { noise, slenderness, seed, delay: 0 });
        }
        Condition::Delay(time) => {
            let delay = (time / experiment.step).round() as usize;
            disturbance = Some(Disturbance { delay, ..Disturbance::default() });
        }
        Condition::Neurons(share) => match &policy {
            Some(policy) => {
                let all = policy.network.cell().visible();
                silent = chance.some(all, part(share, all));
            }
            None => {
                let Some(tables) = tables(&experiment)? else { return Ok(None) };
                let all = tables.neurons.len();
                let gone = chance.some(all, part(share, all)).into_iter().map(|neuron| &tables.neurons[neuron].name);
                experiment.ablations.neurons.extend(gone.map(|name| Spanned::new(0..0, name.clone())));
            }
        },
        Condition::Synapses(share) => match &mut policy {
            Some(policy) => cut(&mut policy.network, share, &mut chance),
            None => {
                let Some(tables) = tables(&experiment)? else { return Ok(None) };
                let contacts = tables.chemical.iter().chain(&tables.neuromuscular);
                let mut all: Vec<String> =
                    contacts.map(|contact| format!("{} > {}", contact.pre, contact.post)).collect();
                all.sort();
                all.dedup();
                let gone = chance.some(all.len(), part(share, all.len())).into_iter().map(|place| all[place].clone());
                experiment.ablations.synapses.extend(gone.map(|pair| Spanned::new(0..0, pair)));
            }
        },
    }
    if let Some(policy) = policy {
        let mut controller = policy.controller(Vec::new(), Vec::new())?;
        controller.silence(&silent);
        experiment.controller = Some(Box::new(controller));
    }
    let mut worm = Run::prepare(experiment, Vec::new(), &|_| {})?.into_worm();
    if let Some(disturbance) = disturbance {
        worm.disturb(disturbance);
    }
    Ok(Some(worm))
}

/// What a worm does in the time of the contest; none where it diverges or the time is too short for a gait.
pub fn watch(mut worm: Worm, duration: f64, touch: f64) -> Option<Trial> {
    let dt = worm.step_length();
    let steps = (duration / dt).round() as usize;
    // Frames 20 ms apart, as in recordings.
    let frame = ((0.02 / dt).round() as usize).max(1);
    let first = Snapshot::of(&worm).pose();
    let (begin, mut before) = (worm.body().center_of_mass(), worm.body().center_of_mass());
    let (mut poses, mut speeds, mut energy) = (vec![first], Vec::new(), 0.0);
    let touched = 0.5 * duration + HESITATION..0.5 * duration + touch;
    let (mut way, mut time_touched) = (0.0, 0.0);
    for step in 1..=steps {
        worm.step().ok()?;
        worm.drain_spikes();
        let center = worm.body().center_of_mass();
        if step as f64 > SETTLING * steps as f64 {
            speeds.push((center - before).norm() / dt);
        }
        if touched.contains(&(step as f64 * dt)) {
            way += (center - before).dot(&heading(&worm));
            time_touched += dt;
        }
        before = center;
        energy += worm.activation().iter().map(|activation| activation * activation).sum::<f64>();
        if step.is_multiple_of(frame) {
            poses.push(Snapshot::of(&worm).pose());
        }
    }
    Some(Trial {
        gait: Gait::of(&poses, SETTLING * duration).ok()?,
        distance: (before - begin).norm(),
        energy: energy / (steps * worm.activation().len()).max(1) as f64,
        smoothness: spectral_arc_length(&speeds, dt),
        under_touch: way / time_touched,
    })
}

/// The direction from the tail to the head.
fn heading(worm: &Worm) -> Vec3 {
    let points = &worm.body().midline().points;
    let (Some(head), Some(tail)) = (points.first(), points.last()) else { return Vec3::default() };
    let along = *head - *tail;
    along / along.norm().max(f64::MIN_POSITIVE)
}

/// So much of so many, at least one.
fn part(share: f64, all: usize) -> usize {
    ((share * all as f64).round() as usize).clamp(1, all.max(1))
}

/// The tables behind a network that was made from a circuit.
fn tables(experiment: &Experiment) -> Result<Option<Tables>, Problems> {
    let circuit = experiment.network.as_ref().and_then(|network| network.circuit.as_ref());
    circuit.map(|circuit| Tables::read(&circuit.tables, circuit.source)).transpose()
}

/// Takes a share of a policy's synapses away: of an LTC those from neurons and senses, of other cells entries of matrices.
fn cut(network: &mut Recurrent, share: f64, chance: &mut Pcg64) {
    let tensors = network.tensors();
    let of_ltc = tensors.iter().any(|tensor| tensor.name == "rnn_cell.sensory_w");
    let mut synapses = Vec::new();
    let mut start = 0;
    for tensor in &tensors {
        let own = start..start + tensor.weights();
        start = own.end;
        let counts = match of_ltc {
            true => ["rnn_cell.w", "rnn_cell.sensory_w"].contains(&tensor.name.as_str()),
            false => tensor.shape.len() == 2,
        };
        synapses.extend(own.filter(|_| counts));
    }
    let mut weights = network.weights().to_vec();
    for place in chance.some(synapses.len(), part(share, synapses.len())) {
        weights[synapses[place]] = 0.0;
    }
    network.take(weights);
}
