//! Networks of cells, one time step after another.
//!
//! ```text
//! one step:  aim      where will every state be when the rates are looked at?
//!            stage    synapses look at both cells → currents → sums → cells     (once; Runge–Kutta: four times)
//!            fire     conditions; events go out; events arrive; what jumped starts anew
//! ```
//!
//! Everything is a column program (program.rs) made from NeuroML and LEMS (compile.rs); no cell is known here by name.

pub mod cable;
pub mod compile;
pub mod connections;
mod crossings;
mod emit;
mod events;
pub mod flat;
pub mod flatten;
pub mod graph;
pub mod integrate;
mod lanes;
mod noise;
pub mod population;
pub mod probe;
pub mod program;
mod replicas;
mod shape;
mod share;
pub mod spikes;
mod trees;
mod varied;
mod weave;
mod wiring;

use std::collections::BTreeMap;

use crate::error::RunFailure;
use crate::network::cable::Cables;
use crate::network::connections::{Gather, Sum};
use crate::network::flat::{Flat, Input, Kept};
use crate::network::graph::{Id, Node};
use crate::network::integrate::INSIDE;
use crate::network::population::Group;
use crate::network::program::{LANES, Scratch, Unary};
use crate::network::spikes::{Listener, Queue, Spike};
use crate::network::weave::Weave;

pub use crate::network::compile::Options;
pub use crate::network::integrate::Method;
pub use crate::network::probe::{Columns, Port, Probe};

/// A population as the network knows it.
#[derive(Debug, Clone)]
pub struct Cells {
    /// Its name.
    pub id: String,
    /// The component that its cells are.
    pub component: String,
    /// The ids of its instances.
    pub instance_ids: Vec<usize>,
    /// Where each cell is: group and instance; of a cell of many compartments, the one at segment 0.
    pub places: Vec<(usize, usize)>,
    /// For cells of many segments, the compartment at the middle of each segment, by its id.
    pub segments: BTreeMap<usize, usize>,
    /// For cells of many segments, where each compartment of each cell is.
    pub compartments: Vec<Vec<(usize, usize)>>,
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
    groups: Vec<Group>,
    /// The first so many groups are cells; the rest is attached to them.
    cell_groups: usize,
    gathers: Vec<Gather>,
    /// What woven synapses would read, for those who ask.
    seams: Vec<Gather>,
    weave: Weave,
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
    cables: Cables,
    /// Parameters of instances that are not those of their flat set: the size of a compartment.
    given: BTreeMap<(usize, usize), Vec<(Id, f64)>>,
    scratch: Scratch,
    sum_scratch: Vec<f64>,
}

