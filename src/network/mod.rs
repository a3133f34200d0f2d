//! Networks of cells, one time step after another.
//!
//! ```text
//! one step:  predict   synapses look at both cells → currents → sums → cells
//!            correct   the same from the predictions
//!            fire      conditions; events go out; events arrive
//! ```
//!
//! Everything is a column program (program.rs) made from NeuroML and LEMS (compile.rs); no cell is known here by name.

pub mod compile;
pub mod connections;
mod crossings;
pub mod flat;
pub mod flatten;
pub mod graph;
pub mod integrate;
pub mod math;
mod noise;
pub mod population;
pub mod probe;
pub mod program;
mod replicas;
mod shape;
mod share;
pub mod spikes;

use std::collections::BTreeMap;

use crate::error::RunFailure;
use crate::network::connections::{Gather, Sum};
use crate::network::flat::{Flat, Input};
use crate::network::graph::Node;
use crate::network::population::Group;
use crate::network::program::{LANES, Scratch};
use crate::network::spikes::{Listener, Queue, Spike};

pub use crate::network::compile::Options;
pub use crate::network::integrate::Method;
pub use crate::network::probe::{Columns, Port, Probe};

/// How far inside a step its stages look at the clock, as a fraction of the step: a pulse that begins or ends on a
/// step counts for the whole steps within it, however times are rounded.
const INSIDE: f64 = 1e-6;

/// A population as the network knows it.
#[derive(Debug, Clone)]
pub struct Cells {
    /// Its name.
    pub id: String,
    /// The component that its cells are.
    pub component: String,
    /// The ids of its instances.
    pub instance_ids: Vec<usize>,
    /// Where each cell is: group and instance.
    pub places: Vec<(usize, usize)>,
    /// What is attached to each cell: component id, group and instance.
    pub attached: Vec<Vec<(String, usize, usize)>>,
}

/// A network that runs.
#[derive(Debug, Clone)]
pub struct Network {
    dt: f64,
    method: Method,
    /// For each group that draws random numbers, the seed and the entity of each instance.
    streams: Vec<Vec<(u64, u64)>>,
    steps: u64,
    data: Vec<f64>,
    /// The states of all groups before the step, and where each group begins there.
    before: Vec<f64>,
    remembered: Vec<usize>,
    groups: Vec<Group>,
    /// The first so many groups are cells; the rest is attached to them.
    cell_groups: usize,
    gathers: Vec<Gather>,
    sums: Vec<Sum>,
    listeners: Vec<Vec<Vec<Listener>>>,
    queue: Queue,
    spikes: Vec<Spike>,
    populations: Vec<Cells>,
    /// Where each population is, by its name.
    names: BTreeMap<String, usize>,
    /// For each cell group, the population and cell of each instance.
    owners: Vec<Vec<(usize, usize)>>,
    /// For an attached instance whose states are shared (group and instance), where they are.
    shared: BTreeMap<(usize, usize), (usize, usize)>,
    flats: Vec<Flat>,
    scratch: Scratch,
    sum_scratch: Vec<f64>,
}

impl Network {
    /// One time step.
    ///
    /// # Errors
    /// A state that is no number: who, when, and what it was one step before.
    pub fn step(&mut self) -> Result<(), RunFailure> {
        self.remember();
        self.predict();
        self.correct();
        self.steps += 1;
        self.draw();
        self.apply_conditions();
        self.deliver_events();
        self.check()
    }

