//! Paths to values: what a recording reads and what a body writes.
//!
//! "AVBL/v", "AVBL/0/GenericNeuronCell/v", "p[3]/v", "MDL05/caConc", "AVBL/0/Cell/biophys/…/k_fast/p/q", and for what
//! is attached to a cell "DB1/0/stretch_DB1/stretch".

use crate::error::{Problem, nearest};
use crate::network::connections::Gather;
use crate::network::flat::Input;
use crate::network::graph::{Id, Node};
use crate::network::integrate::INSIDE;
use crate::network::population::Group;
use crate::network::program::LANES;
use crate::network::{Network, leaf_value};

/// A value that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    group: usize,
    lane: usize,
    node: Id,
    state: Option<usize>,
}

/// Values that are read together, once per step: states by their place in memory, all else by its equations.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// Where each value stands; 0 for those that must be worked out.
    places: Vec<usize>,
    computed: Vec<(usize, Probe)>,
}

impl Columns {
    /// The columns of these values, in their order.
    pub fn new(probes: &[Probe]) -> Self {
        let computed = probes.iter().copied().enumerate().filter(|(_, probe)| probe.state.is_none()).collect();
        Self { places: probes.iter().map(|probe| probe.state.unwrap_or(0)).collect(), computed }
    }
}

/// A state that the outside writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    index: usize,
}

impl Network {
    /// Finds a value by its path.
    ///
    /// # Errors
    /// The step of the path that leads nowhere, with the nearest that does.
    pub fn probe(&self, path: &str) -> Result<Probe, Problem> {
        let (group, lane, rest) = self.resolve(path)?;
        self.probe_in(group, lane, rest, path)
    }

    /// The component type and the variable that a path ends in, as LEMS names them; nothing where it leads nowhere.
    pub fn variable_of(&self, path: &str) -> Option<(&str, String)> {
        let (group, lane, rest) = self.resolve(path).ok()?;
        let flat = &self.flats[self.groups[group].flat_of[lane]];
        let mut steps: Vec<&str> = rest.split('/').filter(|step| !step.is_empty()).collect();
        let name = steps.pop()?;
        let step_into = |node, step: &&str| flat.child(node, step.split('[').next().unwrap_or(step));
        let node = steps.iter().try_fold(0, step_into)?;
        Some((flat.tree[node].type_name.as_str(), name.to_string()))
    }

