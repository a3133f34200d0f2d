//! Which senses and neurons of a policy moved which muscle: the policy replays what a worm felt, and is probed.
//!
//!   by gradient   ⟨|∂y_m/∂x|⟩ · sd(x)            x a sense over the last steps, or a neuron some steps before
//!   by ablation   rms(y_m − y_m without x)       a sense at its mean, a neuron at 0, over the whole replay
//!
//! y_m output that drives muscle m before it is squashed, ⟨⟩ mean over windows. The first is what a small change of x would do to
//! y_m, the second what the loss of x does; they agree for what is linear. The replay is open: the body does not answer.

use std::path::Path;

use crate::controller::Controller;
use crate::controller::inside::Inside;
use crate::controller::policy::Policy;
use crate::controller::recurrent::{Batch, Recurrent};
use crate::error::{Error, Problem};
use crate::recording::{Dataset, Provenance, Recorded, write_datasets};

/// Steps that a gradient looks back over.
const WINDOW: usize = 8;
/// Windows that the gradient is the mean of.
const WINDOWS: usize = 16;

/// What moved the muscles, and the traces of the replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// Time of each step \[s\].
    pub times: Vec<f64>,
    /// Names of the muscles.
    pub muscles: Vec<String>,
    /// Names of the senses.
    pub senses: Vec<String>,
    /// Names of the neurons; their numbers where the policy has no names.
    pub neurons: Vec<String>,
    /// State of each neuron after each step, (steps, neurons).
    pub states: Vec<f64>,
    /// Names of the synapses "from > to", of an LTC.
    pub synapses: Vec<String>,
    /// Current of each synapse w σ(γ (v − μ)) (e − v′), (steps, synapses).
    pub currents: Vec<f64>,
    /// (muscles, senses), by gradient and by ablation.
    pub of_senses: [Vec<f64>; 2],
    /// (muscles, neurons), by gradient and by ablation.
    pub of_neurons: [Vec<f64>; 2],
}

/// What moved a muscle most, by ablation: names and values, the largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Strongest {
    /// The muscle.
    pub muscle: String,
    /// Its senses.
    pub senses: Vec<(String, f64)>,
    /// Its neurons.
    pub neurons: Vec<(String, f64)>,
}

/// Replays what `recording` felt through a policy and probes it.
///
/// # Errors
/// A recording that cannot be read, lacks a sense of the policy or is too short; a policy that does not name its senses and
/// drives.
pub fn contributions(policy: &Policy, recording: &Path) -> Result<Contributions, Problem> {
    let controller = policy.clone().controller(Vec::new(), Vec::new())?;
    let (senses, muscles) = (controller.senses().to_vec(), controller.drives().to_vec());
    let (times, inputs) = felt(recording, &senses, policy.interval)?;
    let network = &policy.network;
    let steps = times.len();
    if steps < 2 * WINDOW {
        let problem = Problem::new(format!("{}: {steps} steps to replay", recording.display()));
        return Err(problem.help(format!("record at least {}", 2 * WINDOW)));
    }
    let elapsed: Vec<f64> = (0..steps)
        .map(|step| if step > 0 { times[step] - times[step - 1] } else { times[1] - times[0] })
        .map(|time| time / policy.time_unit)
        .collect();
    let whole = Batch { samples: 1, steps, inputs: &inputs, elapsed: Some(&elapsed), start: None };
    let played = network.play(&whole, false);
    let visible = network.cell().visible();
    let all = network.states();
    let states: Vec<f64> = (0..steps).flat_map(|step| played.states[step * all..][..visible].to_vec()).collect();
    let inside = Inside::of(network, policy.neurons.as_deref());
    let replay =
        Replay { network, inputs: &inputs, elapsed: &elapsed, states: &played.states, outputs: &played.outputs };
    let (by_gradient_of_senses, by_gradient_of_neurons) = replay.gradients();
    let of_senses = [by_gradient_of_senses, replay.without_senses()];
    let of_neurons = [by_gradient_of_neurons, replay.without_neurons()];
    let synapses = inside.synapses();
    let at_each_step = |v: &[f64]| (0..synapses.len()).map(|synapse| inside.current(synapse, v)).collect::<Vec<f64>>();
    let currents = states.chunks(visible.max(1)).flat_map(at_each_step).collect();
    let neurons = inside.neurons().to_vec();
    Ok(Contributions { times, muscles, senses, neurons, states, synapses, currents, of_senses, of_neurons })
}

