//! Runs a LEMS file: the simulation that it targets, and the files that it wants written.
//!
//! Columns of SI numbers, tab separated, first the time; row k is the state at t = k·dt, from t = 0 on. Events: one
//! line each, id and time (or time and id, as the file says). The file's step is used unless another one is given.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Problem, Problems};
use crate::network::spikes::Spike;
use crate::network::{Method, Network, Options, Probe};
use crate::neuroml::model::Model;
use crate::neuroml::simulation::Simulation;

/// What to change about what the file says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    /// Another time step [s].
    pub step: Option<f64>,
    /// Another length [s].
    pub length: Option<f64>,
    /// How states move through a step.
    pub method: Method,
    /// Another seed of random numbers.
    pub seed: Option<u64>,
}

struct Columns {
    file: BufWriter<File>,
    path: PathBuf,
    probes: Vec<Probe>,
}

struct Events {
    file: BufWriter<File>,
    path: PathBuf,
    id_first: bool,
    cells: Vec<(usize, usize, String)>,
}

/// Loads a LEMS file, runs its simulation, and writes its output files into a folder. Gives the steps done.
///
/// # Errors
/// All problems of the files and of the quantity paths, before anything is written; a run that diverged; a folder
/// that cannot be written.
pub fn run(path: &Path, folder: &Path, changes: Changes) -> Result<u64, Error> {
    run_watched(path, folder, changes, &mut |_, _| {})
}

/// The same, and tells after each step how many are done and how many there are in all.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    path: &Path,
    folder: &Path,
    changes: Changes,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<u64, Error> {
    let model = Model::load(path)?;
    let Some(simulation) = &model.simulation else {
        let problem = Problem::new(format!("{}: no <Simulation> to run", path.display()));
        return Err(problem.help("add <Simulation id=… length=… step=… target=…> and <Target component=…/>").into());
    };
    let dt = changes.step.unwrap_or(simulation.step);
    let length = changes.length.unwrap_or(simulation.length);
    let seed = changes.seed.unwrap_or(simulation.seed);
    let mut network = Network::compile(&model, &Options { dt, method: changes.method, seed })?;
    let (probes, cells) = find(&network, simulation)?;
    let mut columns = Vec::new();
    for (output, probes) in simulation.outputs.iter().zip(probes) {
        let path = folder.join(&output.file_name);
        columns.push(Columns { file: create(&path)?, path, probes });
    }
    let mut events = Vec::new();
    for (output, cells) in simulation.event_outputs.iter().zip(cells) {
        let path = folder.join(&output.file_name);
        events.push(Events { file: create(&path)?, path, id_first: output.id_first, cells });
    }
    let steps = (length / dt).round() as u64;
    write_row(&network, &mut columns)?;
    for step in 0..steps {
        network.step()?;
        write_row(&network, &mut columns)?;
        for spike in network.drain_spikes() {
            write_spike(spike, &mut events)?;
        }
        watch(step + 1, steps);
    }
    for (file, path) in
        columns.iter_mut().map(|c| (&mut c.file, &c.path)).chain(events.iter_mut().map(|e| (&mut e.file, &e.path)))
    {
        file.flush().map_err(|source| system(path, source))?;
    }
    Ok(steps)
}

type Found = (Vec<Vec<Probe>>, Vec<Vec<(usize, usize, String)>>);

/// All quantities of a simulation in a network.
///
/// # Errors
/// Every path that leads nowhere.
fn find(network: &Network, simulation: &Simulation) -> Result<Found, Problems> {
    let mut problems = Problems::new();
    let mut probes = Vec::new();
    for output in &simulation.outputs {
        let mut found = Vec::new();
        for column in &output.columns {
            match network.probe(&column.quantity) {
                Ok(probe) => found.push(probe),
                Err(problem) => problems.push(problem.at(column.place.clone())),
            }
        }
        probes.push(found);
    }
    let mut cells = Vec::new();
    for output in &simulation.event_outputs {
        let mut found = Vec::new();
        for selection in &output.selections {
            match network.find_cell(&selection.select) {
                Ok((population, cell, _)) => found.push((population, cell, selection.id.clone())),
                Err(problem) => problems.push(problem.at(selection.place.clone())),
            }
        }
        cells.push(found);
    }
    problems.or_ok((probes, cells))
}

fn create(path: &Path) -> Result<BufWriter<File>, Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| system(folder, source))?;
    }
    File::create(path).map(BufWriter::new).map_err(|source| system(path, source))
}

fn system(path: &Path, source: std::io::Error) -> Error {
    Error::System { path: path.to_path_buf(), action: "write the output".to_string(), source }
}

fn write_row(network: &Network, columns: &mut [Columns]) -> Result<(), Error> {
    for Columns { file, path, probes } in columns {
        let mut write = || -> std::io::Result<()> {
            write!(file, "{:e}", network.time())?;
            for probe in probes.iter() {
                write!(file, "\t{:e}", network.read(*probe))?;
            }
            writeln!(file)
        };
        write().map_err(|source| system(path, source))?;
    }
    Ok(())
}

fn write_spike(spike: Spike, events: &mut [Events]) -> Result<(), Error> {
    for Events { file, path, id_first, cells } in events {
        for (_, _, id) in cells.iter().filter(|(p, c, _)| (*p, *c) == (spike.population, spike.cell)) {
            let time = spike.time;
            let line = if *id_first { format!("{id}\t{time:e}") } else { format!("{time:e}\t{id}") };
            writeln!(file, "{line}").map_err(|source| system(path, source))?;
        }
    }
    Ok(())
}
