//! Examples from a recording: what the worm felt, and what its muscles did, or what it felt later.

use std::path::PathBuf;

use super::task::Sequences;
use crate::controller::numpy_random::Pcg64;
use crate::error::Problem;
use crate::recording::Recorded;

/// What is imitated.
#[derive(Debug, Clone, PartialEq)]
pub struct Imitation {
    /// The recording.
    pub recording: PathBuf,
    /// What should come out.
    pub target: Target,
    /// Frames in a sequence.
    pub steps: usize,
    /// How much later than the inputs the target is \[s\].
    pub lead: f64,
    /// Where the examples begin \[s\].
    pub from: f64,
    /// Share of the frames that are seen, by chance: below 1 the times are irregular.
    pub keep: f64,
}

/// What should come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Activation of the muscles that are driven.
    Muscles,
    /// Senses: a forecast.
    Senses,
}

impl Target {
    /// The targets by name.
    pub const ALL: [(&'static str, Self); 2] = [("muscle_activation", Self::Muscles), ("senses", Self::Senses)];
}

impl Imitation {
    /// The examples, for a policy with those senses and drives whose unit of time is `time_unit` \[s\].
    ///
    /// # Errors
    /// When the recording cannot be read, lacks a sense or muscle, or is shorter than two sequences.
    pub fn sequences(
        &self,
        senses: &[String],
        drives: &[String],
        time_unit: f64,
        seed: u64,
    ) -> Result<Sequences, Problem> {
        let mut recorded = Recorded::open(&self.recording)?;
        let times = recorded.times()?;
        let felt = Columns::read(&mut recorded, "senses", "senses", senses, &self.recording)?;
        let wanted = match self.target {
            Target::Muscles => Columns::read(&mut recorded, "muscle_activation", "muscles", drives, &self.recording)?,
            Target::Senses => Columns::read(&mut recorded, "senses", "senses", drives, &self.recording)?,
        };
        let mut chance = Pcg64::new(seed);
        let mut frames = Vec::new();
        let mut later = 0;
        for (frame, time) in times.iter().enumerate().filter(|(_, time)| **time >= self.from) {
            while later < times.len() && times[later] < time + self.lead - 1e-9 {
                later += 1;
            }
            let kept = self.keep >= 1.0 || chance.unit() < self.keep;
            if kept && later < times.len() {
                frames.push((frame, later));
            }
        }
        let mut sequences = Sequences { steps: self.steps, ..Sequences::default() };
        let mut elapsed = Vec::new();
        // The first frame has no time before it.
        for window in frames.windows(self.steps + 1).step_by(self.steps) {
            for pair in window.windows(2) {
                let [(before, _), (frame, later)] = [pair[0], pair[1]];
                elapsed.push((times[frame] - times[before]) / time_unit);
                sequences.inputs.extend(felt.row(frame));
                sequences.targets.extend(wanted.row(later));
            }
            sequences.samples += 1;
        }
        sequences.elapsed = Some(elapsed);
        if sequences.samples < 2 {
            let problem = Problem::new(format!(
                "{}: {} frames make {} sequences of {} steps",
                self.recording.display(),
                frames.len(),
                sequences.samples,
                self.steps
            ));
            return Err(problem.help("record for longer or more often, or give a shorter `sequence`"));
        }
        Ok(sequences)
    }
}

/// Some columns of a quantity.
struct Columns {
    values: Vec<f32>,
    width: usize,
    columns: Vec<usize>,
}

impl Columns {
    fn read(
        recorded: &mut Recorded,
        quantity: &str,
        names: &str,
        wanted: &[String],
        file: &std::path::Path,
    ) -> Result<Self, Problem> {
        let known = recorded.texts(&format!("parameters/names/{names}"))?;
        let values = recorded.values(&format!("observables/{quantity}"))?;
        let columns = wanted.iter().map(|name| {
            known.iter().position(|known| known == name).ok_or_else(|| {
                Problem::new(format!("{}: has no {quantity} of \"{name}\"", file.display()))
                    .help("record with a version that has it, or leave the name out")
            })
        });
        Ok(Self { columns: columns.collect::<Result<_, _>>()?, width: known.len(), values: values.data })
    }

    fn row(&self, frame: usize) -> impl Iterator<Item = f64> + '_ {
        self.columns.iter().map(move |column| f64::from(self.values[frame * self.width + column]))
    }
}
