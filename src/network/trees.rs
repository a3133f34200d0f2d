//! Cells of many segments: each compartment becomes an instance, and the cable joins their potentials.
//!
//! Compartments with the same channels are one kind, and have one flat set of equations: that of the cell as if it were
//! a sphere with the compartment's surface and with the channels that reach it. Only the size differs from instance to
//! instance. What joins them is in cable.rs.

use std::collections::BTreeMap;

use crate::error::{Problem, nearest};
use crate::network::cable::Seat;
use crate::network::compile::Compiler;
use crate::network::flat::{Flat, Input, Kept};
use crate::network::graph::Id;
use crate::network::varied::{self, Varied};
use crate::network::{Cells, Method};
use crate::neuroml::component::Component;
use crate::neuroml::model::{Population, Site};
use crate::neuroml::morphology::{Morphology, segment_ids};

/// A cell of many segments, compiled once.
pub struct Tree {
    /// Its shape.
    pub shape: Morphology,
    /// The flat set of each kind of compartment.
    pub flats: Vec<usize>,
    /// The kind of each compartment.
    kinds: Vec<usize>,
    /// What varies from compartment to compartment.
    varied: Vec<Varied>,
}

impl Compiler<'_> {
    /// Makes the flat sets of a cell of many segments.
    pub(super) fn tree(&mut self, id: &str) {
        if self.trees.contains_key(id) {
            return;
        }
        match self.grow(id) {
            Ok(tree) => {
                self.trees.insert(id.to_string(), tree);
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn grow(&mut self, id: &str) -> Result<Tree, Problem> {
        let cell = self.model.component_of_type(id, "Component")?;
        if self.options.method != Method::Exponential {
            let problem = Problem::new(format!("\"{id}\" has many segments, which only the method exponential solves"));
            return Err(problem.at(cell.place.clone()).help("leave --method out"));
        }
        let shape = Morphology::read(cell, &resistivities(cell))?;
        check_groups(cell, &shape)?;
        let varied = varied::all(cell, &shape)?;
        let mut tree = Tree { shape, flats: Vec::new(), kinds: Vec::new(), varied };
        let mut known: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        for compartment in &tree.shape.compartments {
            let reaches = |child: &Component| reaches(child, &tree.shape, compartment.segment);
            let mut reached = Vec::new();
            walk(cell, &mut |_, child| reached.push(reaches(child)));
            let kind = match known.get(&reached) {
                Some(kind) => *kind,
                None => {
                    let sphere = restrict(cell, diameter(compartment.area), &reaches);
                    let mut flat = Flat::new(self.model, &sphere, false)?;
                    flat.cable = true;
                    self.flats.push(flat);
                    tree.flats.push(self.flats.len() - 1);
                    known.insert(reached, tree.flats.len() - 1);
                    tree.flats.len() - 1
                }
            };
            tree.kinds.push(kind);
        }
        Ok(tree)
    }

    /// Gives every compartment of every cell of a population its instance.
    pub(super) fn place_trees(&mut self, index: usize, population: &Population) {
        let Some(tree) = self.trees.remove(&population.component) else { return };
        let root = tree.shape.compartment_at(0, 0.5).unwrap_or(0);
        let mut compartments = Vec::with_capacity(population.size);
        for cell in 0..population.size {
            let mut places = Vec::with_capacity(tree.kinds.len());
            for (at, (compartment, kind)) in tree.shape.compartments.iter().zip(&tree.kinds).enumerate() {
                let flat = tree.flats[*kind];
                let group = self.join(flat, 0);
                self.network.owners.resize(self.network.groups.len(), Vec::new());
                let lane = self.add_lane(group, flat, None);
                self.network.owners[group].push((index, cell));
                let mut given = sizes(&self.flats[flat], diameter(compartment.area));
                given.extend(varied_here(&self.flats[flat], &tree.varied, at));
                let values = self.flats[flat].graph.values_given(&given, &self.hoisted_ids[flat]);
                self.own_hoisted.insert((group, lane), values);
                self.network.given.insert((group, lane), given);
                places.push((group, lane));
            }
            compartments.push(places);
        }
        let component = self.model.components.get(&population.component);
        let ids = component.map(segment_ids).unwrap_or_default();
        let middle = |id: usize| Some((id, tree.shape.compartment_at(id, 0.5)?));
        self.network.populations.push(Cells {
            id: population.id.clone(),
            component: population.component.clone(),
            instance_ids: population.instance_ids.clone(),
            attached: vec![Vec::new(); population.size],
            places: compartments.iter().map(|places| places[root]).collect(),
            segments: ids.into_iter().filter_map(middle).collect(),
            compartments,
        });
        self.trees.insert(population.component.clone(), tree);
    }

    /// Where a site of a cell is: the compartment there, or the whole cell.
    pub(super) fn site(&self, population: usize, cell: usize, site: &Option<Site>) -> (usize, usize) {
        let cells = &self.network.populations[population];
        let compartment =
            site.and_then(|site| self.trees.get(&cells.component)?.shape.compartment_at(site.segment, site.fraction));
        compartment.map_or(cells.places[cell], |compartment| cells.compartments[cell][compartment])
    }

    /// Strings the cables, once all instances have their columns.
    pub(super) fn string_cables(&mut self) {
        for population in 0..self.network.populations.len() {
            let cells = &self.network.populations[population];
            let Some(tree) = self.trees.get(&cells.component) else { continue };
            for places in &cells.compartments {
                let first = self.network.cables.nodes();
                for node in &tree.shape.nodes {
                    let parent = node.parent.map(|(parent, conductance)| (first + parent, conductance));
                    let Some(compartment) = node.compartment else {
                        self.network.cables.add(None, 0.0, parent);
                        continue;
                    };
                    let (group, lane) = places[compartment];
                    let flat = &self.flats[tree.flats[tree.kinds[compartment]]];
                    let given = &self.network.given[&(group, lane)];
                    let capacitance = flat.find("totCap").map(|id| flat.graph.values_given(given, &[id])[0]);
                    let seat = self.seat(group, lane, flat);
                    self.network.cables.add(seat, capacitance.unwrap_or(f64::NAN), parent);
                }
            }
        }
    }

    fn seat(&self, group: usize, lane: usize, flat: &Flat) -> Option<Seat> {
        let group = &self.network.groups[group];
        let v = flat.states.iter().position(|state| state.node == 0 && state.name == "v")?;
        let kept = |what| group.inputs.iter().position(|input| *input == Input::Kept(v, what));
        let at = |column: usize| group.at(lane, column) as u32;
        Some(Seat {
            state: at(v),
            start: at(group.starts[v]?),
            drive: at(group.input_column(kept(Kept::Drive)?)),
            slope: at(group.input_column(kept(Kept::Slope)?)),
        })
    }
}

/// The diameter [um] of a sphere with a surface [m²].
fn diameter(area: f64) -> f64 {
    (area / std::f64::consts::PI).sqrt() * 1e6
}

/// The parameters of a compartment's equations that are its size.
fn sizes(flat: &Flat, diameter: f64) -> Vec<(Id, f64)> {
    let of_point = |node: usize| matches!(flat.tree[node].slot.as_str(), "proximal" | "distal");
    let sizes = flat.parameters.iter().filter(|(node, name, _)| name == "diameter" && of_point(*node));
    sizes.map(|(_, _, id)| (*id, diameter)).collect()
}

/// The parameters of a compartment's equations that vary along the cell.
fn varied_here(flat: &Flat, varied: &[Varied], compartment: usize) -> Vec<(Id, f64)> {
    let parameter = |varied: &Varied| {
        let of_property = |node: usize| flat.tree[node].id == varied.property;
        let mut known = flat.parameters.iter();
        known.find(|(node, name, _)| *name == varied.parameter && of_property(*node)).map(|(_, _, id)| *id)
    };
    varied.iter().filter_map(|varied| Some((parameter(varied)?, varied.values[compartment]?))).collect()
}

/// The resistivities of the inside of a cell, by group [Ω·m].
fn resistivities(cell: &Component) -> Vec<(&str, f64)> {
    let mut found = Vec::new();
    walk(cell, &mut |slot, child| {
        if slot == "resistivities" {
            let group = child.texts.get("segmentGroup").map_or("all", String::as_str);
            found.extend(child.parameters.get("value").map(|value| (group, *value)));
        }
    });
    found
}

/// Visits everything inside a component but what is inside segments and their groups.
fn walk<'c>(component: &'c Component, visit: &mut dyn FnMut(&'c str, &'c Component)) {
    for (slot, child) in component.children.iter().filter(|(slot, _)| slot != "morphology") {
        visit(slot, child);
        walk(child, visit);
    }
}

/// Whether every group that a property of the membrane names is there.
fn check_groups(cell: &Component, shape: &Morphology) -> Result<(), Problem> {
    let mut wrong = None;
    walk(cell, &mut |_, child| {
        let Some(group) = child.texts.get("segmentGroup") else { return };
        if !shape.has_group(group) && wrong.is_none() {
            let problem =
                Problem::new(format!("no segmentGroup \"{group}\" in \"{}\"", cell.id)).at(child.place.clone());
            wrong = Some(match nearest(group, shape.group_names()) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem,
            });
        }
    });
    wrong.map_or(Ok(()), Err)
}

