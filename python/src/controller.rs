//! A controller that is written in Python.

use std::sync::{Arc, Mutex, PoisonError};

use numpy::{AllowTypeChange, PyArray1, PyArrayLike1};
use pyo3::prelude::*;

use nematode::controller::Controller;
use nematode::error::Problem;
use nematode::names::muscle_names;

use crate::errors::wrong;
use crate::sense_names;

/// What a controller raised, for the engine's controllers have no errors: who steps them looks here afterwards.
#[derive(Clone, Default)]
pub struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    fn keep(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Takes it.
    pub fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether there is one.
    pub fn is_some(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Calls `controller(time, senses)` once a step.
pub struct InPython {
    call: Py<PyAny>,
    senses: Vec<String>,
    drives: Vec<String>,
    raised: Raised,
}

impl InPython {
    /// A callable; its attributes `senses` and `drives` are the names that it reads and writes, all where it has none.
    pub fn new(call: &Bound<'_, PyAny>) -> PyResult<(Self, Raised)> {
        if !call.is_callable() {
            let message =
                format!("a controller is called as controller(time, senses), and a {} can't be", call.get_type());
            return Err(wrong(call.py(), message, "give a function, or an object with __call__"));
        }
        let names = |attribute: &str, all: Vec<String>| match call.getattr_opt(attribute)? {
            Some(names) => names.extract(),
            None => Ok(all),
        };
        let (senses, drives) = (names("senses", sense_names())?, names("drives", muscle_names())?);
        let raised = Raised::default();
        Ok((Self { call: call.clone().unbind(), senses, drives, raised: raised.clone() }, raised))
    }

    fn decide(&self, py: Python<'_>, time: f64, senses: &[f64], drives: &mut [f64]) -> PyResult<()> {
        let out = self.call.bind(py).call1((time, PyArray1::from_slice(py, senses)))?;
        let out: PyArrayLike1<'_, f64, AllowTypeChange> = out.extract()?;
        let out = out.as_array();
        if out.len() != drives.len() {
            let message =
                format!("at {time:.4} s the controller gave {} drives for {} muscles", out.len(), drives.len());
            return Err(wrong(py, message, "give one number for each name in its `drives`, by default all 95 muscles"));
        }
        if let Some(at) = out.iter().position(|drive| !drive.is_finite()) {
            let message = format!("at {time:.4} s the controller's drive of {} is {}", self.drives[at], out[at]);
            return Err(wrong(py, message, "give numbers between 0 and 1"));
        }
        drives.iter_mut().zip(out).for_each(|(drive, new)| *drive = *new);
        Ok(())
    }
}

impl Controller for InPython {
    fn senses(&self) -> &[String] {
        &self.senses
    }

    fn drives(&self) -> &[String] {
        &self.drives
    }

    fn step(&mut self, time: f64, _dt: f64, senses: &[f64], drives: &mut [f64]) {
        if self.raised.is_some() {
            return;
        }
        if let Err(error) = Python::attach(|py| self.decide(py, time, senses, drives)) {
            self.raised.keep(error);
        }
    }

    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    fn restore(&mut self, _: &[f64]) -> Result<(), Problem> {
        Ok(())
    }
}
