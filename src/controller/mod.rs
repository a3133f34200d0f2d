//! A controller decides: senses in, drives out, once per step of the coupling.
//!
//!   state, drives ← step(time, dt, state, senses)
//!
//! A sense and a drive are known by name. Senses are named by what is felt: "curvature/01" … "curvature/24"
//! (bending of the body at a row of muscles, from head to tail) or "MDL05/strain". A drive is the name of the
//! muscle that it activates: "MDL05", from 0 (slack) to 1 (fully active).
//!
//! A wave is played (`traveling_wave.rs`); a policy decides (`policy.rs` reads it, `policy_controller.rs` gives it a worm). A
//! policy is a recurrent cell (`cell.rs`: `ltc.rs`, `cfc.rs`, `ctrnn.rs`, `gru.rs`, `lstm.rs`) with a readout and its weights
//! (`recurrent.rs`), which also plays whole sequences and gives their exact gradient. See docs/controllers.md.

pub mod activation;
pub mod cell;
pub mod cfc;
pub mod circuit;
pub mod ctrnn;
pub mod explicit;
pub mod gru;
pub mod initial;
pub mod inside;
pub mod lanes;
pub mod lems_text;
pub mod lstm;
pub mod ltc;
pub mod numpy_random;
pub mod policy;
pub mod policy_controller;
pub mod recurrent;
mod state_dict;
mod synapses;
pub mod traveling_wave;
pub mod wiring;

use crate::error::Problem;

/// What decides how strongly each muscle contracts.
pub trait Controller: Send {
    /// The names of the senses that a step reads, in their order.
    fn senses(&self) -> &[String];

    /// The names of the drives that a step writes, in their order.
    fn drives(&self) -> &[String];

    /// One step of length `dt` [s] that begins at `time` [s].
    ///
    /// `senses` holds one value per name of [`Controller::senses`], `drives` is overwritten with one
    /// activation (0..1) per name of [`Controller::drives`]; other lengths are a defect of the caller.
    fn step(&mut self, time: f64, dt: f64, senses: &[f64], drives: &mut [f64]);

    /// The papers that it comes from, for `nematode cite`.
    fn papers(&self) -> &'static [&'static str] {
        &[]
    }

    /// The names of what can be recorded of its inside: neurons, then synapses. Nothing, unless it has some.
    fn inside(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes these of [`Controller::inside`], by number, those that [`Controller::traced`] gives.
    fn trace(&mut self, _chosen: &[usize]) {}

    /// What is traced, after the last step.
    fn traced(&self) -> Vec<f64> {
        Vec::new()
    }

    /// All that the next step depends on, so that a run can be stopped here and resumed with the same bits.
    fn state(&self) -> Vec<f64>;

    /// Takes up a state that [`Controller::state`] gave.
    ///
    /// # Errors
    /// A problem if it is not the state of such a controller: another length, or not finite.
    fn restore(&mut self, state: &[f64]) -> Result<(), Problem>;
}

/// Whether `state` can be the state of a controller that keeps `expected` numbers.
fn check_state(state: &[f64], expected: usize) -> Result<(), Problem> {
    if state.len() != expected {
        return Err(Problem::new(format!(
            "the state of this controller has {expected} numbers, found {}",
            state.len()
        ))
        .help("resume with the controller that the state was saved from"));
    }
    match state.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Problem::new(format!("number {index} of the controller's state is {}", state[index]))),
        None => Ok(()),
    }
}
