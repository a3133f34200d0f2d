//! What is known of one contestant and one seed, in a file of its own, so that a contest that was stopped goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Problem, read_text, write_whole};

/// What one contestant with one seed came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256 of all that decides the contest.
    pub contest: String,
    /// Who.
    pub contestant: String,
    /// With which seed.
    pub seed: u64,
    /// Error after each epoch of imitation.
    pub imitation: Vec<f64>,
    /// Reward after imitation and after each generation.
    pub reward: Vec<f64>,
    /// Measures by their key; none where there is no value.
    pub values: BTreeMap<String, Option<f64>>,
    /// Why learning broke off, if it did.
    pub broke: Option<String>,
}

impl Entry {
    /// The file of a contestant and seed.
    pub fn file(folder: &Path, contestant: &str, seed: u64, ending: &str) -> PathBuf {
        folder.join(format!("{contestant}.seed{seed}.{ending}"))
    }

    /// The entry, if its file is there.
    ///
    /// # Errors
    /// When it is damaged, or that of another contest.
    pub fn read(folder: &Path, contest: &str, contestant: &str, seed: u64) -> Result<Option<Self>, Problem> {
        let path = Self::file(folder, contestant, seed, "json");
        if !path.exists() {
            return Ok(None);
        }
        let entry: Self = serde_json::from_str(&read_text(&path)?).map_err(|error| {
            Problem::new(format!("{}: not the entry of a contest: {error}", path.display())).help("remove it")
        })?;
        if entry.contest != contest {
            let problem = Problem::new(format!("{}: the entry of another contest", path.display()));
            return Err(problem.help("its files have changed since: give another --out, or remove that folder"));
        }
        Ok(Some(entry))
    }

    /// Writes its file.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, folder: &Path) -> Result<(), Problem> {
        let text = serde_json::to_string_pretty(self).expect("names and numbers are plain");
        write_whole(&Self::file(folder, &self.contestant, self.seed, "json"), format!("{text}\n"))
    }
}
