//! Trained weights become a controller, and a controller's weights a file: safetensors with the names of the ncps state dict.
//!
//! In Python, `safetensors.torch.save_file(model.state_dict(), path, metadata={...})` writes such a file and
//! `model.load_state_dict(safetensors.torch.load_file(path))` reads one. The names of the tensors tell which cell it is:
//!
//! | tensors | cell |
//! |---|---|
//! | `rnn_cell.gleak`, … | LTC |
//! | `rnn_cell.ff1.weight`, … | CfC |
//! | `rnn_cell.layer_0.ff1.weight`, … | wired CfC |
//! | `rnn.weight_ih_l0`, … | `torch.nn.LSTM` or `torch.nn.GRU` called `rnn`, by their shapes |
//! | `rnn_cell.rate`, … | CT-RNN, see `ctrnn.rs` |
//! | `lstm.input_map.weight`, … besides | mixed memory |
//! | `fc.weight`, `fc.bias` besides | a linear layer on the output |
//!
//! Masks are in the state dict, so wiring and absent synapses need no seed; they are constants here, never trained. What
//! the state dict lacks is metadata, see docs/controllers.md. Absent synapses are written as zeros.
//!
//! Source: ncps 1.0.1; the format of the file: huggingface/safetensors 0.8.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;

use super::activation::Activation;
use super::cell::{Cell, Tensor};
use super::cfc::{Backbone, Cfc, Mode};
use super::ctrnn::CtRnn;
use super::explicit::Solver;
use super::gru::Gru;
use super::lstm::Lstm;
use super::ltc::{Ltc, Mapping, Options};
use super::policy_controller::{PolicyController, Squash};
use super::recurrent::{Readout, Recurrent};
use super::state_dict::StateDict;
use crate::error::{Problem, Problems, read_bytes, write_whole};

/// What a file of weights holds: a cell with its readout, and what its metadata says about its use.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The cell, its memory and readout.
    pub network: Recurrent,
    /// Names of its inputs, if the file has them.
    pub senses: Option<Vec<String>>,
    /// Names of its outputs, if the file has them.
    pub drives: Option<Vec<String>>,
    /// Names of its neurons, if the file has them.
    pub neurons: Option<Vec<String>>,
    /// How an output becomes an activation.
    pub squash: Squash,
    /// What the cell calls 1 \[s\].
    pub time_unit: f64,
    /// Time between two decisions \[s\]; every step of the worm if there is none.
    pub interval: Option<f64>,
}

impl Policy {
    /// A policy without names, whose cell counts seconds.
    pub fn new(network: Recurrent) -> Self {
        Self {
            network,
            senses: None,
            drives: None,
            neurons: None,
            squash: Squash::default(),
            time_unit: 1.0,
            interval: None,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Every problem of the file: it cannot be read, it holds no known cell, a tensor is missing, has another
    /// shape or a value that is not a number, or the metadata cannot be understood.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::from_bytes(path, &read_bytes(path)?)
    }

    /// Reads the content of a file; `path` is only what problems call it.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Problems> {
        let mut file = StateDict::open(path, bytes)?;
        let Some(mut network) = shape_of(&mut file) else {
            let problem = file.problem("not the weights of an LTC, CfC, CT-RNN, GRU or LSTM".into());
            file.problems.push(problem.help(
                "save the state dict of an ncps model (`rnn_cell.gleak`, `rnn_cell.ff1.weight`, …), or of a module \
                 whose torch.nn.GRU or LSTM is called `rnn`",
            ));
            return Err(file.problems);
        };
        let tensors = network.tensors();
        let weights: Vec<f64> = tensors.iter().flat_map(|tensor| file.weights(tensor)).collect();
        check_signs(&network, &tensors, &weights, &mut file);
        let squash = file.choice("squash", Squash::Clamp, Squash::named, "\"clamp\" or \"logistic\"");
        let time_unit = file.number("time_unit", 1.0);
        let interval = file.text("interval").map(|_| file.number("interval", 1.0));
        let [senses, drives, neurons] = ["senses", "drives", "neurons"].map(|key| file.names(key));
        file.problems.or_ok(())?;
        network.take(weights);
        Ok(Self { network, senses, drives, neurons, squash, time_unit, interval })
    }

