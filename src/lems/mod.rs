//! Runs a LEMS file: the simulation that it targets, and the results that it wants written.
//!
//! Row k is the state at t = k·dt, from t = 0 on; all numbers are SI. The results are the text files that the file
//! names (text.rs), one HDF5 file (reports.rs), or columns in memory (memory.rs). The file's step is used unless another
//! one is given. An ensemble runs as one network (ensemble.rs), and each of its replicas has results of its own.

pub mod ensemble;
pub mod memory;
mod reports;
mod text;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Problem, Problems};
use crate::lems::ensemble::{Ensemble, Replicated};
use crate::lems::memory::{Collected, Collector};
use crate::lems::text::Texts;
use crate::network::{Columns, Method, Network, Options};
use crate::neuroml::model::Model;
use crate::neuroml::simulation::Simulation;
use crate::recording::Reports;
use crate::units::{Dimension, UnitTable};

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

impl Changes {
    /// Changes as they are written by who asks for them: step and length with their units, each after what it is called there,
    /// and the name of a method.
    ///
    /// # Errors
    /// A time that is none or not above zero, or a method that is not known.
    pub fn read(
        step: (&str, Option<&str>),
        length: (&str, Option<&str>),
        method: &str,
        seed: Option<u64>,
    ) -> Result<Self, Problem> {
        let time = |(name, text): (&str, Option<&str>)| -> Result<Option<f64>, Problem> {
            let named = |problem: Problem| Problem { message: format!("{name}: {}", problem.message), ..problem };
            let Some(text) = text else { return Ok(None) };
            let seconds = UnitTable::new().parse_as(text, Dimension::TIME).map_err(named)?;
            if seconds > 0.0 {
                Ok(Some(seconds))
            } else {
                Err(Problem::new(format!("{name}: must be above zero: \"{text}\"")))
            }
        };
        let known = Method::ALL.iter().find(|(name, _)| *name == method).map(|(_, method)| *method);
        let method = known.ok_or_else(|| {
            let names = Method::ALL.map(|(name, _)| format!("\"{name}\"")).join(", ");
            Problem::new(format!("there is no method \"{method}\"")).help(format!("give one of {names}"))
        })?;
        Ok(Self { step: time(step)?, length: time(length)?, method, seed })
    }
}

/// Where the results go.
#[derive(Debug, Clone, Copy)]
pub enum Results<'a> {
    /// The text files that the simulation names, in this folder.
    Texts(&'a Path),
    /// One HDF5 file.
    Hdf5(&'a Path),
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The LEMS file.
    pub file: &'a Path,
    /// Where the results go.
    pub results: Results<'a>,
    /// What to change about what the file says.
    pub changes: Changes,
    /// How many copies, and how they differ.
    pub ensemble: Ensemble,
    /// The command line, for the provenance of an HDF5 file.
    pub argv: Vec<String>,
}

/// Loads a LEMS file, runs its simulation, and writes its output files into a folder. Gives the steps done.
///
/// # Errors
/// As [`Job::run`].
pub fn run(path: &Path, folder: &Path, changes: Changes) -> Result<u64, Error> {
    let results = Results::Texts(folder);
    Job { file: path, results, changes, ensemble: Ensemble::default(), argv: Vec::new() }.run(&mut |_, _| {})
}

/// A file of columns, of one replica.
struct ColumnFile {
    /// Its name in the folder of results, and in an HDF5 file.
    file_name: String,
    id: String,
    columns: Vec<Column>,
}

/// A column: its name in the file, its path there, and the path in the network that runs.
struct Column {
    id: String,
    quantity: String,
    path: String,
}

/// What hears the results of a run, row by row and event by event.
trait Hears {
    fn row(&mut self, time: f64, values: &[f64]) -> Result<(), Error>;
    fn event(&mut self, file: usize, cell: usize, time: f64) -> Result<(), Error>;
}

/// A file of events, of one replica.
struct EventFile {
    file_name: String,
    id: String,
    id_first: bool,
    /// What the file calls each cell, its path there, and its population and index in the network that runs.
    cells: Vec<(String, String, (usize, usize))>,
}

/// What writes files.
enum Sink {
    Texts(Texts),
    Hdf5(Box<Reports>),
}

impl Job<'_> {
    /// Runs it, and tells `watch` after each step how many are done and how many there are in all. Gives the steps done.
    ///
    /// # Errors
    /// All problems of the files and of the quantity paths, before anything is written; a run that diverged, which
    /// leaves what came before; results that cannot be written.
    pub fn run(&self, watch: &mut dyn FnMut(u64, u64)) -> Result<u64, Error> {
        let open = |found: &Found, network: &Network, replicated: &Replicated, seed: u64| match self.results {
            Results::Texts(folder) => Ok(Sink::Texts(texts(folder, &found.0, &found.1)?)),
            Results::Hdf5(path) => {
                let table = self.ensemble.parameters.as_deref();
                let provenance = reports::provenance(&replicated.model, table, seed, &self.argv)?;
                let reports = reports::create(path, network, &replicated.model, &found.0, &found.1, &provenance)?;
                Ok(Sink::Hdf5(Box::new(reports)))
            }
        };
        let mut go_on = |done: u64, steps: u64| {
            watch(done, steps);
            ControlFlow::Continue(())
        };
        let (sink, played) = play(self.file, self.changes, &self.ensemble, &open, &mut go_on)?;
        // What was computed is written, also where the run failed; but its failure is what is told.
        let finished = sink.finish();
        played.and_then(|steps| finished.map(|()| steps))
    }
}

