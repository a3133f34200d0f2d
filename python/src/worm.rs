//! One worm, stepped by hand.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use numpy::{AllowTypeChange, PyArray1, PyArray2, PyArrayLike1, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use nematode::body::particles::Vec3;
use nematode::error::{Problem, RunFailure};
use nematode::names::{MUSCLE_COUNT, muscle_names};
use nematode::proprioception::muscle_named;
use nematode::run::hash_of;

use crate::controller::{InPython, Raised};
use crate::driven::{Driven, Plan};
use crate::errors::{raised, wrong};
use crate::experiment::Source;
use crate::sense_names;

/// How long steps are taken before Ctrl-C is heard, in wall time.
const LOOK: Duration = Duration::from_millis(50);

/// A worm that is stepped from Python.
#[pyclass(frozen, subclass, module = "nematode._nematode")]
pub struct Worm {
    driven: Mutex<Driven>,
    /// The controller that is written in Python, and what it raised.
    controller: Option<(Py<PyAny>, Raised)>,
}

impl Worm {
    fn lock(&self) -> PyResult<MutexGuard<'_, Driven>> {
        match self.driven.try_lock() {
            Ok(driven) => Ok(driven),
            Err(TryLockError::Poisoned(_)) => Err(PyRuntimeError::new_err("a defect of the engine broke this worm")),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "this worm is in the middle of a step, of its controller or another thread",
            )),
        }
    }

    /// Does something without the interpreter's lock; what a controller raised comes first.
    fn without_lock<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Driven) -> Result<R, RunFailure> + Send,
    ) -> PyResult<R> {
        let mut driven = self.lock()?;
        let driven: &mut Driven = &mut driven;
        let result = py.detach(move || work(driven));
        match self.controller.as_ref().and_then(|(_, raised)| raised.take()) {
            Some(error) => Err(error),
            None => result.map_err(|failure| raised(py, failure)),
        }
    }
}

#[pymethods]
impl Worm {
    #[new]
    #[pyo3(signature = (source, controller, senses, seed))]
    fn new(
        py: Python<'_>,
        source: Source,
        controller: Option<&Bound<'_, PyAny>>,
        senses: (f64, usize),
        seed: Option<u64>,
    ) -> PyResult<Self> {
        let (in_python, controller) = match controller {
            Some(call) => {
                let (in_python, raised) = InPython::new(call)?;
                (Some(in_python), Some((call.clone().unbind(), raised)))
            }
            None => (None, None),
        };
        let (noise, delay) = senses;
        let plan = Plan { source, noise, delay };
        let driven = py.detach(|| Driven::new(plan, in_python, seed)).map_err(|error| raised(py, error))?;
        Ok(Self { driven: Mutex::new(driven), controller })
    }

    /// One step: sense, decide, fire, contract, move. Raises Diverged.
    fn step(&self, py: Python<'_>) -> PyResult<()> {
        self.without_lock(py, Driven::step)
    }

    /// As many calls of `step`, with the same bits and without Python in between; stops on Ctrl-C.
    fn steps(&self, py: Python<'_>, count: usize) -> PyResult<()> {
        let mut left = count;
        while left > 0 {
            let controller = self.controller.as_ref().map(|(_, raised)| raised.clone());
            left = self.without_lock(py, move |driven| {
                let begun = Instant::now();
                let mut left = left;
                // The clock is read every 16 steps only: a step of rods takes a few of its readings.
                while left > 0 && (!left.is_multiple_of(16) || begun.elapsed() < LOOK) {
                    driven.step()?;
                    left -= 1;
                    if controller.as_ref().is_some_and(Raised::is_some) {
                        break;
                    }
                }
                Ok(left)
            })?;
            py.check_signals()?;
        }
        Ok(())
    }

