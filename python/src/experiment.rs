//! An experiment from a file, or from a text that was made of a dict.

use std::path::PathBuf;

use nematode::controller::Controller;
use nematode::error::{Error, Problem};
use nematode::experiment::Experiment;
use nematode::scene_run::SceneRun;
use nematode::settings::Settings;

/// Where an experiment comes from: its file, or the name that errors give its text; the text, where it is no file; changes,
/// as of `--set`.
pub type Source = (PathBuf, Option<String>, Vec<String>);

/// Reads an experiment.
pub fn read((path, text, set): Source) -> Result<Experiment, Error> {
    if text.is_none() && SceneRun::is_named_by(&path) {
        let problem = Problem::new(format!("{}: a scene of Sibernetic, and no worm", path.display()));
        return Err(problem.help(format!("run it with the command: nematode run {}", path.display())).into());
    }
    let made = text.is_some();
    let mut settings = match text {
        Some(text) => Settings::from_text(path, text),
        None => Settings::open(&path)?,
    };
    for change in &set {
        settings.set(change)?;
    }
    let mut experiment = Experiment::read(settings)?;
    if made {
        // It has no file that a recording could have the hash of; its text is in the recording.
        experiment.files.remove(0);
    }
    Ok(experiment)
}

/// Decides nothing: the controller of a worm that is driven from outside.
pub struct Still;

impl Controller for Still {
    fn senses(&self) -> &[String] {
        &[]
    }

    fn drives(&self) -> &[String] {
        &[]
    }

    fn step(&mut self, _: f64, _: f64, _: &[f64], _: &mut [f64]) {}

    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    fn restore(&mut self, _: &[f64]) -> Result<(), Problem> {
        Ok(())
    }
}
