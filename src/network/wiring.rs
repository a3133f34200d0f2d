//! Who reads whom: each attachment finds its cells, each cell what is attached to it.
//!
//! The last part of compiling (compile.rs): all instances have their places, and places are written down.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::Problem;
use crate::network::compile::{Attachment, Compiler};
use crate::network::connections::{Gather, Sum};
use crate::network::flat::{Flat, Input};
use crate::network::graph::Node;
use crate::network::share;
use crate::network::spikes::Listener;
use crate::network::weave::{self, Term};
use crate::neuroml::model::ProjectionKind;

impl Compiler<'_> {
    /// Connects a group of attachments to its cells.
    pub(super) fn wire(&mut self, index: usize, members: &[Attachment]) {
        let group = &self.network.groups[index];
        let mut gathers = Vec::new();
        for (input, wanted) in group.inputs.iter().enumerate() {
            let flat = &self.flats[group.flat_of[0]];
            let left_to_source = flat.inputs.iter().any(|input| matches!(input, Input::Shared(_)));
            if matches!(wanted, Input::Peer(_)) && left_to_source && !share::looks_at(flat, input) {
                continue;
            }
            let (mut now, mut trial) = (Vec::new(), Vec::new());
            for attachment in members {
                let found = match wanted {
                    Input::Host(name) => Some(self.variable(attachment.host, name)),
                    Input::Peer(name) => attachment.peer.map(|cell| self.variable(cell, name)),
                    Input::Shared(state) => attachment.shared.map(|(group, lane)| {
                        let group = &self.network.groups[group];
                        let at = |trial| group.at(lane, group.state_column(*state, trial)) as u32;
                        Ok((at(false), at(true)))
                    }),
                    _ => continue,
                };
                match found {
                    Some(Ok((from_now, from_trial))) => {
                        now.push(from_now);
                        trial.push(from_trial);
                    }
                    Some(Err(problem)) => {
                        let place = self.model.components[&attachment.component].place.clone();
                        self.problems.push(problem.at(place));
                        return;
                    }
                    None => {
                        let component = &self.model.components[&attachment.component];
                        let message =
                            format!("\"{}\" needs another cell, and this is no connection of two", component.id);
                        self.problems.push(Problem::new(message).at(component.place.clone()));
                        return;
                    }
                }
            }
            if !now.is_empty() {
                gathers.push(Gather::new(index, group.input_column(input), now, trial));
            }
        }
        if self.weave(index, members, &gathers) {
            return self.network.seams.extend(gathers);
        }
        self.network.gathers.extend(gathers);
        let group = &self.network.groups[index];
        for (output, column) in &group.outputs {
            let mut cells: Vec<(u32, u32, u32)> = Vec::new();
            for lanes in by_host(members) {
                let host = members[lanes.start].host;
                let cells_group = &self.network.groups[host.0];
                // A cell without this input ignores what is attached.
                let Some(input) = cells_group.inputs.iter().position(|input| input == output) else { continue };
                let target = cells_group.at(host.1, cells_group.input_column(input));
                cells.push((target as u32, lanes.start as u32, lanes.end as u32));
            }
            self.network.sums.push(Sum { group: index, column: *column as usize, cells });
        }
        for (lane, attachment) in members.iter().enumerate() {
            if let Some((source, delay)) = attachment.source {
                let (group, cell) = source;
                let listener = Listener { delay, group: index as u32, lane: lane as u32 };
                self.network.listeners[group][cell].push(listener);
            }
        }
    }

    /// Connects cells that hear each other without a synapse.
    pub(super) fn wire_directly(&mut self) {
        let projections = &self.model.network.projections;
        for projection in projections.iter().filter(|projection| projection.kind == ProjectionKind::Direct) {
            for connection in &projection.connections {
                let place = |population: usize, cell: usize| self.network.populations[population].places[cell];
                let (from, from_lane) = place(projection.pre, connection.pre_cell);
                let (to, to_lane) = place(projection.post, connection.post_cell);
                let delay = (connection.delay / self.options.dt).round() as u64;
                let listener = Listener { delay, group: to as u32, lane: to_lane as u32 };
                self.network.listeners[from][from_lane].push(listener);
            }
        }
    }

    /// Makes a group of synapses rows of a matrix, if its equations are of that form (see weave.rs).
    fn weave(&mut self, index: usize, members: &[Attachment], gathers: &[Gather]) -> bool {
        let outputs: Vec<(Input, Vec<Term>)> = {
            let group = &self.network.groups[index];
            let flat = &mut self.flats[group.flat_of[0]];
            let values = group.outputs.iter().filter(|(output, _)| matches!(output, Input::Attached(_)));
            let values: Option<Vec<_>> =
                values.map(|(output, _)| Some((output.clone(), product(flat, output)?))).collect();
            match values {
                Some(values) if !values.is_empty() => values,
                _ => return false,
            }
        };
        let factors: Vec<Vec<Vec<f64>>> = outputs.iter().map(|(output, _)| self.factors(index, output)).collect();
        let group = &self.network.groups[index];
        let read = |input: usize, lane: usize| {
            let gather = gathers.iter().find(|gather| gather.column == group.input_column(input));
            gather.map(|gather| gather.trial[lane])
        };
        for ((output, terms), factors) in outputs.iter().zip(&factors) {
            for lanes in by_host(members) {
                let (cells, cell) = members[lanes.start].host;
                let cells = &self.network.groups[cells];
                let at = |wanted: &Input| {
                    let input = cells.inputs.iter().position(|input| input == wanted);
                    input.map(|input| cells.at(cell, cells.input_column(input)) as u32)
                };
                let Some(target) = at(output) else { continue };
                let host = terms.iter().find_map(|term| term.host);
                let host_name = host.map(|host| &self.flats[group.flat_of[0]].inputs[host]);
                let slope = match (output, host_name) {
                    (Input::Attached(exposure), Some(Input::Host(name))) => {
                        at(&Input::Slope(exposure.clone(), name.clone()))
                    }
                    _ => None,
                };
                self.network.weave.begin(target, slope, host.and_then(|host| read(host, lanes.start)));
                for lane in lanes {
                    for (term, factor) in terms.iter().zip(&factors[lane]) {
                        let source = term.peer.and_then(|peer| read(peer, lane));
                        let (alone, by_host) = if term.host.is_some() { (0.0, *factor) } else { (*factor, 0.0) };
                        self.network.weave.add(source, alone, by_host);
                    }
                }
            }
        }
        self.network.groups[index].woven = true;
        true
    }

    /// The factors of the terms of an output for each instance of a group.
    fn factors(&mut self, index: usize, output: &Input) -> Vec<Vec<f64>> {
        let group = &self.network.groups[index];
        let mut factors = Vec::with_capacity(group.lanes);
        let mut known: BTreeMap<usize, Vec<Term>> = BTreeMap::new();
        for (lane, flat) in group.flat_of.iter().enumerate() {
            let terms =
                known.entry(*flat).or_insert_with(|| product(&mut self.flats[*flat], output).unwrap_or_default());
            let graph = &self.flats[*flat].graph;
            // Only the weight of the connection is left open in a factor.
            let weight = self.weights[index][lane];
            factors.push(terms.iter().map(|term| graph.evaluate(term.factor, &|_| weight)).collect());
        }
        factors
    }

    /// Where a variable of a cell is found now, and where a stage looks at it.
    fn variable(&self, (group, lane): (usize, usize), name: &str) -> Result<(u32, u32), Problem> {
        let group = &self.network.groups[group];
        let flat = &self.flats[group.flat_of[lane]];
        if let Some((_, column)) = group.exports.iter().find(|(known, _)| known == name) {
            let at = group.at(lane, *column as usize) as u32;
            return Ok((at, at));
        }
        match flat.graph.node(flat.find(name)?) {
            Node::State(state) => {
                Ok((group.at(lane, state) as u32, group.at(lane, group.state_column(state, true)) as u32))
            }
            _ => Err(Problem::new(format!("\"{name}\" of the cell cannot be read by what is attached to it"))),
        }
    }
}

/// The instances that feed one cell, cell by cell.
fn by_host(members: &[Attachment]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (lane, attachment) in members.iter().enumerate() {
        match ranges.last_mut() {
            Some(range) if members[range.start].host == attachment.host => range.end = lane + 1,
            _ => ranges.push(lane..lane + 1),
        }
    }
    ranges
}

/// The terms of what a flat set gives to an input of its cell, if it is a product and reads one variable of its host.
fn product(flat: &mut Flat, output: &Input) -> Option<Vec<Term>> {
    let Input::Attached(exposure) = output else { return None };
    let value = flat.find(exposure).ok()?;
    let terms = weave::terms(flat, value)?;
    let mut hosts = terms.iter().filter_map(|term| term.host);
    let first = hosts.next();
    hosts.all(|host| Some(host) == first).then_some(terms)
}