    /// The content of a file that [`Policy::from_bytes`] reads as the same policy; the same bytes for the same policy.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut dense: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        let mut put = |tensor: &Tensor, values: Vec<f64>| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            dense.insert(tensor.name.clone(), (tensor.shape.clone(), bytes));
        };
        let mut weights = self.network.weights();
        for tensor in self.network.tensors() {
            let (own, rest) = weights.split_at(tensor.weights());
            put(&tensor, tensor.dense(own));
            weights = rest;
        }
        for (tensor, values) in self.network.cell().masks() {
            put(&tensor, values);
        }
        let views = dense.iter().map(|(name, (shape, bytes))| {
            let view =
                TensorView::new(Dtype::F64, shape.clone(), bytes).expect("eight bytes for each number of the shape");
            (name, view)
        });
        // One entry only: the order of more would not be the same in every run.
        let metadata = [("config".to_string(), self.config().to_string())].into();
        safetensors::serialize(views, Some(metadata)).expect("names and shapes are plain")
    }

    /// Writes a file that [`Policy::read`], `safetensors.torch` and `safetensors.numpy` read.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, path: &Path) -> Result<(), Problem> {
        write_whole(path, self.to_bytes())
    }

    fn config(&self) -> Value {
        let mut config: serde_json::Map<String, Value> =
            self.network.settings().into_iter().map(|(key, text)| (key.to_string(), Value::String(text))).collect();
        config.insert("squash".into(), self.squash.name().into());
        config.insert("time_unit".into(), self.time_unit.into());
        if let Some(interval) = self.interval {
            config.insert("interval".into(), interval.into());
        }
        for (key, names) in [("senses", &self.senses), ("drives", &self.drives), ("neurons", &self.neurons)] {
            if let Some(names) = names {
                config.insert(key.into(), names.clone().into());
            }
        }
        Value::Object(config)
    }

    /// A controller; `senses` and `drives` name what the file does not name itself, and are empty where it does.
    ///
    /// # Errors
    /// A problem if the names do not match the cell in number, or if the file has names and other ones are given.
    pub fn controller(self, senses: Vec<String>, drives: Vec<String>) -> Result<PolicyController, Problem> {
        let senses = one_list("senses", self.senses, senses)?;
        let drives = one_list("drives", self.drives, drives)?;
        let controller = PolicyController::new(self.network, senses, drives, self.squash, self.time_unit)?;
        let controller = controller.naming(self.neurons);
        match self.interval {
            Some(interval) => controller.every(interval),
            None => Ok(controller),
        }
    }
}

/// The file's own names or the given ones, not two different lists.
fn one_list(what: &str, own: Option<Vec<String>>, given: Vec<String>) -> Result<Vec<String>, Problem> {
    match own {
        Some(own) if given.is_empty() || own == given => Ok(own),
        Some(_) => Err(Problem::new(format!("the policy names its own {what}, and other {what} are given"))
            .help(format!("leave out `{what}`, or the names in the policy's metadata"))),
        None => Ok(given),
    }
}

/// Weights that a cell could not have: below 0 where they must not be.
fn check_signs(network: &Recurrent, tensors: &[Tensor], weights: &[f64], file: &mut StateDict) {
    let mut allowed = weights.to_vec();
    network.constrain(&mut allowed);
    let mut start = 0;
    for tensor in tensors {
        let own = start..start + tensor.weights();
        start = own.end;
        if let Some(index) = own.clone().find(|index| weights[*index] != allowed[*index]) {
            let place = tensor.places.as_ref().map_or(index - own.start, |places| places[index - own.start]);
            let problem = file.problem(format!("number {place} of `{}` is {}", tensor.name, weights[index]));
            file.problems.push(problem.help(
                "call apply_weight_constraints() before saving, or set `implicit_param_constraints` to \"true\"",
            ));
        }
    }
}

/// The cell that the tensors tell of, its weights still to be read; none if they tell of none that is known.
fn shape_of(file: &mut StateDict) -> Option<Recurrent> {
    let (cell, readout): (Box<dyn Cell>, Readout) = if file.has("rnn_cell.gleak") {
        let cell = ltc(file);
        let readout = ltc_readout(file, cell.states());
        (Box::new(cell), readout)
    } else if file.has("rnn_cell.layer_0.ff1.weight") {
        let cell = wired_cfc(file);
        let (from, neurons) = cell.last_layer();
        (Box::new(cell), readout(file, from, neurons))
    } else if file.has("rnn_cell.ff1.weight") {
        let units = file.length("rnn_cell.ff1.weight", 0);
        (Box::new(cfc(file, units)), readout(file, 0, units))
    } else if file.has("rnn.weight_hh_l0") {
        let units = file.length("rnn.weight_hh_l0", 1);
        let inputs = file.length("rnn.weight_ih_l0", 1);
        let cell: Box<dyn Cell> = if file.length("rnn.weight_hh_l0", 0) == 4 * units {
            Box::new(Lstm::new(inputs, units))
        } else {
            Box::new(Gru::new(inputs, units))
        };
        (cell, readout(file, 0, units))
    } else if file.has("rnn_cell.rate") {
        let units = file.length("rnn_cell.rate", 0);
        let inputs = file.length("rnn_cell.input_map.weight", 1);
        let solver = file.choice("solver", Solver::Euler, explicit, "\"euler\" or \"rk4\"");
        let substeps = substeps(file);
        (Box::new(CtRnn::new(inputs, units, solver, substeps)), readout(file, 0, units))
    } else {
        return None;
    };
    Some(Recurrent::new(cell, file.has("lstm.input_map.weight"), readout))
}