/// Times and senses of the frames at which a policy decides.
fn felt(recording: &Path, senses: &[String], interval: Option<f64>) -> Result<(Vec<f64>, Vec<f64>), Problem> {
    let mut recorded = Recorded::open(recording)?;
    let times = recorded.times()?;
    let known = recorded.texts("parameters/names/senses")?;
    let values = recorded.values("observables/senses")?;
    let columns = senses.iter().map(|name| {
        known.iter().position(|known| known == name).ok_or_else(|| {
            let problem = Problem::new(format!("{}: nothing is recorded of \"{name}\"", recording.display()));
            problem.help("give a recording of a worm, and a policy that feels what worms feel")
        })
    });
    let columns = columns.collect::<Result<Vec<usize>, Problem>>()?;
    let (mut kept, mut inputs): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for (frame, time) in times.into_iter().enumerate() {
        let due = kept.last().is_none_or(|last| interval.is_none_or(|interval| time - last >= interval * (1.0 - 1e-6)));
        if due {
            let row = values.frame(frame);
            inputs.extend(columns.iter().map(|column| f64::from(row[*column])));
            kept.push(time);
        }
    }
    Ok((kept, inputs))
}

/// A policy and what it was played.
struct Replay<'a> {
    network: &'a Recurrent,
    inputs: &'a [f64],
    elapsed: &'a [f64],
    states: &'a [f64],
    outputs: &'a [f64],
}

impl Replay<'_> {
    fn steps(&self) -> usize {
        self.elapsed.len()
    }

    /// Of senses and of neurons, (muscles, …) each.
    fn gradients(&self) -> (Vec<f64>, Vec<f64>) {
        let network = self.network;
        let (senses, muscles) = (network.inputs(), network.outputs());
        let (all, visible) = (network.states(), network.cell().visible());
        let spread_of = |values: &[f64], width: usize, column: usize| {
            let column = || values.iter().skip(column).step_by(width);
            let count = column().count().max(1) as f64;
            let mean = column().sum::<f64>() / count;
            (column().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
        };
        let of_sense: Vec<f64> = (0..senses).map(|sense| spread_of(self.inputs, senses, sense)).collect();
        let of_neuron: Vec<f64> = (0..visible).map(|neuron| spread_of(self.states, all, neuron)).collect();
        let windows = WINDOWS.min(self.steps() / WINDOW - 1);
        let apart = (self.steps() - WINDOW - 1) / windows.max(1);
        let (mut by_sense, mut by_neuron) = (vec![0.0; muscles * senses], vec![0.0; muscles * visible]);
        for window in 0..windows {
            let first = 1 + window * apart;
            let batch = Batch {
                samples: 1,
                steps: WINDOW,
                inputs: &self.inputs[first * senses..][..WINDOW * senses],
                elapsed: Some(&self.elapsed[first..][..WINDOW]),
                start: Some(&self.states[(first - 1) * all..][..all]),
            };
            let played = network.play(&batch, true);
            for muscle in 0..muscles {
                let mut d_outputs = vec![0.0; WINDOW * muscles];
                d_outputs[(WINDOW - 1) * muscles + muscle] = 1.0;
                let gradient = network.back(&batch, &played, &d_outputs, None);
                for sense in 0..senses {
                    let whole: f64 = gradient.inputs.iter().skip(sense).step_by(senses).sum();
                    by_sense[muscle * senses + sense] += whole.abs() * of_sense[sense] / windows as f64;
                }
                for neuron in 0..visible {
                    let one = gradient.start[neuron].abs() * of_neuron[neuron];
                    by_neuron[muscle * visible + neuron] += one / windows as f64;
                }
            }
        }
        (by_sense, by_neuron)
    }

    /// Root mean square by which each output is other than it was.
    fn change(&self, outputs: &[f64]) -> Vec<f64> {
        let muscles = self.network.outputs();
        let square = |muscle: usize| -> f64 {
            let both = outputs.iter().zip(self.outputs).skip(muscle).step_by(muscles);
            both.map(|(now, before)| (now - before).powi(2)).sum::<f64>()
        };
        (0..muscles).map(|muscle| (square(muscle) / self.steps() as f64).sqrt()).collect()
    }

    fn without_senses(&self) -> Vec<f64> {
        let senses = self.network.inputs();
        let columns = crate::parallel::map(senses, |sense| {
            let own = || self.inputs.iter().skip(sense).step_by(senses);
            let mean = own().sum::<f64>() / self.steps() as f64;
            let mut inputs = self.inputs.to_vec();
            inputs.iter_mut().skip(sense).step_by(senses).for_each(|input| *input = mean);
            let elapsed = Some(self.elapsed);
            let batch = Batch { samples: 1, steps: self.steps(), inputs: &inputs, elapsed, start: None };
            self.change(&self.network.play(&batch, false).outputs)
        });
        transposed(&columns)
    }

    fn without_neurons(&self) -> Vec<f64> {
        let network = self.network;
        let (visible, all, senses) = (network.cell().visible(), network.states(), network.inputs());
        let columns = crate::parallel::map(visible, |neuron| {
            let (mut state, mut scratch) = (vec![0.0; all], vec![0.0; network.scratch()]);
            let mut outputs = vec![0.0; self.outputs.len()];
            for (step, seen) in outputs.chunks_mut(network.outputs()).enumerate() {
                network.step(self.elapsed[step], &self.inputs[step * senses..][..senses], &mut state, &mut scratch);
                state[neuron] = 0.0;
                network.read(&state, seen);
            }
            self.change(&outputs)
        });
        transposed(&columns)
    }
}

