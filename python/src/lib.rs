//! The engine as a Python module, `nematode._nematode`; what users call stands in `nematode/`.
//!
//! Numbers cross as numpy arrays. What is computed for the caller is handed over without a copy; what the worm goes on
//! changing (activation of muscles) is copied, for a view of it would change under the reader. Nothing here holds the
//! interpreter's lock while it simulates.

mod controller;
mod driven;
mod errors;
mod experiment;
mod networks;
mod recordings;
mod running;
mod team;
mod watch;
mod worm;

use pyo3::prelude::*;

#[pymodule]
mod _nematode {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::networks::lems;
    #[pymodule_export]
    use super::recordings::{Recording, check_gait_row, gait};
    #[pymodule_export]
    use super::running::run;
    #[pymodule_export]
    use super::team::Team;
    #[pymodule_export]
    use super::worm::Worm;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Senses of a worm, in the order in which arrays have them.
fn sense_names() -> Vec<String> {
    nematode::proprioception::Sense::all().into_iter().map(|(name, _)| name).collect()
}