fn explicit(name: &str) -> Option<Solver> {
    Solver::named(name).filter(|solver| *solver != Solver::Fused)
}

fn substeps(file: &mut StateDict) -> usize {
    let number = file.number("ode_unfolds", 6.0);
    if number.fract() != 0.0 || number > 1e6 {
        let problem = file.problem(format!("`ode_unfolds` is {number}"));
        file.problems.push(problem.help("give a whole number of substeps"));
        return 1;
    }
    number as usize
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

fn ltc(file: &mut StateDict) -> Ltc {
    let units = file.length("rnn_cell.gleak", 0);
    let senses = file.length("rnn_cell.sensory_sparsity_mask", 0);
    let mapping = [file.has("rnn_cell.input_w"), file.has("rnn_cell.input_b")];
    let options = Options {
        implicit: file.choice("implicit_param_constraints", false, boolean, "\"true\" or \"false\""),
        substeps: substeps(file),
        epsilon: file.number("epsilon", 1e-8),
        solver: file.choice("solver", Solver::Fused, Solver::named, "\"fused\", \"euler\" or \"rk4\""),
        input_map: mapping_of(mapping),
    };
    let mask = file.weights(&Tensor::whole("rnn_cell.sparsity_mask", &[units, units]));
    let sensory = file.weights(&Tensor::whole("rnn_cell.sensory_sparsity_mask", &[senses, units]));
    Ltc::new(options, &mask, &sensory, senses, units)
}

/// A map is affine, linear or none, as its tensors are there or not.
fn mapping_of([scale, offset]: [bool; 2]) -> Mapping {
    match (scale, offset) {
        (true, true) => Mapping::Affine,
        (true, false) => Mapping::Linear,
        _ => Mapping::None,
    }
}

fn ltc_readout(file: &mut StateDict, units: usize) -> Readout {
    let mapping = mapping_of([file.has("rnn_cell.output_w"), file.has("rnn_cell.output_b")]);
    // Without an output map only the settings say how many of the neurons are motor neurons: ours, or those of the
    // wiring; else all are read, motor neurons first.
    let said = match mapping {
        Mapping::None => {
            let of_wiring = ["output_dim", "output_size", "motor_neurons"]
                .into_iter()
                .find_map(|member| file.member("wiring", member)?.parse().ok());
            file.text("output_size").and_then(|text| text.parse().ok()).or(of_wiring).unwrap_or(units)
        }
        _ => file.length("rnn_cell.output_w", 0),
    };
    if said > units {
        let problem = file.problem(format!("{said} outputs of {units} neurons"));
        file.problems.push(problem.help("an LTC reads its first neurons; `output_w` has one number for each"));
    }
    Readout::neurons(0, said.min(units), mapping)
}

fn readout(file: &mut StateDict, from: usize, neurons: usize) -> Readout {
    if file.has("fc.weight") {
        return Readout::projected(from, neurons, file.length("fc.weight", 0));
    }
    let said = file.text("output_size").and_then(|text| text.parse().ok()).unwrap_or(neurons);
    Readout::neurons(from, neurons.min(said), Mapping::None)
}

fn mode(file: &mut StateDict, prefix: &str) -> Mode {
    let told = if file.has(&format!("{prefix}A")) { Mode::Pure } else { Mode::Default };
    file.choice("mode", told, Mode::named, "\"default\", \"no_gate\" or \"pure\"")
}

fn cfc(file: &mut StateDict, units: usize) -> Cfc {
    let layers = file.numbered("rnn_cell.backbone.", ".weight");
    let first = layers.first().map_or("rnn_cell.ff1".to_string(), |index| format!("rnn_cell.backbone.{index}"));
    let inputs = file.length(&format!("{first}.weight"), 1).saturating_sub(units);
    let words = Activation::ALL.map(|activation| format!("\"{}\"", activation.name())).join(", ");
    let backbone = Backbone {
        activation: file.choice("activation", Activation::LecunTanh, Activation::named, &words),
        units: if layers.is_empty() { 0 } else { file.length(&format!("{first}.weight"), 0) },
        layers,
    };
    let mode = mode(file, "rnn_cell.");
    Cfc::new(inputs, units, mode, &backbone)
}

fn wired_cfc(file: &mut StateDict) -> Cfc {
    let mut layers = Vec::new();
    let mut inputs = 0;
    for index in file.numbered("rnn_cell.layer_", ".ff1.weight") {
        let name = format!("rnn_cell.layer_{index}");
        let [units, width] = [0, 1].map(|axis| file.length(&format!("{name}.ff1.weight"), axis));
        if index == 0 {
            inputs = width.saturating_sub(units);
        }
        layers.push((units, file.weights(&Tensor::whole(format!("{name}.sparsity_mask"), &[units, width]))));
    }
    let mode = mode(file, "rnn_cell.layer_0.");
    Cfc::wired(inputs, layers, mode)
}
