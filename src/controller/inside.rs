//! What is inside a policy, by name: the states of its neurons, and of an LTC the currents of the synapses between them.
//!
//!   "DB1"            state of a neuron; "neuron/7" where a policy has no names
//!   "DB1 > MDL05"    w σ(γ (v − μ)) (e − v′), of the states v and v′ at its ends
//!
//! Both are pure numbers: a policy has no units.

use super::recurrent::Recurrent;
use crate::math::{logistic, softplus};

/// The names of what is inside, and how to read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inside {
    neurons: Vec<String>,
    synapses: Vec<Synapse>,
}

/// One synapse of an LTC.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Synapse {
    from: usize,
    to: usize,
    weight: f64,
    midpoint: f64,
    steepness: f64,
    reversal: f64,
}

impl Inside {
    /// The inside of a network; `names` are those of its neurons, if they fit.
    pub fn of(network: &Recurrent, names: Option<&[String]>) -> Self {
        let visible = network.cell().visible();
        let neurons = match names {
            Some(names) if names.len() == visible => names.to_vec(),
            _ => (0..visible).map(|neuron| format!("neuron/{}", neuron + 1)).collect(),
        };
        Self { synapses: synapses(network, visible), neurons }
    }

    /// The names of the neurons.
    pub fn neurons(&self) -> &[String] {
        &self.neurons
    }

    /// The names of the synapses; none of another cell than an LTC.
    pub fn synapses(&self) -> Vec<String> {
        let name = |synapse: &Synapse| format!("{} > {}", self.neurons[synapse.from], self.neurons[synapse.to]);
        self.synapses.iter().map(name).collect()
    }

    /// All names, neurons first.
    pub fn names(&self) -> Vec<String> {
        self.neurons.iter().cloned().chain(self.synapses()).collect()
    }

    /// What the `place`-th of the names is, in a state of the network.
    pub fn value(&self, place: usize, state: &[f64]) -> f64 {
        match place.checked_sub(self.neurons.len()) {
            None => state[place],
            Some(synapse) => self.current(synapse, state),
        }
    }

    /// The current of a synapse.
    pub fn current(&self, synapse: usize, state: &[f64]) -> f64 {
        let Synapse { from, to, weight, midpoint, steepness, reversal } = self.synapses[synapse];
        weight * logistic(steepness * (state[from] - midpoint)) * (reversal - state[to])
    }
}

/// The synapses between the neurons of an LTC; none of another cell.
fn synapses(network: &Recurrent, units: usize) -> Vec<Synapse> {
    let mut parts: [Option<(Vec<usize>, Vec<f64>)>; 4] = Default::default();
    let mut start = 0;
    for tensor in network.tensors() {
        let own = start..start + tensor.weights();
        start = own.end;
        let letter = ["w", "mu", "sigma", "erev"].iter().position(|letter| tensor.name == format!("rnn_cell.{letter}"));
        if let (Some(letter), Some(places)) = (letter, tensor.places.clone()) {
            parts[letter] = Some((places, network.weights()[own].to_vec()));
        }
    }
    let [Some((places, w)), Some((_, mu)), Some((_, sigma)), Some((_, erev))] = parts else { return Vec::new() };
    let implicit = network.settings().iter().any(|(key, text)| *key == "implicit_param_constraints" && text == "true");
    let synapse = |(at, place): (usize, usize)| Synapse {
        from: place / units,
        to: place % units,
        weight: if implicit { softplus(w[at]) } else { w[at] },
        midpoint: mu[at],
        steepness: sigma[at],
        reversal: erev[at],
    };
    places.into_iter().enumerate().map(synapse).collect()
}