impl Network {
    /// One time step.
    ///
    /// # Errors
    /// A state that is no number: who, when, and what it was one step before.
    pub fn step(&mut self) -> Result<(), RunFailure> {
        self.aim();
        for (stage, fraction) in self.method.looks().iter().enumerate() {
            self.stage(stage, (self.steps as f64 + fraction) * self.dt);
        }
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

    /// Where the first stage looks at the states.
    fn aim(&mut self) {
        for group in &self.groups {
            group.aim(&mut self.data, self.method.reach());
        }
    }

    /// One look at all rates: what is attached, then the cells that it feeds.
    fn stage(&mut self, stage: usize, time: f64) {
        self.look(time);
        for group in self.groups[self.cell_groups..].iter().filter(|group| !group.woven) {
            group.run(&group.stages[stage], &mut self.data, time, &mut self.scratch);
        }
        self.add_up();
        for group in &self.groups[..self.cell_groups] {
            group.run(&group.stages[stage], &mut self.data, time, &mut self.scratch);
        }
        self.cables.solve(&mut self.data);
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
    fn look(&mut self, time: f64) {
        for group in &self.groups[..self.cell_groups] {
            group.run(&group.export, &mut self.data, time, &mut self.scratch);
        }
        for gather in &self.gathers {
            gather.run(&self.groups, &mut self.data, true);
        }
    }

    /// Cells add up what is attached to them.
    fn add_up(&mut self) {
        for group in &self.groups[..self.cell_groups] {
            let (blocks, _) = self.data[group.base..group.base + group.numbers()].as_chunks_mut::<LANES>();
            for (index, input) in group.inputs.iter().enumerate() {
                if matches!(input, Input::Attached(_) | Input::Slope(..)) {
                    let column = group.input_column(index);
                    blocks.iter_mut().skip(column).step_by(group.columns).for_each(|chunk| *chunk = [0.0; LANES]);
                }
            }
        }
        for sum in &self.sums {
            sum.run(&self.groups, &mut self.data, &mut self.sum_scratch);
        }
        self.weave.run(&mut self.data);
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
                self.start_anew(index, lane);
                if let Some(time) = event.filter(|_| index < self.cell_groups) {
                    let (population, cell) = self.owners[index][lane];
                    // Of a cell of many compartments, the spikes are those at segment 0.
                    if self.populations[population].places[cell] == (index, lane) {
                        self.spikes.push(Spike { population, cell, time });
                    }
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
        // An event that passes through a cell may reach others in the same step; 64 ends a circle of them.
        for _ in 0..64 {
            let arrived = self.queue.arrive(self.steps);
            if arrived.is_empty() {
                break;
            }
            for (index, lane) in arrived {
                self.deliver(index as usize, lane as usize);
            }
        }
    }

    fn deliver(&mut self, index: usize, lane: usize) {
        let group = &self.groups[index];
        let flat = &self.flats[group.flat_of[lane]];
        let time = self.time();
        let leaf = |node: Node| leaf_value(group, &self.data, lane, time, node);
        let passes = flat.event_passes.is_some_and(|passes| flat.graph.evaluate(passes, &leaf) != 0.0);
        let new: Vec<(usize, f64)> =
            flat.on_event.iter().map(|(state, value)| (*state, flat.graph.evaluate(*value, &leaf))).collect();
        for (state, value) in new {
            self.data[group.at(lane, state)] = value;
        }
        self.start_anew(index, lane);
        if passes && index < self.cell_groups {
            let (population, cell) = self.owners[index][lane];
            self.spikes.push(Spike { population, cell, time });
            self.queue.send(self.steps, &self.listeners[index][lane]);
        }
    }

    /// Forgets how the states of an instance moved before a jump: the step before is made up from the rates after it,
    /// x₋ = x − dt φ₁(dt J) f, so that the next step is foretold along them.
    fn start_anew(&mut self, index: usize, lane: usize) {
        if self.method != Method::Exponential {
            return;
        }
        let group = &self.groups[index];
        let flat = &self.flats[group.flat_of[lane]];
        let time = self.time_of(self.steps);
        let leaf = |node: Node| leaf_value(group, &self.data, lane, time, node);
        let mut kept = Vec::new();
        for (state, known) in flat.states.iter().enumerate() {
            let (Some(rate), Some(slope)) = (known.rate, known.slope) else { continue };
            let (rate, slope) = (flat.graph.evaluate(rate, &leaf), flat.graph.evaluate(slope, &leaf));
            let x = self.data[group.at(lane, state)];
            let before = x - self.dt * Unary::Phi1.of(self.dt * slope) * rate;
            let values = [(Kept::Start, before), (Kept::Rate, rate), (Kept::Point, x), (Kept::Drive, rate - slope * x)];
            for (what, value) in values {
                let input = group.inputs.iter().position(|input| *input == Input::Kept(state, what));
                kept.extend(input.map(|input| (group.at(lane, group.input_column(input)), value)));
            }
        }
        for (at, value) in kept {
            self.data[at] = value;
        }
    }

    /// The value of a state as the step began; what nothing moves is as it was.
    fn at_start(&self, index: usize, lane: usize, state: usize) -> f64 {
        let group = &self.groups[index];
        self.data[group.at(lane, group.starts[state].unwrap_or(state))]
    }

    fn check(&self) -> Result<(), RunFailure> {
        for (index, group) in self.groups.iter().enumerate() {
            let blocks = self.data[group.base..group.base + group.numbers()].chunks_exact(group.columns * LANES);
            for (chunk, block) in blocks.enumerate() {
                let states = &block[..group.states * LANES];
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
                    let (lane, state) = (chunk * LANES + at % LANES, at / LANES);
                    let before = self.at_start(index, lane, state);
                    return Err(self.failure(index, lane, state, states[at], before));
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
