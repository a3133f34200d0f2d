//! A model becomes a network that runs: columns, programs, and who reads whom.
//!
//! Components whose flat equations have the same shape share one group; parameters that differ become columns, those
//! that are alike become uniforms. What is attached is sorted by the cell that it feeds.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Problem, Problems};
use crate::network::cable::Cables;
use crate::network::flat::{Flat, Input};
use crate::network::graph::{Id, Node};
use crate::network::integrate::{Method, stages};
use crate::network::population::Group;
use crate::network::program::{LANES, Scratch};
use crate::network::shape::{Shape, output, settle, shape};
use crate::network::share;
use crate::network::spikes::Queue;
use crate::network::trees::Tree;
use crate::network::weave::Weave;
use crate::network::{Cells, Network};
use crate::neuroml::model::{Model, ProjectionKind, Site};
use crate::neuroml::morphology::has_extent;

/// How to run a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Time step [s].
    pub dt: f64,
    /// How states move through a step.
    pub method: Method,
    /// Seed of all that `random()` draws.
    pub seed: u64,
}

impl Default for Options {
    /// Steps of 0.05 ms, as the c302 networks use.
    fn default() -> Self {
        Self { dt: 5e-5, method: Method::default(), seed: 0 }
    }
}

/// Something attached to a cell, before it is sorted.
pub(super) struct Attachment {
    flat: usize,
    pub(super) component: String,
    /// Population and cell.
    pub(super) owner: (usize, usize),
    /// Group and instance of the cell, or of its compartment.
    pub(super) host: (usize, usize),
    pub(super) peer: Option<(usize, usize)>,
    weight: Option<f64>,
    /// The cell whose spikes it hears, and the delay in steps.
    pub(super) source: Option<((usize, usize), u64)>,
    /// Where the states are that it shares with other synapses of its peer.
    pub(super) shared: Option<(usize, usize)>,
}

impl Network {
    /// Compiles a model.
    ///
    /// # Errors
    /// Equations that need what nothing offers, a cell that takes no inputs, a step that is not above zero.
    pub fn compile(model: &Model, options: &Options) -> Result<Self, Problems> {
        Self::compile_replicas(model, options, &[options.seed])
    }

    /// Compiles a model whose network is one network many times over, replica after replica; each draws its random
    /// numbers as it would alone with its seed.
    ///
    /// # Errors
    /// As [`Network::compile`].
    pub fn compile_replicas(model: &Model, options: &Options, seeds: &[u64]) -> Result<Self, Problems> {
        if !(options.dt > 0.0 && options.dt.is_finite()) {
            return Err(Problem::new(format!("the time step must be above zero, found {} s", options.dt)).into());
        }
        let mut compiler = Compiler::new(model, options);
        compiler.flatten()?;
        compiler.place_cells();
        let attachments = compiler.attachments()?;
        compiler.place_attachments(attachments)?;
        compiler.network.tell_apart(seeds);
        Ok(compiler.finish())
    }
}

pub(super) struct Compiler<'m> {
    pub(super) model: &'m Model,
    pub(super) options: &'m Options,
    pub(super) problems: Problems,
    /// Component ids and whether they are attached, with their flat sets.
    index: BTreeMap<(bool, String), usize>,
    pub(super) flats: Vec<Flat>,
    pub(super) shapes: Vec<Option<Shape>>,
    /// For flat sets whose states are shared, the flat set that holds them.
    source_of: BTreeMap<usize, usize>,
    pub(super) hoisted_of: Vec<Vec<f64>>,
    pub(super) hoisted_ids: Vec<Vec<Id>>,
    /// Hoisted values of instances whose parameters are their own.
    pub(super) own_hoisted: BTreeMap<(usize, usize), Vec<f64>>,
    pub(super) network: Network,
    /// Variables of cells that synapses read.
    wanted: BTreeSet<String>,
    /// Inputs of cells that attachments feed.
    fed: BTreeSet<Input>,
    /// The slots of programs that groups still hold, with the values of each flat set.
    group_of: Vec<usize>,
    pub(super) weights: Vec<Vec<f64>>,
    /// Cells of many segments by component.
    pub(super) trees: BTreeMap<String, Tree>,
}