/// Runs a LEMS file and gives its results as columns; nothing is written. `watch` hears after each step how many are done and
/// how many there are in all, and says whether to go on.
///
/// # Errors
/// As [`Job::run`]; a run that diverged gives nothing.
pub fn collect(
    file: &Path,
    changes: Changes,
    ensemble: &Ensemble,
    watch: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Collected, Error> {
    let open = |found: &Found, network: &Network, replicated: &Replicated, _: u64| {
        Ok(Collector::new(network, &replicated.model, &found.0, &found.1))
    };
    let (collector, played) = play(file, changes, ensemble, &open, watch)?;
    played?;
    Ok(collector.finish())
}

/// Makes where the results go, once it is known what they are.
type Open<'a, S> = &'a dyn Fn(&Found, &Network, &Replicated, u64) -> Result<S, Error>;

/// Runs a simulation into a sink. Gives it, with the steps done or why there are no more.
fn play<S: Hears>(
    file: &Path,
    changes: Changes,
    ensemble: &Ensemble,
    open: Open<S>,
    watch: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<(S, Result<u64, Error>), Error> {
    let model = Model::load(file)?;
    let Some(simulation) = model.simulation.clone() else {
        let problem = Problem::new(format!("{}: no <Simulation> to run", file.display()));
        return Err(problem.help("add <Simulation id=… length=… step=… target=…> and <Target component=…/>").into());
    };
    let dt = changes.step.unwrap_or(simulation.step);
    let length = changes.length.unwrap_or(simulation.length);
    let seed = changes.seed.unwrap_or(simulation.seed);
    let replicated = Replicated::new(model, ensemble)?;
    let options = Options { dt, method: changes.method, seed };
    let seeds = replicated.seeds(seed);
    let mut network = Network::compile_replicas(&replicated.model, &options, &seeds)?;
    replicated.check_differences(&network)?;
    let found = find(&network, &simulation, &replicated)?;
    let mut sink = open(&found, &network, &replicated, seed)?;
    let (_, events, columns) = found;
    let mut hearers: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut first_of = Vec::new();
    for population in network.populations() {
        first_of.push(hearers.len());
        hearers.resize(hearers.len() + population.places.len(), Vec::new());
    }
    for (file, event) in events.iter().enumerate() {
        for (cell, (.., (population, index))) in event.cells.iter().enumerate() {
            hearers[first_of[*population] + index].push((file, cell));
        }
    }
    let steps = (length / dt).round() as u64;
    let mut values = Vec::new();
    let mut step = |network: &mut Network, sink: &mut S, done: u64| -> Result<(), Error> {
        if done > 0 {
            network.step()?;
        }
        network.read_all(&columns, &mut values);
        sink.row(network.time(), &values)?;
        let mut spikes = network.drain_spikes();
        spikes.sort_by(|a, b| a.time.total_cmp(&b.time));
        for spike in spikes {
            for (file, cell) in &hearers[first_of[spike.population] + spike.cell] {
                sink.event(*file, *cell, spike.time)?;
            }
        }
        Ok(())
    };
    let mut played = Ok(steps);
    for done in 0..=steps {
        if let Err(failure) = step(&mut network, &mut sink, done) {
            played = Err(failure);
            break;
        }
        if watch(done, steps).is_break() {
            break;
        }
    }
    Ok((sink, played))
}

impl Hears for Sink {
    fn row(&mut self, time: f64, values: &[f64]) -> Result<(), Error> {
        match self {
            Self::Texts(texts) => texts.row(time, values),
            Self::Hdf5(reports) => reports.row(values),
        }
    }

    fn event(&mut self, file: usize, cell: usize, time: f64) -> Result<(), Error> {
        match self {
            Self::Texts(texts) => {
                texts.event(file, cell, time);
                Ok(())
            }
            Self::Hdf5(reports) => reports.spike(file, cell, time),
        }
    }
}

impl Sink {
    fn finish(self) -> Result<(), Error> {
        match self {
            Self::Texts(mut texts) => texts.write(),
            Self::Hdf5(reports) => reports.finish().map(drop),
        }
    }
}

type Found = (Vec<ColumnFile>, Vec<EventFile>, Columns);

/// All quantities of a simulation in a network, replica after replica.
///
/// # Errors
/// Every path that leads nowhere, told once, not for each replica.
fn find(network: &Network, simulation: &Simulation, replicated: &Replicated) -> Result<Found, Problems> {
    let mut problems = Problems::new();
    let (mut files, mut events, mut probes) = (Vec::new(), Vec::new(), Vec::new());
    for replica in 0..replicated.count() {
        for output in &simulation.outputs {
            let mut columns = Vec::new();
            for column in &output.columns {
                let path = replicated.path(replica, &column.quantity);
                match network.probe(&path) {
                    Ok(probe) => probes.push(probe),
                    Err(_) if replica > 0 => {}
                    Err(problem) => problems.push(problem.at(column.place.clone())),
                }
                columns.push(Column { id: column.id.clone(), quantity: column.quantity.clone(), path });
            }
            let file_name = replicated.file_name(replica, &output.file_name);
            files.push(ColumnFile { file_name, id: replicated.name(replica, &output.id), columns });
        }
        for output in &simulation.event_outputs {
            let mut cells = Vec::new();
            for selection in &output.selections {
                match network.find_cell(&replicated.path(replica, &selection.select)) {
                    Ok((population, cell, _)) => {
                        cells.push((selection.id.clone(), selection.select.clone(), (population, cell)));
                    }
                    Err(_) if replica > 0 => {}
                    Err(problem) => problems.push(problem.at(selection.place.clone())),
                }
            }
            let file_name = replicated.file_name(replica, &output.file_name);
            let id = replicated.name(replica, &output.id);
            events.push(EventFile { file_name, id, id_first: output.id_first, cells });
        }
    }
    problems.or_ok((files, events, Columns::new(&probes)))
}

/// Creates the text files in a folder.
fn texts(folder: &Path, files: &[ColumnFile], events: &[EventFile]) -> Result<Texts, Error> {
    let columns: Vec<(PathBuf, usize)> =
        files.iter().map(|file| (folder.join(&file.file_name), file.columns.len())).collect();
    let ids = |file: &EventFile| file.cells.iter().map(|(id, ..)| id.clone()).collect();
    let events = events.iter().map(|file| (folder.join(&file.file_name), file.id_first, ids(file))).collect();
    Texts::create(columns, events)
}
