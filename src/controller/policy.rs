//! Trained weights become a controller: a safetensors file with the names of the ncps state dict.
//!
//! In Python, `safetensors.torch.save_file(model.state_dict(), path, metadata={...})` writes such a file. The
//! sparsity masks are in it, so an absent synapse costs nothing here. What the state dict lacks is metadata,
//! each a string, either by itself or as a member of one JSON object called `config`:
//!
//! | key | meaning | if it is missing |
//! |---|---|---|
//! | `implicit_param_constraints` | "true": weights, leaks and capacitances are softplus of what is stored | "false" |
//! | `ode_unfolds` | substeps of one step | "6" |
//! | `epsilon` | what keeps the solver from dividing by 0 | "1e-8" |
//! | `time_unit` | seconds that the cell calls 1 | "1" |
//! | `output_size` | motor neurons, where no output map says it | all neurons |
//! | `squash` | "clamp" or "logistic": how an output becomes an activation | "clamp" |
//! | `senses`, `drives` | JSON lists of names | the caller names them |
//!
//! Input and output maps are affine, linear or none, as their tensors are there or not.
//!
//! Source: ncps 1.0.1, LTCCell; the format of the file: huggingface/safetensors 0.8.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::ltc::{Ltc, LtcController, Memory, Parameters, Squash};
use super::synapses::Synapse;
use crate::error::{Problem, Problems, nearest, read_bytes};

/// What a file of weights holds: a cell, and what its metadata says about its use.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The cell, at state 0.
    pub cell: Ltc,
    /// Names of its inputs, if the file has them.
    pub senses: Option<Vec<String>>,
    /// Names of its outputs, if the file has them.
    pub drives: Option<Vec<String>>,
    /// How an output becomes an activation.
    pub squash: Squash,
    /// What the cell calls 1 [s].
    pub time_unit: f64,
}