impl<'m> Compiler<'m> {
    fn new(model: &'m Model, options: &'m Options) -> Self {
        let network = Network {
            dt: options.dt,
            method: options.method,
            streams: Vec::new(),
            steps: 0,
            data: Vec::new(),
            groups: Vec::new(),
            cell_groups: 0,
            gathers: Vec::new(),
            seams: Vec::new(),
            weave: Weave::default(),
            sums: Vec::new(),
            listeners: Vec::new(),
            queue: Queue::default(),
            spikes: Vec::new(),
            populations: Vec::new(),
            names: BTreeMap::new(),
            owners: Vec::new(),
            shared: BTreeMap::new(),
            flats: Vec::new(),
            cables: Cables::new(options.dt),
            given: BTreeMap::new(),
            scratch: Scratch::default(),
            sum_scratch: Vec::new(),
        };
        Self {
            model,
            options,
            problems: Problems::new(),
            index: BTreeMap::new(),
            flats: Vec::new(),
            shapes: Vec::new(),
            source_of: BTreeMap::new(),
            hoisted_of: Vec::new(),
            hoisted_ids: Vec::new(),
            own_hoisted: BTreeMap::new(),
            network,
            wanted: BTreeSet::new(),
            fed: BTreeSet::new(),
            group_of: Vec::new(),
            weights: Vec::new(),
            trees: BTreeMap::new(),
        }
    }

    fn flat(&mut self, id: &str, attached: bool) {
        let key = (attached, id.to_string());
        if self.index.contains_key(&key) {
            return;
        }
        let flat = self.model.component_of_type(id, "Component");
        match flat.and_then(|component| Flat::new(self.model, component, attached)) {
            Ok(mut flat) => {
                self.index.insert(key, self.flats.len());
                let source = if attached { share::part(&mut flat) } else { None };
                self.flats.push(flat);
                if let Some(source) = source {
                    self.source_of.insert(self.flats.len() - 1, self.flats.len());
                    self.flats.push(source);
                }
            }
            Err(problem) => {
                // Marked as met, so that a problem is told once.
                self.index.insert(key, usize::MAX);
                self.problems.push(problem);
            }
        }
    }

    /// Makes the flat set of every component in use, then its programs.
    fn flatten(&mut self) -> Result<(), Problems> {
        let network = &self.model.network;
        for population in &network.populations {
            if self.model.components.get(&population.component).is_some_and(has_extent) {
                self.tree(&population.component);
            } else {
                self.flat(&population.component, false);
            }
        }
        for input in &network.inputs {
            self.flat(&input.component, true);
        }
        let through = network.projections.iter().filter(|projection| projection.kind != ProjectionKind::Direct);
        for connection in through.flat_map(|projection| &projection.connections) {
            self.flat(&connection.synapse, true);
            if let Some(pre) = &connection.pre_component {
                self.flat(pre, true);
            }
        }
        if !self.problems.is_empty() {
            return Err(std::mem::take(&mut self.problems));
        }
        let mut attached: BTreeMap<usize, bool> =
            self.index.iter().map(|((attached, _), flat)| (*flat, *attached)).collect();
        attached.extend(self.source_of.values().map(|source| (*source, true)));
        attached.extend(self.trees.values().flat_map(|tree| &tree.flats).map(|flat| (*flat, false)));
        let sources: BTreeSet<usize> = self.source_of.values().copied().collect();
        let mut stages_of = Vec::new();
        for (flat, attached) in &attached {
            stages_of.push(stages(&mut self.flats[*flat], self.options.method, self.options.dt));
            for input in &self.flats[*flat].inputs {
                match input {
                    Input::Host(name) | Input::Peer(name) if *attached => {
                        self.wanted.insert(name.clone());
                    }
                    Input::Attached(_) | Input::Slope(..) if !attached => {
                        self.fed.insert(input.clone());
                    }
                    _ => {}
                }
            }
        }
        for (flat, attached) in attached {
            let stages = std::mem::take(&mut stages_of[flat]);
            let is_source = sources.contains(&flat);
            let flat = &mut self.flats[flat];
            let mut outputs = Vec::new();
            let mut exports = Vec::new();
            if is_source {
                // Its targets feed the cells.
            } else if attached {
                for input in &self.fed {
                    outputs.extend(output(flat, input).map(|id| (input.clone(), id)));
                }
            } else {
                for name in &self.wanted {
                    let Ok(id) = flat.find(name) else { continue };
                    if !matches!(flat.graph.node(id), Node::State(_)) {
                        exports.push((name.clone(), id));
                    }
                }
            }
            self.shapes.push(Some(shape(flat, &stages, &outputs, &exports)));
        }
        Ok(())
    }

