//! What went wrong, as the exceptions of `nematode/errors.py`.

use pyo3::prelude::*;
use pyo3::types::PyList;

use nematode::error::{Error, Problem, Problems, RunFailure};

/// The exception of an error of the engine.
pub fn raised(py: Python<'_>, error: impl Into<Error>) -> PyErr {
    exception(py, &error.into()).unwrap_or_else(|why| why)
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let module = py.import("nematode.errors")?;
    let text = error.to_string();
    let exception = match error {
        Error::Input(problems) => {
            let kind = module.getattr("Problem")?;
            let list = PyList::empty(py);
            for problem in problems.iter() {
                let place = problem.place.as_ref();
                let file = place.map(|place| place.file.display().to_string());
                let (line, column) = (place.map(|place| place.line), place.map(|place| place.column));
                list.append(kind.call1((&problem.message, file, line, column, &problem.help))?)?;
            }
            module.getattr("InputError")?.call1((text, list))?
        }
        Error::Run(RunFailure { time, what, help }) => module.getattr("Diverged")?.call1((text, *time, what, help))?,
        Error::System { path, action, source } => {
            let file = path.display().to_string();
            module.getattr("SystemRefused")?.call1((text, file, action, source.to_string()))?
        }
    };
    Ok(PyErr::from_value(exception))
}

/// The exception of what a caller did wrong.
pub fn wrong(py: Python<'_>, message: impl Into<String>, mend: impl Into<String>) -> PyErr {
    raised(py, Problems::from(Problem::new(message).help(mend)))
}
