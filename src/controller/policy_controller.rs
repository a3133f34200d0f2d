//! A policy decides: its inputs are senses and its outputs drive muscles, each by name.

use super::recurrent::Recurrent;
use super::{Controller, check_state};
use crate::error::Problem;

/// How an output of the cell becomes an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Squash {
    /// min(1, max(0, y)): for a cell that was trained on activations.
    #[default]
    Clamp,
    /// 1 / (1 + e⁻ʸ): for a cell whose outputs may be any number.
    Logistic,
}

impl Squash {
    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clamp => "clamp",
            Self::Logistic => "logistic",
        }
    }

    /// The squash of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Clamp, Self::Logistic].into_iter().find(|squash| squash.name() == name)
    }

    /// The activation, 0 to 1, of an output; libm, so that every machine gives the same bits.
    pub fn of(self, output: f64) -> f64 {
        match self {
            Self::Clamp => output.clamp(0.0, 1.0),
            Self::Logistic => 1.0 / (1.0 + libm::exp(-output)),
        }
    }
}

/// A policy with the names of its inputs and outputs, and its state.
#[derive(Debug, Clone)]
pub struct PolicyController {
    network: Recurrent,
    senses: Vec<String>,
    drives: Vec<String>,
    squash: Squash,
    time_unit: f64,
    state: Vec<f64>,
    scratch: Vec<f64>,
}

impl PolicyController {
    /// A controller at state 0.
    ///
    /// `time_unit` \[s\] is what the cell calls 1 (ncps steps by 1.0 unless it is told the elapsed time).
    ///
    /// # Errors
    /// A problem if the names do not match the cell in number, or the unit of time is not above 0.
    pub fn new(
        network: Recurrent,
        senses: Vec<String>,
        drives: Vec<String>,
        squash: Squash,
        time_unit: f64,
    ) -> Result<Self, Problem> {
        let counts = [("senses", senses.len(), network.inputs()), ("drives", drives.len(), network.outputs())];
        for (what, named, wanted) in counts {
            if named != wanted {
                return Err(Problem::new(format!("the cell has {wanted} {what}, but {named} are named"))
                    .help(format!("name them in the file's metadata as `{what}`, a JSON list of {wanted} names")));
            }
        }
        if !(time_unit.is_finite() && time_unit > 0.0) {
            return Err(Problem::new(format!("the cell's unit of time is {time_unit} s")).help("give a time above 0 s"));
        }
        let (state, scratch) = (vec![0.0; network.states()], vec![0.0; network.scratch()]);
        Ok(Self { network, senses, drives, squash, time_unit, state, scratch })
    }
}

impl Controller for PolicyController {
    fn senses(&self) -> &[String] {
        &self.senses
    }

    fn drives(&self) -> &[String] {
        &self.drives
    }

    fn step(&mut self, _time: f64, dt: f64, senses: &[f64], drives: &mut [f64]) {
        // No time, no step: the solvers divide by it.
        if dt > 0.0 {
            self.network.step(dt / self.time_unit, senses, &mut self.state, &mut self.scratch);
        }
        self.network.read(&self.state, drives);
        for drive in drives {
            *drive = self.squash.of(*drive);
        }
    }

    fn papers(&self) -> &'static [&'static str] {
        self.network.cell().papers()
    }

    fn state(&self) -> Vec<f64> {
        self.state.clone()
    }

    fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        check_state(state, self.state.len())?;
        self.state.copy_from_slice(state);
        Ok(())
    }
}
