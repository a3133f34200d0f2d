//! Many worms of one experiment, stepped side by side: what `WormVectorEnv` is made of.
//!
//! Each worm is stepped by one thread as if it were alone, so it has the bits of a single one.

use std::sync::Mutex;

use numpy::{AllowTypeChange, PyArray1, PyArray2, PyArrayLike2, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use nematode::error::Error;
use nematode::names::MUSCLE_COUNT;
use nematode::parallel::{Threads, for_each_large};
use nematode::run::hash_of;

use crate::driven::{Driven, Plan, Stretch};
use crate::errors::{raised, wrong};
use crate::experiment::Source;

/// Worms side by side.
#[pyclass(frozen, module = "nematode._nematode")]
pub struct Team {
    members: Mutex<Vec<Member>>,
    /// None where the caller's own thread steps them one after the other.
    threads: Option<Threads>,
}

struct Member {
    driven: Driven,
    felt: Vec<f64>,
    came: Stretch,
}

impl Member {
    fn new(plan: Plan) -> Result<Self, Error> {
        let driven = Driven::new(plan, None, None)?;
        let felt = vec![0.0; driven.sense_count()];
        Ok(Self { driven, felt, came: Stretch::NONE })
    }

    /// Feels, as the last thing of a stretch.
    fn feel(&mut self) {
        if self.came.failure.is_none() {
            self.came.failure = self.driven.observe(&mut self.felt).err();
        }
        if self.came.failure.is_some() {
            self.driven.copy_felt(&mut self.felt);
        }
    }
}

type Came<'py> = (
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Vec<Option<String>>,
);

impl Team {
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut [Member], Option<&Threads>) -> R + Send,
    ) -> PyResult<R> {
        let (members, threads) = (&self.members, &self.threads);
        let result = py.detach(|| members.lock().ok().map(|mut members| work(&mut members, threads.as_ref())));
        result.ok_or_else(|| PyRuntimeError::new_err("a defect of the engine broke these worms"))
    }

    fn felt<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (count, all) = self.with(py, |members, _| {
            (members.len(), members.iter().flat_map(|member| member.felt.iter().copied()).collect::<Vec<f64>>())
        })?;
        let width = all.len() / count.max(1);
        PyArray1::from_vec(py, all).reshape([count, width])
    }
}

#[pymethods]
impl Team {
    #[new]
    fn new(py: Python<'_>, count: usize, source: Source, senses: (f64, usize), threads: usize) -> PyResult<Self> {
        if count == 0 || threads == 0 {
            return Err(wrong(py, "a team needs at least one worm and one thread", "give numbers above zero"));
        }
        let (noise, delay) = senses;
        let plan = Plan { source, noise, delay };
        let members: Result<Vec<Member>, Error> = py.detach(|| (0..count).map(|_| Member::new(plan.clone())).collect());
        let members = members.map_err(|error| raised(py, error))?;
        Ok(Self { members: Mutex::new(members), threads: (threads > 1).then(|| Threads::new(threads)) })
    }

    /// Puts some worms back to the beginning, with the seeds of their noise; gives what all feel, (worms, senses).
    fn reset<'py>(
        &self,
        py: Python<'py>,
        which: Vec<usize>,
        seeds: Vec<Option<u64>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let problem = self.with(py, |members, _| {
            for (index, seed) in which.iter().zip(seeds) {
                if let Some(member) = members.get_mut(*index) {
                    member.driven.reset(seed)?;
                    member.came.failure = None;
                    member.feel();
                }
            }
            Ok(())
        })?;
        problem.map_err(|problem: nematode::error::Problem| raised(py, problem))?;
        self.felt(py)
    }

    /// Takes steps with the drives held, (worms, muscles), by those that play. Gives what each feels then (worms, senses), its way along its
    /// heading [m], mean squares of activation and of its rate, and why it ended early.
    fn advance<'py>(
        &self,
        py: Python<'py>,
        drives: PyArrayLike2<'py, f64, AllowTypeChange>,
        count: usize,
        playing: Vec<bool>,
    ) -> PyResult<Came<'py>> {
        let drives = drives.as_array();
        let worms = self.with(py, |members, _| members.len())?;
        if drives.shape() != [worms, MUSCLE_COUNT] || playing.len() != worms {
            let message = format!("drives of shape {:?} for {worms} worms of {MUSCLE_COUNT} muscles", drives.shape());
            return Err(wrong(py, message, "give one row for each worm"));
        }
        let rows: Vec<Vec<f64>> = drives.rows().into_iter().map(|row| row.to_vec()).collect();
        let came = self.with(py, move |members, threads| {
            let play = |index: usize, member: &mut Member| {
                if playing[index] {
                    member.driven.hold(Some(rows[index].clone()));
                    member.came = member.driven.advance(count);
                    member.feel();
                } else {
                    member.came = Stretch::NONE;
                }
            };
            match threads {
                Some(threads) => threads.run(|| for_each_large(members, play)),
                None => members.iter_mut().enumerate().for_each(|(index, member)| play(index, member)),
            }
            let column = |of: fn(&Stretch) -> f64| members.iter().map(|member| of(&member.came)).collect::<Vec<f64>>();
            let failures: Vec<Option<String>> =
                members.iter().map(|member| member.came.failure.as_ref().map(ToString::to_string)).collect();
            (column(|came| came.moved), column(|came| came.energy), column(|came| came.roughness), failures)
        })?;
        let (moved, energy, roughness, failures) = came;
        let array = |column| PyArray1::from_vec(py, column);
        Ok((self.felt(py)?, array(moved), array(energy), array(roughness), failures))
    }

    /// SHA-256 of the state of each worm.
    fn state_hashes(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |members, _| members.iter().map(|member| hash_of(&member.driven.worm)).collect())
    }
}
