//! Weights to begin training with, the same for a seed.
//!
//! | weights | from |
//! |---|---|
//! | LTC g, w; E; c; γ; μ | uniform 0.001–1; −0.2–0.2; 0.4–0.6; 3–8; 0.3–0.8 |
//! | LTC e | the polarity of the synapse |
//! | maps, w and A of a pure CfC, s and r of a CT-RNN | scale 1, offset 0; 0 and 1; 1 and 1 |
//! | layers | uniform ±√(6 / (in + out)), biases ±1/√in |
//! | GRU, LSTM | uniform ±1/√units |
//!
//! Not as in ncps: w and A of a pure CfC are left at the values of the publication, where ncps writes over them; the recurrent
//! weights of a memory are uniform and not orthogonal.
//!
//! Source: ncps 1.0.1, the initial ranges of LTCCell; Glorot & Bengio 2010, AISTATS; torch.nn.LSTM.

use super::cell::Tensor;
use super::numpy_random::Pcg64;
use super::recurrent::Recurrent;
use super::wiring::Wiring;

/// One weight for each of the tensors of `network`.
pub fn weights(network: &Recurrent, wiring: Option<&Wiring>, seed: u64) -> Vec<f64> {
    let mut chance = Pcg64::new(seed);
    let tensors = network.tensors();
    let mut fan_in = 1;
    let mut all = Vec::new();
    for tensor in &tensors {
        if let [_, inputs] = tensor.shape[..] {
            // A bias follows the matrix of its layer.
            fan_in = inputs;
        }
        all.extend(of_tensor(tensor, fan_in, wiring, &mut chance));
    }
    all
}

fn of_tensor(tensor: &Tensor, fan_in: usize, wiring: Option<&Wiring>, chance: &mut Pcg64) -> Vec<f64> {
    let name = tensor.name.as_str();
    let letter = name.trim_start_matches("rnn_cell.");
    let mut uniform = |low: f64, high: f64| -> Vec<f64> {
        (0..tensor.weights()).map(|_| low + (high - low) * chance.unit()).collect()
    };
    let constant = |value: f64| vec![value; tensor.weights()];
    let polarity = |of: fn(&Wiring) -> &Vec<i8>| -> Vec<f64> {
        let places = tensor.places.iter().flatten();
        places.map(|place| wiring.map_or(1.0, |wiring| f64::from(of(wiring)[*place]))).collect()
    };
    match letter {
        "gleak" | "w" | "sensory_w" => uniform(0.001, 1.0),
        "vleak" => uniform(-0.2, 0.2),
        "cm" => uniform(0.4, 0.6),
        "sigma" | "sensory_sigma" => uniform(3.0, 8.0),
        "mu" | "sensory_mu" => uniform(0.3, 0.8),
        "erev" => polarity(|wiring| &wiring.synapses),
        "sensory_erev" => polarity(|wiring| &wiring.sensory),
        "input_w" | "output_w" | "scale" | "rate" => constant(1.0),
        "input_b" | "output_b" => constant(0.0),
        _ if letter.ends_with("w_tau") => constant(0.0),
        _ if letter == "A" || letter.ends_with(".A") => constant(1.0),
        _ if name.starts_with("rnn.") => {
            // Torch stacks the gates: the shape begins with three or four times the units.
            let units = if tensor.name.contains("_hh_") && tensor.shape.len() == 2 { tensor.shape[1] } else { fan_in };
            let bound = 1.0 / (units.max(1) as f64).sqrt();
            uniform(-bound, bound)
        }
        _ => {
            let bound = match tensor.shape[..] {
                [outputs, inputs] => (6.0 / (inputs + outputs) as f64).sqrt(),
                _ => 1.0 / (fan_in.max(1) as f64).sqrt(),
            };
            uniform(-bound, bound)
        }
    }
}
