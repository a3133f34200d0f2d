//! Examples from a folder of traces, one `.npy` file of (steps, values) each: every value is to be told one step ahead.
//!
//! The files are taken in the order of their names: the first are held back, those after them are the test, then come those
//! that are learned from. A trace is cut into sequences that begin so many steps apart.
//!
//! The half-cheetah of liquid time-constant networks is such a folder: 31 traces of 1000 steps of 17 values, 5 held back, 10 to
//! test, 10 to learn from, sequences of 32 steps, 10 apart. Source: Hasani et al. 2021, doi:10.1609/aaai.v35i9.16936, and the
//! program beside it, github.com/raminmh/liquid_time_constant_networks.

use std::path::{Path, PathBuf};

use npyz::NpyFile;

use super::task::Sequences;
use crate::error::{Problem, Problems, read_bytes};

/// Some traces of one width.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// The files that are used, in their order.
    pub files: Vec<PathBuf>,
    /// How many values a step has.
    pub width: usize,
    /// What is held back, what tests and what is learned from.
    parts: [Vec<Vec<f64>>; 3],
    /// Steps in a sequence.
    steps: usize,
    /// Steps from the beginning of one to that of the next.
    apart: usize,
}

impl Traces {
    /// Reads `counts` files of a folder: held back, test, learned from.
    ///
    /// # Errors
    /// A folder that cannot be read or has too few files; every file that is not a table of numbers, has another width than
    /// the first, or is too short for a sequence.
    pub fn read(folder: &Path, counts: [usize; 3], steps: usize, apart: usize) -> Result<Self, Problems> {
        let listed = std::fs::read_dir(folder).map_err(|source| {
            Problem::new(format!("{}: cannot read the folder: {source}", folder.display()))
                .help("give the folder that holds the .npy files")
        })?;
        let named = listed.filter_map(|entry| Some(entry.ok()?.path()));
        let mut files: Vec<PathBuf> =
            named.filter(|path| path.extension().is_some_and(|extension| extension == "npy")).collect();
        files.sort();
        let wanted: usize = counts.iter().sum();
        if files.len() < wanted {
            let message = format!("{}: {} .npy files, where {wanted} are asked for", folder.display(), files.len());
            return Err(Problem::new(message).help("give another folder, or take fewer for each part").into());
        }
        files.truncate(wanted);
        let mut problems = Problems::new();
        let mut width = None;
        let mut traces = Vec::new();
        for file in &files {
            match table(file) {
                Ok((rows, columns, _)) if rows < steps + 2 => {
                    let message = format!("{}: {rows} steps, shorter than a sequence", file.display());
                    problems.push(Problem::new(message).help(format!("a trace needs {} steps or more", steps + 2)));
                    width = width.or(Some(columns));
                }
                Ok((_, columns, _)) if width.is_some_and(|width| width != columns) => {
                    let message = format!("{}: {columns} values a step, unlike the first file", file.display());
                    problems.push(Problem::new(message).help("traces of one folder have one width"));
                }
                Ok((_, columns, values)) => {
                    width = Some(columns);
                    traces.push(values);
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.or_ok(())?;
        let [held_back, test, _] = counts;
        let learned = traces.split_off(held_back + test);
        let test = traces.split_off(held_back);
        Ok(Self { files, width: width.unwrap_or_default(), parts: [traces, test, learned], steps, apart })
    }

    /// The sequences that are learned from, those that are held back, and those of the test.
    pub fn sequences(&self) -> [Sequences; 3] {
        let [held_back, test, learned] = &self.parts;
        [learned, held_back, test].map(|traces| {
            let mut sequences = Sequences { steps: self.steps, ..Sequences::default() };
            for trace in traces {
                let rows = trace.len() / self.width;
                for first in (0..rows - self.steps - 1).step_by(self.apart) {
                    let at = |row: usize| &trace[row * self.width..(row + self.steps) * self.width];
                    sequences.inputs.extend(at(first));
                    sequences.targets.extend(at(first + 1));
                    sequences.samples += 1;
                }
            }
            sequences
        })
    }
}

/// Rows, columns and values of a file, row by row.
fn table(path: &Path) -> Result<(usize, usize, Vec<f64>), Problem> {
    let bytes = read_bytes(path)?;
    let wrong = |what: String| {
        Problem::new(format!("{}: {what}", path.display()))
            .help("numpy.save(file, table) writes one, of float64 or float32")
    };
    let file = NpyFile::new(&bytes[..]).map_err(|source| wrong(format!("not a .npy file: {source}")))?;
    let [rows, columns] = file.shape()[..] else {
        return Err(wrong(format!("an array of shape {:?}, not a table of steps and values", file.shape())));
    };
    if file.order() != npyz::Order::C || columns == 0 {
        return Err(wrong("a table that is not stored row by row, or has no columns".to_string()));
    }
    let values = match NpyFile::new(&bytes[..]).map(|file| file.into_vec::<f64>()) {
        Ok(Ok(values)) => values,
        _ => {
            let single =
                file.into_vec::<f32>().map_err(|source| wrong(format!("no floating point numbers: {source}")))?;
            single.into_iter().map(f64::from).collect()
        }
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err(wrong("a value that is not a finite number".to_string()));
    }
    Ok((rows as usize, columns as usize, values))
}
