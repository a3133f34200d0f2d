//! LEMS simulations, run in memory.

use std::path::PathBuf;

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use nematode::error::Error;
use nematode::lems::ensemble::Ensemble;
use nematode::lems::{Changes, collect};

use crate::errors::raised;
use crate::watch::watched;

/// What to change about what the file says, and how many copies.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    dt: Option<String>,
    duration: Option<String>,
    method: String,
    seed: Option<u64>,
    replicas: Option<usize>,
    parameters: Option<PathBuf>,
}

/// Runs a LEMS file and gives its time [s], its output files as lists of columns, and its files of events.
#[pyfunction]
#[pyo3(signature = (file, options, told))]
pub fn lems<'py>(
    py: Python<'py>,
    file: PathBuf,
    options: Options,
    told: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let Options { dt, duration, method, seed, replicas, parameters } = options;
    let work = |watch: &crate::watch::Watch| -> Result<_, Error> {
        let changes = Changes::read(("dt", dt.as_deref()), ("duration", duration.as_deref()), &method, seed)?;
        collect(&file, changes, &Ensemble { replicas, parameters }, &mut |done, all| watch.tell(done, all))
    };
    let (collected, stopped) = watched(py, told, work)?;
    if let Some(error) = stopped {
        return Err(error);
    }
    let collected = collected.map_err(|error| raised(py, error))?;
    let result = PyDict::new(py);
    result.set_item("time", PyArray1::from_vec(py, collected.time))?;
    let tables = PyList::empty(py);
    for table in collected.tables {
        let columns = PyList::empty(py);
        for column in table.columns {
            let values = PyArray1::from_vec(py, column.values);
            columns.append((column.id, column.quantity, column.unit, values))?;
        }
        tables.append((table.file, columns))?;
    }
    result.set_item("tables", tables)?;
    let trains = PyList::empty(py);
    for train in collected.trains {
        let cells = train.cells.into_iter().map(|cell| cell as u64).collect();
        trains.append((
            train.file,
            train.ids,
            PyArray1::from_vec(py, train.times),
            PyArray1::<u64>::from_vec(py, cells),
        ))?;
    }
    result.set_item("trains", trains)?;
    Ok(result)
}