    /// Simulated time [s].
    pub fn time(&self) -> f64 {
        self.steps as f64 * self.dt
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The time step [s].
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// The populations in the order of the model.
    pub fn populations(&self) -> &[Cells] {
        &self.populations
    }

    /// The spikes since the last call, in order of time; within a step in order of groups and instances.
    pub fn drain_spikes(&mut self) -> Vec<Spike> {
        std::mem::take(&mut self.spikes)
    }

    fn predict(&mut self) {
        let time = (self.steps as f64 + INSIDE) * self.dt;
        self.look(false, time);
        for index in (self.cell_groups..self.groups.len()).chain([usize::MAX]).chain(0..self.cell_groups) {
            match self.groups.get(index) {
                Some(group) => group.run(&group.predict, &mut self.data, time, &mut self.scratch),
                None => self.add_up(true),
            }
        }
    }

    fn correct(&mut self) {
        let time = ((self.steps + 1) as f64 - INSIDE) * self.dt;
        if self.method != Method::Euler {
            self.look(true, time);
        }
        for index in (self.cell_groups..self.groups.len()).chain([usize::MAX]).chain(0..self.cell_groups) {
            match self.groups.get(index) {
                Some(group) => group.run(&group.correct, &mut self.data, time, &mut self.scratch),
                None if self.method == Method::Euler => {}
                None => self.add_up(false),
            }
        }
    }

    /// New random numbers for what asks for them.
    fn draw(&mut self) {
        for (index, group) in self.groups.iter().enumerate() {
            for (input, wanted) in group.inputs.iter().enumerate() {
                let Input::Noise(draw) = wanted else { continue };
                for lane in 0..group.lanes.next_multiple_of(LANES) {
                    let (seed, entity) = self.streams[index][lane.min(group.lanes - 1)];
                    self.data[group.at(lane, group.input_column(input))] =
                        noise::uniform(seed, entity, self.steps, *draw as u64);
                }
            }
        }
    }

    /// Synapses look at their cells.
    fn look(&mut self, trial: bool, time: f64) {
        for group in &self.groups[..self.cell_groups] {
            let program = if trial { &group.export_trial } else { &group.export_now };
            group.run(program, &mut self.data, time, &mut self.scratch);
        }
        for gather in &self.gathers {
            gather.run(&self.groups, &mut self.data, trial);
        }
    }

    /// Cells add up what is attached to them.
    fn add_up(&mut self, slopes: bool) {
        for group in &self.groups[..self.cell_groups] {
            let (blocks, _) = self.data[group.base..group.base + group.numbers()].as_chunks_mut::<LANES>();
            for (index, input) in group.inputs.iter().enumerate() {
                if matches!(input, Input::Attached(_)) || (slopes && matches!(input, Input::Slope(..))) {
                    let column = group.input_column(index);
                    blocks.iter_mut().skip(column).step_by(group.columns).for_each(|chunk| *chunk = [0.0; LANES]);
                }
            }
        }
        for sum in self.sums.iter().filter(|sum| slopes || !sum.slope) {
            sum.run(&self.groups, &mut self.data, &mut self.sum_scratch);
        }
    }

    fn apply_conditions(&mut self) {
        let time = self.time_of(self.steps);
        for index in 0..self.groups.len() {
            let group = &self.groups[index];
            if group.conditions.is_empty() {
                continue;
            }
            if group.conditions_look_out {
                for gather in self.gathers.iter().filter(|gather| gather.group == index) {
                    gather.run(&self.groups, &mut self.data, false);
                }
            }
            group.run(&group.conditions, &mut self.data, time, &mut self.scratch);
            let crossed = self.crossed(index);
            self.groups[index].commit(&mut self.data);
            for (lane, event, states) in crossed {
                for (state, value) in states.into_iter().enumerate() {
                    self.data[self.groups[index].at(lane, state)] = value;
                }
                if let Some(time) = event.filter(|_| index < self.cell_groups) {
                    let (population, cell) = self.owners[index][lane];
                    self.spikes.push(Spike { population, cell, time });
                    self.queue.send(self.steps, &self.listeners[index][lane]);
                }
            }
        }
    }

    /// The instances of a group in which a condition came true whose moment matters, each with the time of its event
    /// and its states at the end of the step.
    fn crossed(&self, index: usize) -> Vec<(usize, Option<f64>, Vec<f64>)> {
        let group = &self.groups[index];
        let Some(column) = group.timed_column else { return Vec::new() };
        let mut crossed = Vec::new();
        for lane in (0..group.lanes).filter(|lane| self.data[group.at(*lane, column as usize)] != 0.0) {
            let assigned = |state| if group.assigned.contains(&state) { group.states + state } else { state };
            let assigned: Vec<f64> =
                (0..group.states).map(|state| self.data[group.at(lane, assigned(state))]).collect();
            let (event, states) = self.cross(index, lane, &assigned);
            crossed.push((lane, event, states));
        }
        crossed
    }

    /// The time at which conditions are tested after so many steps.
    fn time_of(&self, steps: u64) -> f64 {
        (steps as f64 + INSIDE) * self.dt
    }

    /// Whether a cell goes on from the moment of its spike; forward Euler takes spikes at the end of a step.
    fn exact_crossings(&self) -> bool {
        self.method != Method::Euler
    }

    fn deliver_events(&mut self) {
        for (index, lane) in self.queue.arrive(self.steps) {
            let group = &self.groups[index as usize];
            let lane = lane as usize;
            let flat = &self.flats[group.flat_of[lane]];
            let time = self.time();
            let leaf = |node: Node| leaf_value(group, &self.data, lane, time, node);
            let new: Vec<(usize, f64)> =
                flat.on_event.iter().map(|(state, value)| (*state, flat.graph.evaluate(*value, &leaf))).collect();
            for (state, value) in new {
                self.data[group.at(lane, state)] = value;
            }
        }
    }

    /// Keeps the states from before the step, so that a failure can tell them.
    fn remember(&mut self) {
        self.before.clear();
        self.remembered.clear();
        for group in &self.groups {
            self.remembered.push(self.before.len());
            let blocks = self.data[group.base..group.base + group.numbers()].chunks_exact(group.columns * LANES);
            for block in blocks {
                self.before.extend_from_slice(&block[..group.states * LANES]);
            }
        }
    }

    fn check(&self) -> Result<(), RunFailure> {
        let mut before = self.before.as_slice();
        for (index, group) in self.groups.iter().enumerate() {
            let blocks = self.data[group.base..group.base + group.numbers()].chunks_exact(group.columns * LANES);
            for (chunk, block) in blocks.enumerate() {
                let states = &block[..group.states * LANES];
                let (old, rest) = before.split_at(states.len());
                before = rest;
                // 0·x is 0 unless x is infinite or no number. Eight sums, since each addition waits for its last.
                let mut sums = [0.0; 8];
                for eight in states.as_chunks::<8>().0 {
                    sums.iter_mut().zip(eight).for_each(|(sum, x)| *sum += 0.0 * x);
                }
                if sums.iter().sum::<f64>() == 0.0 {
                    continue;
                }
                let worst =
                    (0..states.len()).find(|i| !states[*i].is_finite() && chunk * LANES + i % LANES < group.lanes);
                if let Some(at) = worst {
                    return Err(self.failure(index, chunk * LANES + at % LANES, at / LANES, states[at], old[at]));
                }
            }
        }
        Ok(())
    }

    fn failure(&self, group: usize, lane: usize, state: usize, found: f64, before: f64) -> RunFailure {
        let flat = &self.flats[self.groups[group].flat_of[lane]];
        let (variable, unit) = match flat.state_path(state) {
            path if path == "v" => ("membrane potential".to_string(), " V"),
            path => (format!("\"{path}\""), ""),
        };
        let who = self.name_of(group, lane);
        let kind = if found.is_nan() { "not a number" } else { "infinite" };
        RunFailure {
            time: self.time(),
            what: format!("{variable} of {who} is {kind} (was {before}{unit} one step before)"),
            help: Some(format!("try dt below {} ms", self.dt * 1e3)),
        }
    }

    fn name_of(&self, group: usize, lane: usize) -> String {
        let cell_name = |population: &Cells, cell: usize| match population.places.len() {
            1 => population.id.clone(),
            _ => format!("{}[{}]", population.id, population.instance_ids[cell]),
        };
        if group < self.cell_groups {
            let (population, cell) = self.owners[group][lane];
            return cell_name(&self.populations[population], cell);
        }
        for population in &self.populations {
            for (cell, attached) in population.attached.iter().enumerate() {
                let is = |place| place == (group, lane) || self.shared.get(&place) == Some(&(group, lane));
                if let Some((id, ..)) = attached.iter().find(|(_, group, lane)| is((*group, *lane))) {
                    return format!("\"{id}\" on {}", cell_name(population, cell));
                }
            }
        }
        "a synapse".to_string()
    }
}

/// The value of a state, an input or the clock for one instance.
fn leaf_value(group: &Group, data: &[f64], lane: usize, time: f64, node: Node) -> f64 {
    match node {
        Node::State(state) => data[group.at(lane, state)],
        Node::Input(input) => data[group.at(lane, group.input_column(input))],
        _ => time,
    }
}