/// Whether a property of the membrane reaches the compartment at a segment.
fn reaches(property: &Component, shape: &Morphology, segment: usize) -> bool {
    let group = property.texts.get("segmentGroup").is_none_or(|group| shape.is_in(segment, group));
    let only = property.texts.get("segment").is_none_or(|id| id.trim() == shape.id_of(segment).to_string());
    let mut variable = property.children.iter().filter(|(slot, _)| slot == "variableParameters").peekable();
    let varies = variable.peek().is_none()
        || variable.any(|(_, child)| child.texts.get("segmentGroup").is_some_and(|group| shape.is_in(segment, group)));
    group && only && varies
}

/// The cell as a sphere, with the properties that reach it.
fn restrict(component: &Component, diameter: f64, reaches: &dyn Fn(&Component) -> bool) -> Component {
    let mut copy = without_children(component);
    for (slot, child) in &component.children {
        if slot == "morphology" {
            copy.children.push((slot.clone(), sphere(child, diameter)));
        } else if reaches(child) {
            copy.children.push((slot.clone(), restrict(child, diameter, reaches)));
        }
    }
    copy
}

/// A morphology of one sphere.
fn sphere(morphology: &Component, diameter: f64) -> Component {
    let mut copy = without_children(morphology);
    let Some((slot, first)) = morphology.children.iter().find(|(slot, _)| slot == "segments") else { return copy };
    let Some((_, end)) = first.children.iter().find(|(slot, _)| slot == "distal") else { return copy };
    let mut segment = Component { id: "0".to_string(), ..without_children(first) };
    let mut point = end.clone();
    point.parameters.insert("diameter".to_string(), diameter);
    segment.children = ["proximal", "distal"].map(|end| (end.to_string(), point.clone())).to_vec();
    copy.children.push((slot.clone(), segment));
    copy
}

fn without_children(component: &Component) -> Component {
    Component {
        id: component.id.clone(),
        type_name: component.type_name.clone(),
        parameters: component.parameters.clone(),
        texts: component.texts.clone(),
        references: component.references.clone(),
        children: Vec::new(),
        place: component.place.clone(),
    }
}
