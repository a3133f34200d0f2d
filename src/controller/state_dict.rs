//! A safetensors file as a state dict: tensors that are checked as they are asked for, and the settings in its metadata.
//!
//! Metadata are texts, each by itself or as a member of one JSON object called `config`.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::cell::Tensor;
use crate::error::{Problem, Problems, nearest};

/// What may stand before the names: a state dict as it is, or under `param.`.
const PREFIXES: [&str; 2] = ["", "param."];

/// Tensors and settings; what is wrong with them is collected.
pub(super) struct StateDict<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    prefix: &'static str,
    settings: BTreeMap<String, Value>,
    pub(super) problems: Problems,
}

impl<'a> StateDict<'a> {
    /// Opens the content of a file; `path` is only what problems call it.
    pub(super) fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, Problem> {
        let not_safetensors = |error: &dyn std::fmt::Display| {
            Problem::new(format!("{}: not a safetensors file: {error}", path.display()))
                .help("write it with safetensors.torch.save_file(model.state_dict(), path)")
        };
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| not_safetensors(&error))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| not_safetensors(&error))?;
        let own: BTreeMap<&String, &String> = header.metadata().iter().flatten().collect();
        let config = own.iter().find(|(key, _)| key.as_str() == "config");
        let mut settings: BTreeMap<String, Value> = match config.and_then(|(_, text)| serde_json::from_str(text).ok()) {
            Some(Value::Object(members)) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        // What stands by itself wins over what `config` says.
        settings.extend(own.into_iter().map(|(key, text)| (key.clone(), Value::String(text.clone()))));
        let known = ["rnn_cell.", "rnn."];
        let begins = |prefix: &&str| {
            tensors.names().iter().any(|name| known.iter().any(|known| name.starts_with(&format!("{prefix}{known}"))))
        };
        let prefix = PREFIXES.into_iter().find(begins).unwrap_or_default();
        Ok(Self { path, tensors, prefix, settings, problems: Problems::new() })
    }

    pub(super) fn problem(&self, what: String) -> Problem {
        Problem::new(format!("{}: {what}", self.path.display()))
    }

    /// The name as it stands in the file.
    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(&self.full(name)).is_ok()
    }

    /// The length of axis `axis` of a tensor; 0 if it has none.
    pub(super) fn length(&self, name: &str, axis: usize) -> usize {
        let tensor = self.tensors.tensor(&self.full(name));
        tensor.ok().and_then(|tensor| tensor.shape().get(axis).copied()).unwrap_or(0)
    }

    /// The numbers N for which a tensor `before`N`after` is there, in their order.
    pub(super) fn numbered(&self, before: &str, after: &str) -> Vec<usize> {
        let before = self.full(before);
        let number = |name: &str| name.strip_prefix(&before)?.strip_suffix(after)?.parse().ok();
        let mut numbers: Vec<usize> = self.tensors.names().into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The setting as text: a JSON string without its quotes, anything else as JSON writes it.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.settings.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A member of a setting that is a JSON object.
    pub(super) fn member(&self, key: &str, member: &str) -> Option<String> {
        let object: Value = serde_json::from_str(&self.text(key)?).ok()?;
        object.get(member).map(Value::to_string)
    }

    /// A setting above 0.
    pub(super) fn number(&mut self, key: &str, default: f64) -> f64 {
        let Some(text) = self.text(key) else { return default };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 => value,
            _ => {
                let problem = self.problem(format!("`{key}` is \"{text}\""));
                self.problems.push(problem.help("give a number above 0"));
                default
            }
        }
    }

    /// A setting that is one of a few words.
    pub(super) fn choice<T>(&mut self, key: &str, default: T, named: impl Fn(&str) -> Option<T>, words: &str) -> T {
        let Some(text) = self.text(key) else { return default };
        named(&text).unwrap_or_else(|| {
            let problem = self.problem(format!("unknown `{key}` \"{text}\""));
            self.problems.push(problem.help(format!("give {words}")));
            default
        })
    }

    /// A setting that is a JSON list of names.
    pub(super) fn names(&mut self, key: &str) -> Option<Vec<String>> {
        let text = self.text(key)?;
        let names = serde_json::from_str(&text).ok();
        if names.is_none() {
            let problem = self.problem(format!("`{key}` is not a JSON list of names"));
            self.problems.push(problem.help("write it like [\"MDL01\", \"MDL02\"]"));
        }
        names
    }

    /// The weights of a tensor; zeros and a problem if it is not there, of another shape or not finite.
    pub(super) fn weights(&mut self, tensor: &Tensor) -> Vec<f64> {
        match self.checked(tensor) {
            Ok(dense) => tensor.gather(&dense),
            Err(problem) => {
                self.problems.push(problem);
                vec![0.0; tensor.weights()]
            }
        }
    }

    fn checked(&self, wanted: &Tensor) -> Result<Vec<f64>, Problem> {
        let name = self.full(&wanted.name);
        let Ok(tensor) = self.tensors.tensor(&name) else {
            let problem = self.problem(format!("no tensor `{name}`"));
            return Err(match nearest(&name, self.tensors.names()) {
                Some(near) => problem.help(format!("nearest: `{near}`")),
                None => problem.help("save the whole state dict of the model"),
            });
        };
        if tensor.shape() != wanted.shape {
            let (found, wanted) = (tensor.shape(), &wanted.shape);
            return Err(self.problem(format!("`{name}` has the shape {found:?}, expected {wanted:?}")).help(
                "the shapes are those of a state dict of ncps: LTC synapses [source, target], layers [out, in]",
            ));
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
}