/// Columns as rows, one after the other.
fn transposed(columns: &[Vec<f64>]) -> Vec<f64> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}

impl Contributions {
    /// The three senses and three neurons that moved each muscle most by ablation.
    pub fn strongest(&self) -> Vec<Strongest> {
        let three = |names: &[String], values: &[f64]| -> Vec<(String, f64)> {
            let mut all: Vec<(String, f64)> = names.iter().cloned().zip(values.iter().copied()).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1));
            all.truncate(3);
            all
        };
        let rows = |values: &[f64], width: usize, muscle: usize| values[muscle * width..(muscle + 1) * width].to_vec();
        let one = |(muscle, name): (usize, &String)| {
            let senses = three(&self.senses, &rows(&self.of_senses[1], self.senses.len(), muscle));
            let neurons = three(&self.neurons, &rows(&self.of_neurons[1], self.neurons.len(), muscle));
            Strongest { muscle: name.clone(), senses, neurons }
        };
        self.muscles.iter().enumerate().map(one).collect()
    }

    /// Writes everything into one HDF5 file; of the synapses those whose names `wanted` says.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        let (muscles, steps) = (self.muscles.len(), self.times.len());
        let dataset = |path: &str, shape: Vec<usize>, values: Vec<f64>, unit: &str| Dataset {
            path: path.to_string(),
            shape,
            values,
            unit: unit.to_string(),
        };
        let mut datasets = vec![
            dataset("traces/time", vec![steps], self.times.clone(), "s"),
            dataset("traces/neurons", vec![steps, self.neurons.len()], self.states.clone(), ""),
        ];
        for (by, place) in [("gradient", 0), ("ablation", 1)] {
            for (what, values, width) in
                [("senses", &self.of_senses, self.senses.len()), ("neurons", &self.of_neurons, self.neurons.len())]
            {
                let path = format!("contributions/{what}/{by}");
                datasets.push(dataset(&path, vec![muscles, width], values[place].clone(), ""));
            }
        }
        let chosen: Vec<usize> = (0..self.synapses.len()).filter(|synapse| wanted(&self.synapses[*synapse])).collect();
        let mut names = vec![
            ("names/muscles".to_string(), self.muscles.clone()),
            ("names/senses".to_string(), self.senses.clone()),
            ("names/neurons".to_string(), self.neurons.clone()),
        ];
        if !chosen.is_empty() {
            let rows = self.currents.chunks(self.synapses.len());
            let values = rows.flat_map(|row| chosen.iter().map(|synapse| row[*synapse])).collect();
            datasets.push(dataset("traces/synapses", vec![steps, chosen.len()], values, ""));
            let chosen = chosen.iter().map(|synapse| self.synapses[*synapse].clone()).collect();
            names.push(("names/synapses".to_string(), chosen));
        }
        let provenance = Provenance { version: env!("CARGO_PKG_VERSION").to_string(), ..Provenance::default() };
        write_datasets(path, &datasets, &names, &provenance)
    }
}
