//! Where a recording comes from: the experiment, the command, the files and the papers.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::Problem;
use crate::recording::Recorded;

/// Where a recording comes from, as far as it says.
pub(super) fn of(recorded: &mut Recorded, path: &Path) -> Result<Value, Problem> {
    let mut texts = |name: &str| {
        let name = format!("parameters/{name}");
        if recorded.has(&name) { recorded.texts(&name) } else { Ok(Vec::new()) }
    };
    let toml = texts("experiment_toml")?.concat();
    let experiment: toml::Table = toml::from_str(&toml).unwrap_or_default();
    let told = |section: &str, key: &str| experiment.get(section)?.get(key)?.as_str().map(str::to_string);
    let controller =
        experiment.get("controller").and_then(|controllers| controllers.as_table()?.keys().next().cloned());
    let file = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let title = experiment.get("title").and_then(|title| title.as_str());
    Ok(json!({
        "file": file,
        "title": title.unwrap_or(&file),
        "reproduces": experiment.get("reproduces").and_then(|claim| claim.as_str()),
        "anatomy": told("body", "anatomy"),
        "medium": told("body", "medium"),
        "controller": controller,
        "experiment": toml,
        "command": texts("argv")?,
        "files": texts("files/path")?,
        "hashes": texts("files/sha256")?,
        "papers": texts("papers")?,
        "version": texts("version")?.concat(),
    }))
}