impl Policy {
    /// Reads a file.
    ///
    /// # Errors
    /// Every problem of the file: it cannot be read, it holds no LTC, a tensor is missing, has another
    /// shape or a value that is not a number, or the metadata cannot be understood.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::from_bytes(path, &read_bytes(path)?)
    }

    /// Reads the content of a file; `path` is only what problems call it.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Problems> {
        let not_safetensors = |error: &dyn std::fmt::Display| {
            Problem::new(format!("{}: not a safetensors file: {error}", path.display()))
                .help("write it with safetensors.torch.save_file(model.state_dict(), path)")
        };
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| not_safetensors(&error))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| not_safetensors(&error))?;
        let settings = Settings::new(header.metadata().iter().flatten());
        let mut reader = Reader { path, tensors, prefix: "", problems: Problems::new() };
        let Some(prefix) = PREFIXES.into_iter().find(|prefix| reader.has(&format!("{prefix}rnn_cell.gleak"))) else {
            return Err(reader
                .problem("no tensor `rnn_cell.gleak`: these are not the weights of an LTC".into())
                .into());
        };
        reader.prefix = prefix;
        let parameters = reader.parameters(&settings);
        let squash = match settings.text("squash").as_deref() {
            None | Some("clamp") => Squash::Clamp,
            Some("logistic") => Squash::Logistic,
            Some(other) => {
                let problem = reader.problem(format!("unknown `squash` \"{other}\""));
                reader.problems.push(problem.help("give \"clamp\" or \"logistic\""));
                Squash::Clamp
            }
        };
        let time_unit = reader.number(&settings, "time_unit", 1.0);
        let (senses, drives) = (reader.names(&settings, "senses"), reader.names(&settings, "drives"));
        let parameters = reader.problems.or_ok(parameters)?;
        Ok(Self { cell: Ltc::new(parameters)?, senses, drives, squash, time_unit })
    }

    /// A controller; `senses` and `drives` name what the file does not name itself, and are empty where it does.
    ///
    /// # Errors
    /// A problem if the names do not match the cell in number, or if the file has names and other ones are given.
    pub fn controller(self, senses: Vec<String>, drives: Vec<String>) -> Result<LtcController, Problem> {
        let senses = one_list("senses", self.senses, senses)?;
        let drives = one_list("drives", self.drives, drives)?;
        LtcController::new(self.cell, senses, drives, self.squash, self.time_unit)
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

/// What may stand before `rnn_cell.`: a state dict as it is, or under `param.`.
const PREFIXES: [&str; 2] = ["", "param."];

/// The metadata, with the members of `config` beside the rest.
struct Settings(BTreeMap<String, Value>);

impl Settings {
    fn new<'a>(metadata: impl Iterator<Item = (&'a String, &'a String)>) -> Self {
        let own: BTreeMap<&String, &String> = metadata.collect();
        let config = own.iter().find(|(key, _)| key.as_str() == "config");
        let mut all = match config.and_then(|(_, text)| serde_json::from_str(text).ok()) {
            Some(Value::Object(members)) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        // What stands by itself wins over what `config` says.
        all.extend(own.into_iter().map(|(key, text)| (key.clone(), Value::String(text.clone()))));
        Self(all)
    }

    /// The setting as text: a JSON string without its quotes, anything else as JSON writes it.
    fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// Reads tensors and collects what is wrong with them.
struct Reader<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    prefix: &'static str,
    problems: Problems,
}

impl Reader<'_> {
    fn problem(&self, what: String) -> Problem {
        Problem::new(format!("{}: {what}", self.path.display()))
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// How many numbers the tensor `name` has; 0 if there is none.
    fn len(&self, name: &str) -> usize {
        self.tensors.tensor(&format!("{}{name}", self.prefix)).map_or(0, |tensor| tensor.shape().iter().product())
    }

    fn number(&mut self, settings: &Settings, key: &str, default: f64) -> f64 {
        let Some(text) = settings.text(key) else { return default };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => value,
            _ => {
                let problem = self.problem(format!("`{key}` is \"{text}\""));
                self.problems.push(problem.help("give a number above 0"));
                default
            }
        }
    }

    fn names(&mut self, settings: &Settings, key: &str) -> Option<Vec<String>> {
        let text = settings.text(key)?;
        let names = serde_json::from_str(&text).ok();
        if names.is_none() {
            let problem = self.problem(format!("`{key}` is not a JSON list of names"));
            self.problems.push(problem.help("write it like [\"MDL01\", \"MDL02\"]"));
        }
        names
    }

    /// The tensor `name`, of that shape and finite, as f64; zeros and a problem if it is not so.
    fn values(&mut self, name: &str, shape: &[usize]) -> Vec<f64> {
        let full = format!("{}{name}", self.prefix);
        match self.checked_values(&full, shape) {
            Ok(values) => values,
            Err(problem) => {
                self.problems.push(problem);
                vec![0.0; shape.iter().product()]
            }
        }
    }

    fn checked_values(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>, Problem> {
        let Ok(tensor) = self.tensors.tensor(name) else {
            let problem = self.problem(format!("no tensor `{name}`"));
            return Err(match nearest(name, self.tensors.names()) {
                Some(near) => problem.help(format!("nearest: `{near}`")),
                None => problem.help("save the whole state dict of the model"),
            });
        };
        if tensor.shape() != shape {
            let (found, wanted) = (tensor.shape(), shape);
            return Err(self
                .problem(format!("`{name}` has the shape {found:?}, expected {wanted:?}"))
                .help("matrices are [source, target], as in the state dict of ncps"));
        }
        let data = tensor.data();
        let values: Vec<f64> = match tensor.dtype() {
            Dtype::F64 => data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
            Dtype::I32 => data.as_chunks().0.iter().map(|bytes| f64::from(i32::from_le_bytes(*bytes))).collect(),
            Dtype::I64 => data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect(),
            other => {
                let problem = self.problem(format!("`{name}` is of type {other:?}"));
                return Err(problem.help("save it as float32 or float64: model.double()"));
            }
        };
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(self
                .problem(format!("number {index} of `{name}` is {}", values[index]))
                .help("the training diverged; save an earlier checkpoint")),
            None => Ok(values),
        }
    }

    /// A tensor that must not be negative: softplus of what is stored, or as it is.
    fn positive(&mut self, name: &str, shape: &[usize], implicit: bool) -> Vec<f64> {
        let stored = self.values(name, shape);
        if implicit {
            return stored.into_iter().map(softplus).collect();
        }
        if let Some(index) = stored.iter().position(|value| *value < 0.0) {
            let problem = self.problem(format!("number {index} of `{}{name}` is {}", self.prefix, stored[index]));
            self.problems.push(problem.help(
                "call apply_weight_constraints() before saving, or set `implicit_param_constraints` to \"true\"",
            ));
        }
        stored
    }

    /// The synapses that the mask leaves, from `sources` to `units`; `kind` is "" or "sensory_".
    fn synapses(&mut self, kind: &str, sources: usize, units: usize, implicit: bool) -> Vec<Synapse> {
        let shape = [sources, units];
        let mask = self.values(&format!("rnn_cell.{kind}sparsity_mask"), &shape);
        let weight = self.positive(&format!("rnn_cell.{kind}w"), &shape, implicit);
        let [reversal, steepness, midpoint] =
            ["erev", "sigma", "mu"].map(|letter| self.values(&format!("rnn_cell.{kind}{letter}"), &shape));
        (0..sources * units)
            .filter(|index| mask[*index] != 0.0)
            .map(|index| Synapse {
                source: index / units,
                target: index % units,
                weight: weight[index] * mask[index],
                reversal: reversal[index],
                steepness: steepness[index],
                midpoint: midpoint[index],
            })
            .collect()
    }

    /// Scale and offset of a map; a missing tensor is scale 1 or offset 0.
    fn map(&mut self, name: &str, len: usize) -> Vec<(f64, f64)> {
        let mut half = |letter: &str, default: f64| {
            let name = format!("rnn_cell.{name}_{letter}");
            if self.len(&name) > 0 { self.values(&name, &[len]) } else { vec![default; len] }
        };
        let (scale, offset) = (half("w", 1.0), half("b", 0.0));
        scale.into_iter().zip(offset).collect()
    }

    fn parameters(&mut self, settings: &Settings) -> Parameters {
        let implicit = match settings.text("implicit_param_constraints").as_deref() {
            None | Some("false" | "False") => false,
            Some("true" | "True") => true,
            Some(other) => {
                let problem = self.problem(format!("`implicit_param_constraints` is \"{other}\""));
                self.problems.push(problem.help("give \"true\" or \"false\""));
                false
            }
        };
        let units = self.len("rnn_cell.gleak").max(1);
        let senses = self.len("rnn_cell.sensory_sparsity_mask") / units;
        // Without an output map the file does not say how many of the neurons are motor neurons: all are read,
        // motor neurons first.
        let outputs = match self.len("rnn_cell.output_w") {
            0 => settings.text("output_size").and_then(|text| text.parse().ok()).unwrap_or(units),
            outputs => outputs,
        };
        let has_memory = self.len("lstm.input_map.weight") > 0;
        let memory = has_memory.then(|| Memory {
            input_weight: self.values("lstm.input_map.weight", &[4 * units, senses]),
            input_bias: self.values("lstm.input_map.bias", &[4 * units]),
            recurrent_weight: self.values("lstm.recurrent_map.weight", &[4 * units, units]),
        });
        // A mixed-memory cell reads the senses twice: the LSTM unmapped, the cell through its map.
        Parameters {
            capacitance: self.positive("rnn_cell.cm", &[units], implicit),
            leak: self.positive("rnn_cell.gleak", &[units], implicit),
            rest: self.values("rnn_cell.vleak", &[units]),
            synapses: self.synapses("", units, units, implicit),
            sensory: self.synapses("sensory_", senses, units, implicit),
            input_map: self.map("input", senses),
            output_map: self.map("output", outputs.min(units)),
            memory,
            substeps: self.number(settings, "ode_unfolds", 6.0).max(1.0) as usize,
            epsilon: self.number(settings, "epsilon", 1e-8),
        }
    }
}

/// ln(1 + eˣ), and x itself above 20, where the difference is below 2·10⁻⁹ and torch drops it too.
fn softplus(x: f64) -> f64 {
    if x > 20.0 { x } else { libm::log1p(libm::exp(x)) }
}