    /// Where a path leads: the group and instance of its cell or of what is attached to it, and what is left of it.
    fn resolve<'p>(&self, path: &'p str) -> Result<(usize, usize, &'p str), Problem> {
        let (population, cell, rest) = self.find_cell(path)?;
        let cells = &self.populations[population];
        let (group, lane) = cells.places[cell];
        // The id of the component may stand after the cell or be left out.
        let rest = match rest.split_once('/') {
            Some((first, rest)) if first == cells.component => rest,
            _ => rest,
        };
        // The number of a segment may stand after the cell: "p/0/cell/9/v".
        if let Some((first, inner)) = rest.split_once('/')
            && let Ok(id) = first.parse::<usize>()
            && let Some(compartment) = cells.segments.get(&id)
        {
            let (group, lane) = cells.compartments[cell][*compartment];
            return Ok((group, lane, inner));
        }
        // What is attached goes by the id of its component, or as LEMS counts it: "synapses:ampa:0".
        if let Some((first, inner)) = rest.split_once('/')
            && let mut parts = first.split(':')
            && let (id, count) = match (parts.next(), parts.next(), parts.next()) {
                (Some(_), Some(id), count) => (id, count.and_then(|count| count.parse().ok()).unwrap_or(0)),
                _ => (first, 0),
            }
            && let Some((_, group, lane)) = cells.attached[cell].iter().filter(|(known, ..)| known == id).nth(count)
        {
            return Ok((*group, *lane, inner));
        }
        Ok((group, lane, rest))
    }

    fn probe_in(&self, group: usize, lane: usize, rest: &str, path: &str) -> Result<Probe, Problem> {
        // What follows from the other cell alone is where all its synapses find it.
        if let Some((group, lane)) = self.shared.get(&(group, lane))
            && self.flats[self.groups[*group].flat_of[*lane]].find(rest).is_ok()
        {
            return self.probe_in(*group, *lane, rest, path);
        }
        let flat = &self.flats[self.groups[group].flat_of[lane]];
        let node = flat.find(rest).map_err(|mut problem| {
            problem.message = format!("no quantity \"{path}\": {}", problem.message);
            problem
        })?;
        let state = match flat.graph.node(node) {
            Node::State(state) => Some(self.groups[group].at(lane, state)),
            _ => None,
        };
        Ok(Probe { group, lane, node, state })
    }

    /// The population and cell that a path begins with, and the rest of it.
    pub(crate) fn find_cell<'p>(&self, path: &'p str) -> Result<(usize, usize, &'p str), Problem> {
        let trimmed = path.trim().trim_start_matches("../").trim_start_matches('/');
        // A population of a user's network type may have a path for its name.
        let own =
            |id: &&str| id.contains('/') && trimmed.strip_prefix(*id).is_some_and(|rest| rest.starts_with(['[', '/']));
        let long =
            self.populations.iter().map(|population| population.id.as_str()).filter(own).max_by_key(|id| id.len());
        let end = long.map_or(0, str::len);
        let end = trimmed[end..].find('/').map_or(trimmed.len(), |slash| end + slash);
        let (first, mut rest) = (&trimmed[..end], trimmed[end..].trim_start_matches('/'));
        let (name, mut id) = match first.split_once('[') {
            Some((name, index)) => {
                let number = index.strip_suffix(']').and_then(|index| index.trim().parse::<usize>().ok());
                let number = number.ok_or_else(|| {
                    Problem::new(format!("no quantity \"{path}\": \"[{index}\" is no number of a cell"))
                        .help(format!("write \"{name}[0]\""))
                })?;
                (name, Some(number))
            }
            None => (first, None),
        };
        let Some(population) = self.names.get(name).copied() else {
            // A simulation of one component has no population in its paths.
            if let [only] = self.populations.as_slice()
                && only.id == only.component
                && only.places.len() == 1
            {
                return Ok((0, 0, trimmed));
            }
            let problem = Problem::new(format!("no quantity \"{path}\": no population \"{name}\""));
            return Err(match nearest(name, self.populations.iter().map(|population| population.id.as_str())) {
                Some(known) => problem.help(format!("nearest: \"{known}\"")),
                None => problem,
            });
        };
        if id.is_none() {
            let (step, after) = rest.split_once('/').unwrap_or((rest, ""));
            if let Ok(found) = step.parse::<usize>() {
                id = Some(found);
                rest = after;
            }
        }
        let cells = &self.populations[population];
        let id = id.unwrap_or_else(|| cells.instance_ids.first().copied().unwrap_or(0));
        let cell = cells.instance_ids.iter().position(|known| *known == id).ok_or_else(|| {
            let size = cells.places.len();
            Problem::new(format!("no quantity \"{path}\": no cell {id} in population \"{name}\", which has {size}"))
        })?;
        Ok((population, cell, rest))
    }

    /// Reads a value [SI].
    ///
    /// A derived value that depends on currents between cells is that of the last stage of the step.
    pub fn read(&self, probe: Probe) -> f64 {
        if let Some(index) = probe.state {
            return self.data[index];
        }
        let group = &self.groups[probe.group];
        let graph = &self.flats[group.flat_of[probe.lane]].graph;
        let time = self.time();
        let given = self.given.get(&(probe.group, probe.lane)).map_or(&[][..], Vec::as_slice);
        graph.evaluate_given(probe.node, given, &|leaf| match self.seam(probe, leaf) {
            Some(value) => value,
            None => leaf_value(group, &self.data, probe.lane, time, leaf),
        })
    }

    /// What a woven synapse reads of its cells; other instances have it in their columns.
    fn seam(&self, probe: Probe, leaf: Node) -> Option<f64> {
        let (group, Node::Input(input)) = (&self.groups[probe.group], leaf) else { return None };
        let column = group.input_column(input);
        let here = |seam: &&Gather| (seam.group, seam.column) == (probe.group, column);
        let seam = self.seams.iter().find(here).filter(|_| group.woven)?;
        Some(self.data[seam.now[probe.lane] as usize])
    }

    /// Reads many values [SI] into `values`, as [`Network::read`] does.
    pub fn read_all(&self, columns: &Columns, values: &mut Vec<f64>) {
        values.clear();
        values.extend(columns.places.iter().map(|place| self.data[*place]));
        for (column, probe) in &columns.computed {
            values[*column] = self.read(*probe);
        }
    }

    /// Finds a state that nothing inside changes by itself, for the outside to write.
    ///
    /// # Errors
    /// No such path, or a variable with a rate of its own or without memory.
    pub fn port(&self, path: &str) -> Result<Port, Problem> {
        let probe = self.probe(path)?;
        let group = &self.groups[probe.group];
        let flat = &self.flats[group.flat_of[probe.lane]];
        match (probe.state, flat.graph.node(probe.node)) {
            (Some(index), Node::State(state)) if !group.moving[state] => Ok(Port { index }),
            _ => Err(Problem::new(format!("\"{path}\" cannot be written"))
                .help("a port is a StateVariable without a TimeDerivative, such as `stretch` of a stretchReceptor")),
        }
    }

    /// Writes a value [SI] that holds from the next step on.
    pub fn write(&mut self, port: Port, value: f64) {
        self.data[port.index] = value;
    }

    /// The columns of a group that outlive a step: states, and what the integrator keeps.
    fn lasting(group: &Group) -> impl Iterator<Item = usize> + '_ {
        let kept = group.inputs.iter().enumerate().filter(|(_, input)| matches!(input, Input::Kept(..)));
        (0..group.states).chain(kept.map(|(index, _)| group.input_column(index)))
    }

    /// All that outlives a step, the step and the events under way, as numbers: what a checkpoint keeps.
    pub fn state(&self) -> Vec<f64> {
        let mut state = vec![self.steps as f64];
        for group in &self.groups {
            for lane in 0..group.lanes {
                state.extend(Self::lasting(group).map(|column| self.data[group.at(lane, column)]));
            }
        }
        state.extend(self.queue.save());
        state
    }

    /// How many numbers longer a state may become by events under way: sixteen for each connection that spikes pass.
    pub fn room_for_events(&self) -> usize {
        3 * 16 * self.listeners.iter().flatten().map(Vec::len).sum::<usize>()
    }

    /// Continues from a state that [`Network::state`] of the same network gave.
    ///
    /// # Errors
    /// A state of another length than this network's.
    pub fn restore(&mut self, saved: &[f64]) -> Result<(), Problem> {
        let own: usize = self.groups.iter().map(|group| group.lanes * Self::lasting(group).count()).sum();
        if saved.len() < own + 1 || !(saved.len() - own - 1).is_multiple_of(3) {
            let message = format!("a state of {} numbers for a network of {own}", saved.len());
            return Err(Problem::new(message));
        }
        self.steps = saved[0] as u64;
        let mut values = saved[1..].iter();
        for group in &self.groups {
            for lane in 0..group.lanes {
                for (column, value) in Self::lasting(group).zip(&mut values) {
                    self.data[group.at(lane, column)] = *value;
                }
            }
        }
        self.queue.restore(values.as_slice());
        self.draw();
        self.spikes.clear();
        Ok(())
    }

    /// Gives every state its value at t = 0, cells before what is attached to them.
    pub(super) fn start(&mut self) {
        self.names = self.populations.iter().enumerate().map(|(index, cells)| (cells.id.clone(), index)).collect();
        self.draw();
        for index in 0..self.groups.len() {
            if index == self.cell_groups {
                self.look(0.0);
            }
            for lane in 0..self.groups[index].lanes {
                let group = &self.groups[index];
                let values: Vec<f64> =
                    (0..group.states).map(|state| self.initial(index, lane, state, &mut Vec::new())).collect();
                let end = if lane + 1 == group.lanes { group.lanes.next_multiple_of(LANES) } else { lane + 1 };
                for (state, value) in values.into_iter().enumerate() {
                    let columns = [Some(state), Some(group.states + state), group.starts[state]];
                    for column in columns.into_iter().flatten() {
                        (lane..end).for_each(|lane| self.data[group.at(lane, column)] = value);
                    }
                }
            }
        }
        self.look_ahead();
    }

    /// Takes the first look, and the first step as a trial: what it finds stands in the place of a step before the
    /// first, x₋ = 2 x₀ − x₁, and the drives at t = 0 in the place of those before.
    fn look_ahead(&mut self) {
        self.aim();
        self.stage(0, INSIDE * self.dt);
        for group in &self.groups {
            for state in 0..group.states {
                let Some(start) = group.starts[state] else { continue };
                for lane in 0..group.lanes.next_multiple_of(LANES) {
                    let (state, start) = (group.at(lane, state), group.at(lane, start));
                    let (first, trial) = (self.data[start], self.data[state]);
                    self.data[start] = 2.0 * first - trial;
                    self.data[state] = first;
                }
            }
        }
    }

    /// The first value of a state; states that need one another in a circle start at 0.
    fn initial(&self, group: usize, lane: usize, state: usize, active: &mut Vec<usize>) -> f64 {
        let flat = &self.flats[self.groups[group].flat_of[lane]];
        let Some(value) = flat.states[state].initial.filter(|_| !active.contains(&state)) else { return 0.0 };
        active.push(state);
        let mut needed: Vec<(usize, f64)> = Vec::new();
        for leaf in flat.graph.leaves(&[value]) {
            if let Node::State(other) = leaf {
                needed.push((other, self.initial(group, lane, other, active)));
            }
        }
        active.pop();
        let group = &self.groups[group];
        flat.graph.evaluate(value, &|leaf| match leaf {
            Node::State(state) => needed.iter().find(|(known, _)| *known == state).map_or(0.0, |(_, value)| *value),
            leaf => leaf_value(group, &self.data, lane, 0.0, leaf),
        })
    }
}
