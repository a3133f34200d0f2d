//! A policy decides: its inputs are senses and its outputs drive muscles, each by name.

use super::inside::Inside;
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
    /// Numbers of the state that are kept at 0.
    silent: Vec<usize>,
    /// Time between two decisions, and how long ago the last was \[s\]; none if every step decides.
    waits: Option<(f64, f64)>,
    /// Names of the neurons, where the policy has some.
    neurons: Option<Vec<String>>,
    /// What is traced, by number of the inside.
    traced: Option<(Inside, Vec<usize>)>,
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
        let silent = Vec::new();
        let (waits, neurons, traced) = (None, None, None);
        Ok(Self { network, senses, drives, squash, time_unit, state, scratch, silent, waits, neurons, traced })
    }

    /// Decides every `interval` \[s\], the first time at once, and holds its drives in between: what a cell without a time of
    /// its own needs that has learned from frames further apart than the steps of the worm.
    ///
    /// # Errors
    /// An interval that is not above 0.
    pub fn every(mut self, interval: f64) -> Result<Self, Problem> {
        if !(interval.is_finite() && interval > 0.0) {
            return Err(Problem::new(format!("a decision every {interval} s")).help("give a time above 0 s"));
        }
        self.waits = Some((interval, interval));
        Ok(self)
    }

    /// Calls its neurons by these names, if there are as many.
    pub fn naming(mut self, neurons: Option<Vec<String>>) -> Self {
        self.neurons = neurons;
        self
    }

    /// The time that the cell is to take now \[s\], if it is to decide.
    fn due(&mut self, dt: f64) -> Option<f64> {
        let Some((interval, waited)) = &mut self.waits else { return Some(dt) };
        // But for rounding of the sum of steps.
        let due = (*waited >= *interval * (1.0 - 1e-9)).then_some(*waited);
        *waited = if due.is_some() { dt } else { *waited + dt };
        due
    }

    /// Silences neurons: their state, of an LSTM with its memory, stays 0 from now on. Those that are not there are passed over.
    pub fn silence(&mut self, neurons: &[usize]) {
        let (states, visible) = (self.state.len(), self.network.cell().visible());
        let of_cell = neurons.iter().filter(|neuron| **neuron < visible);
        let places = of_cell.flat_map(|neuron| (*neuron..states).step_by(visible.max(1)));
        self.silent = places.collect();
        self.hush();
    }

    fn hush(&mut self) {
        for place in &self.silent {
            self.state[*place] = 0.0;
        }
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
        if dt > 0.0
            && let Some(elapsed) = self.due(dt)
        {
            self.network.step(elapsed / self.time_unit, senses, &mut self.state, &mut self.scratch);
            self.hush();
        }
        self.network.read(&self.state, drives);
        for drive in drives {
            *drive = self.squash.of(*drive);
        }
    }

    fn papers(&self) -> &'static [&'static str] {
        self.network.cell().papers()
    }

    fn inside(&self) -> Vec<String> {
        Inside::of(&self.network, self.neurons.as_deref()).names()
    }

    fn trace(&mut self, chosen: &[usize]) {
        self.traced = Some((Inside::of(&self.network, self.neurons.as_deref()), chosen.to_vec()));
    }

    fn traced(&self) -> Vec<f64> {
        let Some((inside, chosen)) = &self.traced else { return Vec::new() };
        chosen.iter().map(|place| inside.value(*place, &self.state)).collect()
    }

    fn state(&self) -> Vec<f64> {
        self.state.iter().copied().chain(self.waits.map(|(_, waited)| waited)).collect()
    }

    fn restore(&mut self, state: &[f64]) -> Result<(), Problem> {
        check_state(state, self.state.len() + usize::from(self.waits.is_some()))?;
        let (own, waited) = state.split_at(self.state.len());
        self.state.copy_from_slice(own);
        if let (Some((_, own)), [waited]) = (&mut self.waits, waited) {
            *own = *waited;
        }
        Ok(())
    }
}