    /// What the worm feels as it lies now, (121,) in the order of `sense_names`.
    ///
    /// A new array without a copy, or `out`, written over. The first half of the next step (sense, decide, fire) is done by
    /// this, once: a network is one step ahead afterwards.
    #[pyo3(signature = (out = None))]
    fn observe<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyArray1<f64>>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let count = self.lock()?.sense_count();
        let Some(out) = out else {
            let felt = self.without_lock(py, |driven| {
                let mut felt = vec![0.0; driven.sense_count()];
                driven.observe(&mut felt).map(|()| felt)
            })?;
            return Ok(PyArray1::from_vec(py, felt));
        };
        let mut numbers = out.try_readwrite()?;
        match numbers.as_slice_mut() {
            Ok(slice) if slice.len() == count => self.without_lock(py, |driven| driven.observe(slice))?,
            _ => {
                let message = format!("`out` has not {count} numbers in a row, one for each sense");
                return Err(wrong(py, message, "give numpy.empty(len(worm.sense_names))"));
            }
        }
        Ok(out)
    }

    /// Holds drives of muscles from the next step on, over what a network or controller drives.
    ///
    /// 95 numbers in the order of `drive_names`, not a number where a muscle is to follow its own; or a dict of some by name,
    /// added to what is held; or None to let all go. What is outside of `drive_range` is clipped.
    fn drive(&self, py: Python<'_>, drives: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut driven = self.lock()?;
        if drives.is_none() {
            driven.hold(None);
        } else if let Ok(named) = drives.cast::<PyDict>() {
            let named: Vec<(String, f64)> =
                named.iter().map(|(name, drive)| Ok((name.extract()?, drive.extract()?))).collect::<PyResult<_>>()?;
            let known = named.into_iter().map(|(name, drive)| Ok((muscle_named(&name)?, drive)));
            let known: Result<Vec<_>, Problem> = known.collect();
            for (muscle, drive) in known.map_err(|problem| raised(py, problem))? {
                driven.hold_one(muscle, drive);
            }
        } else {
            let drives: PyArrayLike1<'_, f64, AllowTypeChange> = drives.extract()?;
            let drives = drives.as_array();
            if drives.len() != MUSCLE_COUNT {
                let message = format!("{} drives for {MUSCLE_COUNT} muscles", drives.len());
                return Err(wrong(py, message, "give one for each of worm.drive_names, or a dict of some by name"));
            }
            driven.hold(Some(drives.to_vec()));
        }
        Ok(())
    }

    /// Straight and at rest again, at time 0, nothing held; `seed` is that of the noise on senses.
    #[pyo3(signature = (seed = None))]
    fn reset(&self, py: Python<'_>, seed: Option<u64>) -> PyResult<()> {
        if let Some((controller, raised)) = &self.controller {
            raised.take();
            if let Some(reset) = controller.bind(py).getattr_opt("reset")? {
                reset.call0()?;
            }
        }
        self.lock()?.reset(seed).map_err(|problem| raised(py, problem))
    }

    #[getter]
    fn sense_names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, sense_names())
    }

    #[getter]
    fn drive_names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, muscle_names())
    }

    /// Lowest and highest drive that have an effect.
    #[getter]
    fn drive_range(&self) -> PyResult<(f64, f64)> {
        Ok((self.lock()?.least_drive, 1.0))
    }

    #[getter]
    fn time(&self) -> PyResult<f64> {
        Ok(self.lock()?.worm.time())
    }

    #[getter]
    fn dt(&self) -> PyResult<f64> {
        Ok(self.lock()?.worm.step_length())
    }

    /// Length at rest [m].
    #[getter]
    fn length(&self) -> PyResult<f64> {
        Ok(self.lock()?.worm.body().rest_length())
    }

    /// Points at equal distances from head to tail [m], (points, 3).
    #[pyo3(signature = (points = 49))]
    fn midline<'py>(&self, py: Python<'py>, points: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
        check_points(py, points)?;
        rows_of(py, &self.lock()?.worm.body().midline().resampled(points))
    }

    /// Curvature at equal distances from head to tail [1/m], positive to the back, (points,).
    #[pyo3(signature = (points = 49))]
    fn curvature<'py>(&self, py: Python<'py>, points: usize) -> PyResult<Bound<'py, PyArray1<f64>>> {
        check_points(py, points)?;
        Ok(PyArray1::from_vec(py, self.lock()?.worm.body().midline().curvature_at(points)))
    }

    /// Centre of mass [m].
    fn center<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(PyArray1::from_slice(py, &self.lock()?.center()))
    }

    /// From tail to head, of length 1.
    fn heading<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(PyArray1::from_slice(py, &self.lock()?.heading()))
    }

    /// Particles, or ends of rods [m], (particles, 3).
    fn particles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        rows_of(py, self.lock()?.worm.body().position())
    }

    /// Activation of each muscle, 0 to 1, (95,); a copy, for the muscles go on.
    fn muscles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(PyArray1::from_slice(py, self.lock()?.worm.activation()))
    }

    /// A variable of the network by its path, SI: `read("AVBL/v")`.
    fn read(&self, py: Python<'_>, path: &str) -> PyResult<f64> {
        let driven = self.lock()?;
        let Some(network) = driven.worm.network() else {
            return Err(wrong(py, format!("there is no {path}: this worm has no network"), "give a [network]"));
        };
        let probe = network.probe(path).map_err(|problem| raised(py, problem))?;
        Ok(network.read(probe))
    }

    /// SHA-256 of every number of its state.
    #[getter]
    fn state_hash(&self) -> PyResult<String> {
        Ok(hash_of(&self.lock()?.worm))
    }

    /// What was felt last, also by a worm that has diverged.
    fn _felt<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let driven = self.lock()?;
        let mut felt = vec![0.0; driven.sense_count()];
        driven.copy_felt(&mut felt);
        Ok(PyArray1::from_vec(py, felt))
    }

    /// Takes steps with drives held, and says what came of them: way along the heading [m], mean squares of activation and of
    /// its rate, and why it ended early.
    fn _advance(&self, py: Python<'_>, count: usize) -> PyResult<(f64, f64, f64, Option<String>)> {
        let stretch = self.without_lock(py, |driven| Ok(driven.advance(count)))?;
        let failure = stretch.failure.map(|failure| failure.to_string());
        Ok((stretch.moved, stretch.energy, stretch.roughness, failure))
    }

    /// Wall time [s] of steps that are taken in Rust one after the other, without Python: what `step` is compared with.
    fn _time_of_steps(&self, py: Python<'_>, count: usize) -> PyResult<f64> {
        self.without_lock(py, |driven| {
            let begun = Instant::now();
            for _ in 0..count {
                driven.step()?;
            }
            Ok(begun.elapsed().as_secs_f64())
        })
    }
}

fn check_points(py: Python<'_>, points: usize) -> PyResult<()> {
    if (2..=100_000).contains(&points) {
        return Ok(());
    }
    Err(wrong(py, format!("a midline of {points} points"), "give 2 or more, by default 49 as in a recording"))
}

/// Points as rows, (count, 3).
fn rows_of<'py>(py: Python<'py>, points: &[Vec3]) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let numbers: Vec<f64> = points.iter().flat_map(|point| [point.x, point.y, point.z]).collect();
    PyArray1::from_vec(py, numbers).reshape([points.len(), 3])
}
