//! Reading recordings back, with the engine's own reader.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use numpy::{PyArray1, PyArrayDyn, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use nematode::error::Problem;
use nematode::gait::{Gait, Quantity};
use nematode::recording::{Population, Recorded, Values};
use nematode::tracks;

use crate::errors::raised;

/// A recording that is being read, also one of a run that was killed or still goes on.
#[pyclass(frozen, module = "nematode._nematode")]
pub struct Recording {
    recorded: Mutex<Recorded>,
}

/// Names of the cells, time of the first row and between two [s], potentials [V].
type Potentials<'py> = (Vec<String>, f64, f64, Bound<'py, PyArrayDyn<f32>>);

/// Times [s], and places in the list of cells.
type Spikes<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<u64>>);

impl Recording {
    fn lock(&self) -> PyResult<MutexGuard<'_, Recorded>> {
        self.recorded.lock().map_err(|_| PyRuntimeError::new_err("a defect of the engine broke this reader"))
    }

    fn read<R: Send>(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&mut Recorded) -> Result<R, Problem> + Send,
    ) -> PyResult<R> {
        let mut recorded = self.lock()?;
        let recorded: &mut Recorded = &mut recorded;
        py.detach(move || read(recorded)).map_err(|problem| raised(py, problem))
    }
}

/// The numbers, handed over.
fn array<'py>(py: Python<'py>, values: Values) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    PyArray1::from_vec(py, values.data).reshape(values.shape)
}

fn population(neurons: bool) -> Population {
    if neurons { Population::Neurons } else { Population::Muscles }
}

#[pymethods]
impl Recording {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let open = || {
            let recorded = Recorded::open(&path)?;
            recorded.check_length()?;
            Ok(recorded)
        };
        let recorded = open().map_err(|problem: Problem| raised(py, problem))?;
        Ok(Self { recorded: Mutex::new(recorded) })
    }

    /// The names of all datasets.
    fn names(&self) -> PyResult<Vec<String>> {
        Ok(self.lock()?.names())
    }

    /// Time of each frame [s].
    fn times<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(PyArray1::from_vec(py, self.read(py, Recorded::times)?))
    }

    /// A quantity over all frames.
    fn values<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        array(py, self.read(py, |recorded| recorded.values(name))?)
    }

    /// All rows of a report of a network.
    fn report<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        array(py, self.read(py, |recorded| recorded.report(name))?)
    }

    /// Centre of mass in each frame [m], (frames, 3).
    fn centers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
        let centers = self.read(py, Recorded::centers)?;
        let rows = centers.len();
        PyArray1::from_vec(py, centers.into_iter().flatten().collect()).reshape(vec![rows, 3])
    }

    /// A list of texts.
    fn texts(&self, py: Python<'_>, name: &str) -> PyResult<Vec<String>> {
        self.read(py, |recorded| recorded.texts(name))
    }

    /// The unit that a dataset says it has.
    fn unit(&self, name: &str) -> PyResult<Option<String>> {
        Ok(self.lock()?.unit(name))
    }

    /// Membrane potentials of neurons or of muscles.
    fn potentials<'py>(&self, py: Python<'py>, neurons: bool) -> PyResult<Option<Potentials<'py>>> {
        let found = self.read(py, |recorded| recorded.potentials(population(neurons)))?;
        found.map(|found| Ok((found.names, found.start, found.interval, array(py, found.values)?))).transpose()
    }

    /// Spikes of neurons or of muscles: times [s], and places in the list of cells.
    fn spikes<'py>(&self, py: Python<'py>, neurons: bool) -> PyResult<Spikes<'py>> {
        let (times, cells) = self.read(py, |recorded| recorded.spikes(population(neurons)))?.into_iter().unzip();
        Ok((PyArray1::from_vec(py, times), PyArray1::from_vec(py, cells)))
    }
}

/// The rows of a gait by name, in SI units; none where it has no such number.
pub fn gait_row<'py>(py: Python<'py>, gait: &Gait) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    for (name, quantity, _) in Quantity::ALL {
        row.set_item(name, quantity.of(gait))?;
    }
    row.set_item("wave", gait.wave.to_string())?;
    row.set_item("gait_class", gait.class().to_string())?;
    Ok(row)
}

/// Whether a gait has a row of that name; InputError with the nearest where it has none.
#[pyfunction]
pub fn check_gait_row(py: Python<'_>, name: &str) -> PyResult<()> {
    Quantity::named(name).map(drop).map_err(|problem| raised(py, problem))
}

/// The gait of every worm of a file, recorded or tracked, between two times [s].
#[pyfunction]
pub fn gait<'py>(py: Python<'py>, path: PathBuf, from: f64, to: f64) -> PyResult<Bound<'py, PyList>> {
    let found = py.detach(|| {
        tracks::read(&path).map(|tracks| {
            let of = |track: &tracks::Track| {
                let mut poses = track.poses();
                poses.retain(|pose| (from..=to).contains(&pose.time));
                (track.id.clone(), Gait::of(&poses, f64::NEG_INFINITY))
            };
            tracks.iter().map(of).collect::<Vec<_>>()
        })
    });
    let rows = PyList::empty(py);
    for (id, gait) in found.map_err(|problems| raised(py, problems))? {
        let (row, why) = match gait {
            Ok(gait) => (gait_row(py, &gait)?, None),
            Err(short) => (PyDict::new(py), Some(short.to_string())),
        };
        row.set_item("file", &path)?;
        row.set_item("worm", id)?;
        row.set_item("too_short", why)?;
        rows.append(row)?;
    }
    Ok(rows)
}