    /// Puts the instances of flat sets into a group of their shape, a new one if there is none.
    pub(super) fn join(&mut self, flat: usize, first_group: usize) -> usize {
        if self.group_of.len() <= flat {
            self.group_of.resize(flat + 1, usize::MAX);
            self.hoisted_of.resize(flat + 1, Vec::new());
            self.hoisted_ids.resize(flat + 1, Vec::new());
        }
        if let Some(shape) = self.shapes[flat].take() {
            let same = |group: &Group| {
                let new = &shape.group;
                group.stages == new.stages
                    && group.conditions == new.conditions
                    && group.export == new.export
                    && group.inputs == new.inputs
                    && group.outputs == new.outputs
                    && group.states == new.states
            };
            let known = self.network.groups[first_group..].iter().position(same).map(|index| first_group + index);
            self.group_of[flat] = known.unwrap_or_else(|| {
                self.network.groups.push(shape.group);
                self.weights.push(Vec::new());
                self.network.groups.len() - 1
            });
            self.hoisted_of[flat] = shape.hoisted;
            self.hoisted_ids[flat] = shape.hoisted_ids;
        }
        self.group_of[flat]
    }

    pub(super) fn add_lane(&mut self, group: usize, flat: usize, weight: Option<f64>) -> usize {
        let tree_weight = self.flats[flat].find("weight").ok().and_then(|id| self.flats[flat].graph.value(id));
        self.weights[group].push(weight.or(tree_weight).unwrap_or(1.0));
        self.network.groups[group].flat_of.push(flat);
        self.network.groups[group].lanes += 1;
        self.network.groups[group].lanes - 1
    }

    fn place_cells(&mut self) {
        for (index, population) in self.model.network.populations.iter().enumerate() {
            if self.trees.contains_key(&population.component) {
                self.place_trees(index, population);
                continue;
            }
            let flat = self.index[&(false, population.component.clone())];
            let mut places = Vec::with_capacity(population.size);
            if population.size > 0 {
                let group = self.join(flat, 0);
                self.network.owners.resize(self.network.groups.len(), Vec::new());
                for cell in 0..population.size {
                    places.push((group, self.add_lane(group, flat, None)));
                    self.network.owners[group].push((index, cell));
                }
            }
            self.network.populations.push(Cells {
                id: population.id.clone(),
                component: population.component.clone(),
                instance_ids: population.instance_ids.clone(),
                attached: vec![Vec::new(); places.len()],
                places,
                segments: BTreeMap::new(),
                compartments: Vec::new(),
            });
        }
        self.network.cell_groups = self.network.groups.len();
    }

    /// Everything that is attached to a cell, sorted by the cell.
    fn attachments(&mut self) -> Result<Vec<Attachment>, Problems> {
        let mut all = Vec::new();
        let network = &self.model.network;
        let place = |population: usize, cell: usize, site: &Option<Site>| self.site(population, cell, site);
        let attach = |component: &str, owner, host, peer, weight, source| Attachment {
            flat: self.index[&(true, component.to_string())],
            component: component.to_string(),
            owner,
            host,
            peer,
            weight,
            source,
            shared: None,
        };
        for projection in &network.projections {
            for connection in &projection.connections {
                let (of_pre, of_post) =
                    ((projection.pre, connection.pre_cell), (projection.post, connection.post_cell));
                let pre = place(of_pre.0, of_pre.1, &connection.sites[0]);
                let post = place(of_post.0, of_post.1, &connection.sites[1]);
                let weight = connection.weight;
                match projection.kind {
                    ProjectionKind::Direct => {}
                    ProjectionKind::Spiking => {
                        let delay = (connection.delay / self.options.dt).round() as u64;
                        all.push(attach(&connection.synapse, of_post, post, None, weight, Some((pre, delay))));
                    }
                    ProjectionKind::Electrical => {
                        all.push(attach(&connection.synapse, of_post, post, Some(pre), weight, None));
                        all.push(attach(&connection.synapse, of_pre, pre, Some(post), weight, None));
                    }
                    ProjectionKind::Continuous => {
                        all.push(attach(&connection.synapse, of_post, post, Some(pre), weight, None));
                        if let Some(component) = &connection.pre_component {
                            all.push(attach(component, of_pre, pre, Some(post), weight, None));
                        }
                    }
                }
            }
        }
        for input in &network.inputs {
            let owner = (input.population, input.cell);
            let host = place(input.population, input.cell, &input.site);
            all.push(attach(&input.component, owner, host, None, input.weight, None));
        }
        // What neither feeds its cell nor remembers anything is left out (a silent synapse).
        all.retain(|attachment| {
            let shape = self.shapes[attachment.flat].as_ref();
            let shares = self.source_of.contains_key(&attachment.flat);
            shape.is_none_or(|shape| !shape.group.outputs.is_empty() || shape.group.states > 0 || shares)
        });
        for attachment in &all {
            let (population, _) = attachment.owner;
            let component = &network.populations[population].component;
            let component_type = &self.model.vocabulary.types[&self.model.components[component].type_name];
            if component_type.attachments.is_empty() {
                let place = self.model.components[&attachment.component].place.clone();
                let message = format!(
                    "\"{}\" cannot be attached to {}: a {} takes no inputs",
                    attachment.component, network.populations[population].id, component_type.name
                );
                self.problems.push(Problem::new(message).at(place));
            }
        }
        all.sort_by_key(|attachment| attachment.host);
        std::mem::take(&mut self.problems).or_ok(all)
    }

