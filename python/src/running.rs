//! A whole run with its recording, as `nematode run` does it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use nematode::error::{Error, Problem};
use nematode::parallel::with_threads;
use nematode::run::{Finished, Run};
use nematode::units::{Dimension, UnitTable};

use crate::controller::InPython;
use crate::errors::raised;
use crate::experiment::{self, Source};
use crate::recordings::gait_row;
use crate::watch::watched;

/// How to run it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    /// The recording; by default what the experiment says.
    out: Option<PathBuf>,
    /// How long, with a unit.
    duration: Option<String>,
    threads: usize,
    /// How often a checkpoint is kept, with a unit.
    checkpoint: Option<String>,
    /// A recording to go on with.
    resume: Option<PathBuf>,
    /// The command line that would do the same.
    argv: Vec<String>,
}

/// Runs an experiment to its end, or goes on with a recording, and gives what it amounts to. `told(steps, all)` is called
/// every so often.
///
/// Raises what the command prints; after Ctrl-C KeyboardInterrupt, with the recording closed.
#[pyfunction]
#[pyo3(signature = (source, options, controller, told))]
pub fn run<'py>(
    py: Python<'py>,
    source: Source,
    options: Options,
    controller: Option<&Bound<'py, PyAny>>,
    told: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let Options { out, duration, threads, checkpoint, resume, argv } = options;
    let (in_python, raised_there) = controller.map(InPython::new).transpose()?.unzip();
    let watcher = raised_there.clone();
    let prepare = || -> Result<Run, Error> {
        let mut experiment = experiment::read(source)?;
        let named =
            |name: &str, problem: Problem| Problem { message: format!("{name}: {}", problem.message), ..problem };
        if let Some(duration) = duration {
            experiment.set_duration(&duration).map_err(|problem| named("duration", problem))?;
        }
        if let Some(out) = out {
            experiment.recording.file = out;
        }
        if threads == 0 {
            return Err(Problem::new("threads: a run needs at least one thread, found 0").help("leave it out").into());
        }
        if let Some(controller) = in_python {
            if checkpoint.is_some() || resume.is_some() {
                let problem = Problem::new("a controller in Python has no state that a checkpoint could keep");
                return Err(problem.help("leave out `checkpoint` and `resume`").into());
            }
            experiment.controller = Some(Box::new(controller));
        }
        let mut run = Run::prepare(experiment, argv, &|_| {})?;
        if let Some(interval) = checkpoint {
            let interval = UnitTable::new().parse_as(&interval, Dimension::TIME);
            let kept = interval.and_then(|interval| run.keep_checkpoints(interval));
            kept.map_err(|problem| named("checkpoint", problem))?;
        }
        if let Some(recording) = resume {
            run.go_on(&recording)?;
        }
        Ok(run)
    };
    let work = |watch: &crate::watch::Watch| {
        with_threads(threads, || -> Result<Finished, Error> {
            let run = prepare()?;
            let all = run.steps() as u64;
            let mut done = 0;
            run.run(&mut |_| {
                done += 1;
                match watcher.as_ref().is_some_and(|raised| raised.is_some()) {
                    true => ControlFlow::Break(()),
                    false => watch.tell(done, all),
                }
            })
        })
    };
    let (finished, stopped) = watched(py, told, work)?;
    if let Some(error) = raised_there.and_then(|raised| raised.take()) {
        return Err(error);
    }
    let finished = finished.map_err(|error| raised(py, error))?;
    if let Some(error) = stopped {
        if let Some((time, kept)) = finished.stopped {
            let file = finished.file.display();
            let on = if kept { "can be gone on with" } else { "is whole until there" };
            // Python 3.10 has no notes.
            if let Some(add_note) = error.value(py).getattr_opt("add_note")? {
                add_note.call1((format!("stopped at {time:.3} s; {file} {on}"),))?;
            }
        }
        return Err(error);
    }
    as_dict(py, &finished)
}

fn as_dict<'py>(py: Python<'py>, finished: &Finished) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("file", &finished.file)?;
    match &finished.gait {
        Ok(gait) => row.set_item("gait", gait_row(py, gait)?)?,
        Err(_) => row.set_item("gait", py.None())?,
    }
    row.set_item("too_short", finished.gait.as_ref().err().map(ToString::to_string))?;
    row.set_item("steps", finished.steps)?;
    row.set_item("simulated", finished.simulated)?;
    row.set_item("wall", finished.wall)?;
    row.set_item("size", finished.size)?;
    row.set_item("largest_activation", finished.activation.0)?;
    row.set_item("muscles_active", finished.activation.1)?;
    row.set_item("density_error", finished.density_error)?;
    row.set_item("spikes", finished.spikes.map(|[neurons, muscles]| (neurons, muscles)))?;
    row.set_item("state_hash", &finished.hash)?;
    Ok(row)
}
