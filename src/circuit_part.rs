//! `[controller.circuit]` of an experiment: a `.bnn` circuit, which sense sets which neurons, which neuron drives which muscle.

use std::path::PathBuf;

use serde::Deserialize;

use crate::controller::circuit::{Circuit, CircuitController, Input};
use crate::error::{Problem, Problems};
use crate::proprioception::{Sense, muscle_named};
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// The part as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitFile {
    file: Spanned<String>,
    step: Spanned<String>,
    inputs: Vec<InputFile>,
    outputs: Vec<OutputFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFile {
    sense: Spanned<String>,
    positive: usize,
    negative: usize,
    least: f32,
    greatest: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFile {
    drive: Spanned<String>,
    neuron: usize,
}

impl CircuitFile {
    /// The controller; the circuit's file is added to `files`.
    ///
    /// # Errors
    /// Every problem in both files, and names of senses and muscles that do not exist.
    pub fn read(&self, settings: &Settings, files: &mut Vec<PathBuf>) -> Result<CircuitController, Problems> {
        let mut problems = Problems::new();
        let step = settings.positive(&self.step, Dimension::TIME, &mut problems);
        let mut known = |name: &Spanned<String>, wrong: Option<Problem>| {
            problems.extend(wrong.map(|problem| problem.at(settings.place(name.span()))));
        };
        for input in &self.inputs {
            known(&input.sense, Sense::named(input.sense.get_ref()).err());
        }
        for output in &self.outputs {
            known(&output.drive, muscle_named(output.drive.get_ref()).err());
        }
        let path = settings.beside(self.file.get_ref());
        let at_the_file = |found: Problems| {
            let place = settings.place(self.file.span());
            found
                .into_iter()
                .map(move |problem| if problem.place.is_none() { problem.at(place.clone()) } else { problem })
        };
        let circuit = match Circuit::read(&path) {
            Ok(circuit) => circuit,
            Err(found) => {
                problems.extend(at_the_file(found));
                return Err(problems);
            }
        };
        problems.or_ok(())?;
        files.push(path);
        let input = |input: &InputFile| {
            let range = [input.least, input.greatest];
            (input.sense.get_ref().clone(), Input { positive: input.positive, negative: input.negative, range })
        };
        let senses = self.inputs.iter().map(input).collect();
        let drives = self.outputs.iter().map(|output| (output.drive.get_ref().clone(), output.neuron)).collect();
        CircuitController::new(circuit, senses, drives, step).map_err(|found| {
            let mut all = Problems::new();
            all.extend(at_the_file(found));
            all
        })
    }
}