    fn place_attachments(&mut self, attachments: Vec<Attachment>) -> Result<(), Problems> {
        let first = self.network.cell_groups;
        let mut members: Vec<Vec<Attachment>> = Vec::new();
        let mut sources = BTreeMap::new();
        for mut attachment in attachments {
            let group = self.join(attachment.flat, first);
            let lane = self.add_lane(group, attachment.flat, attachment.weight);
            if let (Some(flat), Some(peer)) = (self.source_of.get(&attachment.flat).copied(), attachment.peer) {
                let source_group = self.join(flat, first);
                // The same peer, the same equations, the same parameters: the same states.
                let parameters: Vec<u64> = self.hoisted_of[flat].iter().map(|value| value.to_bits()).collect();
                let place = *sources.entry((source_group, parameters, peer)).or_insert_with(|| {
                    members.resize_with(members.len().max(source_group - first + 1), Vec::new);
                    let component = attachment.component.clone();
                    let of_peer = Attachment {
                        flat,
                        component,
                        owner: attachment.owner,
                        host: peer,
                        peer: Some(peer),
                        weight: None,
                        source: None,
                        shared: None,
                    };
                    members[source_group - first].push(of_peer);
                    (source_group, self.add_lane(source_group, flat, None))
                });
                attachment.shared = Some(place);
                self.network.shared.insert((group, lane), place);
            }
            let (population, cell) = attachment.owner;
            let attached = &mut self.network.populations[population].attached[cell];
            attached.push((attachment.component.clone(), group, lane));
            members.resize_with(self.network.groups.len() - first, Vec::new);
            members[group - first].push(attachment);
        }
        self.settle_parameters();
        self.string_cables();
        self.network.listeners =
            self.network.groups[..first].iter().map(|group| vec![Vec::new(); group.lanes]).collect();
        for (index, members) in members.iter().enumerate() {
            self.wire(first + index, members);
        }
        self.wire_directly();
        std::mem::take(&mut self.problems).or_ok(())
    }

    fn hoisted(&self, group: usize, lane: usize) -> &[f64] {
        match self.own_hoisted.get(&(group, lane)) {
            Some(values) => values,
            None => &self.hoisted_of[self.network.groups[group].flat_of[lane]],
        }
    }

    /// Turns hoisted values into uniforms where all instances agree and into columns where not; gives groups their
    /// room.
    fn settle_parameters(&mut self) {
        let mut base = 0;
        let mut filled = Vec::new();
        for index in 0..self.network.groups.len() {
            let group = &self.network.groups[index];
            let slots = self.hoisted_of[group.flat_of[0]].len();
            let mut sources = Vec::with_capacity(slots);
            let mut columns = Vec::new();
            for slot in 0..slots {
                let value = |lane: usize| self.hoisted(index, lane)[slot];
                if (0..group.lanes).all(|lane| value(lane).to_bits() == value(0).to_bits()) {
                    sources.push(Err(value(0)));
                } else {
                    sources.push(Ok((group.columns + columns.len()) as u16));
                    columns.push(slot);
                }
            }
            let group = &mut self.network.groups[index];
            let first_column = group.columns;
            // A component without any variable still takes room, so that its blocks can be counted.
            group.columns = (group.columns + columns.len()).max(1);
            for program in group.programs_mut() {
                settle(program, &sources);
            }
            group.base = base;
            base += group.numbers();
            filled.push((first_column, columns));
        }
        // The blocks begin where a line of the cache begins: 64 bytes, 8 numbers.
        self.network.data = vec![0.0; base + 8];
        let shift = (64 - self.network.data.as_ptr() as usize % 64) % 64 / 8;
        for (index, (first_column, columns)) in filled.into_iter().enumerate() {
            self.network.groups[index].base += shift;
            let group = &self.network.groups[index];
            let padded = group.lanes.next_multiple_of(LANES);
            for lane in 0..padded {
                let real = lane.min(group.lanes - 1);
                for (offset, slot) in columns.iter().enumerate() {
                    self.network.data[group.at(lane, first_column + offset)] = self.hoisted(index, real)[*slot];
                }
                if let Some(input) = group.inputs.iter().position(|input| *input == Input::Weight) {
                    self.network.data[group.at(lane, group.input_column(input))] = self.weights[index][real];
                }
            }
        }
    }

    fn finish(self) -> Network {
        let mut network = self.network;
        network.flats = self.flats;
        network.start();
        network
    }
}
