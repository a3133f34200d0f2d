//! Which senses and neurons of a run's policy moved which muscle: what the run felt is replayed through the policy.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::packed::packed;
use crate::contributions::contributions;
use crate::controller::policy::Policy;
use crate::error::{Problem, Problems, read_bytes};
use crate::recording::Recorded;
use crate::training::hex;

/// The contributions of a recording whose worm has a policy; null of another.
///
/// # Errors
/// A policy that is no longer where it was, or no longer what it was.
pub(super) fn of(recorded: &mut Recorded, path: &Path) -> Result<Value, Problems> {
    let Some((file, hash)) = policy_of(recorded)? else { return Ok(Value::Null) };
    let bytes = read_bytes(&file).map_err(|problem| {
        problem.help(format!("the policy of {} is needed: stand where the run was started", path.display()))
    })?;
    if hex(&Sha256::digest(&bytes)) != hash {
        let problem = Problem::new(format!("{}: not the policy that {} was run with", file.display(), path.display()));
        return Err(problem.help("run it again, or put the policy of that run back").into());
    }
    let found = contributions(&Policy::from_bytes(&file, &bytes)?, path)?;
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
    let both = |[gradient, ablation]: &[Vec<f64>; 2], width: usize| {
        let shape = [found.muscles.len(), width];
        json!({ "gradient": packed(&single(gradient), &shape), "ablation": packed(&single(ablation), &shape) })
    };
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(json!({
        "policy": name, "muscles": found.muscles, "senses": found.senses, "neurons": found.neurons,
        "of_senses": both(&found.of_senses, found.senses.len()), "of_neurons": both(&found.of_neurons, found.neurons.len()),
    }))
}

/// The file of the policy that a run had, and its SHA-256.
fn policy_of(recorded: &mut Recorded) -> Result<Option<(PathBuf, String)>, Problem> {
    if !recorded.has("parameters/files/path") {
        return Ok(None);
    }
    let hashes = recorded.texts("parameters/files/sha256")?;
    let files = recorded.texts("parameters/files/path")?.into_iter().map(PathBuf::from).zip(hashes);
    let is_policy = |file: &Path| file.extension().is_some_and(|extension| extension == "safetensors");
    Ok(files.into_iter().find(|(file, _)| is_policy(file)))
}
