//! The shape of a cell of many segments becomes a tree of compartments, each one potential, joined by conductances.
//!
//! ```text
//! area of a compartment   A = Σ π (r₀ + r₁) √(l² + (r₁ − r₀)²)      over the pieces of frusta inside it
//! between two centres     1/g = Σ R l / (π r₀ r₁)                  along the way from one to the other
//! ```
//!
//! r₀, r₁ the radii at the ends of a piece and l its length [m], R the resistivity of the inside [Ω·m]. Segments of a
//! group that is marked as an unbranched section (neuroLexId sao864921383) form one section, cut into as many equal
//! compartments as its property `numberInternalDivisions` says; every other segment is a section of one compartment. A
//! section begins at its parent's end, or, where `fractionAlong` is inside, at the centre of the compartment there. A
//! sphere (a segment without length) conducts like a cylinder as long as it is wide, which has the sphere's area.
//!
//! Source: Rall 1962, doi:10.1111/j.1749-6632.1962.tb54120.x; the cutting into sections is that of Hines & Carnevale 1997,
//! doi:10.1162/neco.1997.9.6.1179; NeuroML 2.3, Cells.xml, for groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Problem;
use crate::neuroml::component::Component;

/// What marks a group of segments as one unbranched section.
const SECTION: &str = "sao864921383";

/// A point with a radius [m].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    at: [f64; 3],
    radius: f64,
}

/// One segment.
#[derive(Debug, Clone)]
struct Segment {
    id: usize,
    /// Index of the parent and the fraction along it.
    parent: Option<(usize, f64)>,
    from: Point,
    to: Point,
    /// How far its beginning is from that of the root, along the cell [m].
    path: f64,
    /// The section that it is part of, and where in it it begins [m].
    section: usize,
    begins: f64,
}

impl Segment {
    fn length(&self) -> f64 {
        let square = |axis: usize| (self.to.at[axis] - self.from.at[axis]).powi(2);
        (square(0) + square(1) + square(2)).sqrt()
    }
}

/// Segments in a row, cut into compartments.
#[derive(Debug, Clone)]
struct Section {
    segments: Vec<usize>,
    group: Option<usize>,
    divisions: usize,
    length: f64,
    /// Its first compartment.
    first: usize,
}

/// A piece of a cell that has one potential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compartment {
    /// Surface [m²].
    pub area: f64,
    /// Index of the segment at its centre.
    pub segment: usize,
    /// Resistance from its centre to its beginning and to its end [Ω].
    half: [f64; 2],
}

/// A point of the tree: a compartment, or a joint without surface where several meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Index of its compartment.
    pub compartment: Option<usize>,
    /// Index of the node that it hangs on, which comes before it, and the conductance between them [S].
    pub parent: Option<(usize, f64)>,
}

/// A cell as compartments.
#[derive(Debug, Clone)]
pub struct Morphology {
    segments: Vec<Segment>,
    sections: Vec<Section>,
    groups: BTreeMap<String, BTreeSet<usize>>,
    /// Segments by the ids of the file.
    by_id: BTreeMap<usize, usize>,
    /// The compartments; the first is at the root.
    pub compartments: Vec<Compartment>,
    /// The tree, parents first.
    pub nodes: Vec<Node>,
}

/// How many segments a cell has; cells of one are a matter of equations alone.
fn segment_count(cell: &Component) -> usize {
    let morphologies = cell.children.iter().filter(|(slot, _)| slot == "morphology");
    morphologies.flat_map(|(_, morphology)| &morphology.children).filter(|(slot, _)| slot == "segments").count()
}

/// Whether a cell is more than its equations: it has many segments, or something that varies along it.
pub fn has_extent(cell: &Component) -> bool {
    fn varies(component: &Component) -> bool {
        component.children.iter().any(|(slot, child)| slot == "variableParameters" || varies(child))
    }
    let has_shape = cell.children.iter().any(|(slot, _)| slot == "morphology");
    segment_count(cell) > 1 || has_shape && varies(cell)
}

/// The ids of the segments of a cell.
pub fn segment_ids(cell: &Component) -> Vec<usize> {
    let morphologies = cell.children.iter().filter(|(slot, _)| slot == "morphology");
    let inside = morphologies.flat_map(|(_, morphology)| &morphology.children);
    inside.filter(|(slot, _)| slot == "segments").filter_map(|(_, segment)| segment.id.trim().parse().ok()).collect()
}

impl Morphology {
    /// Reads the shape of a cell; `resistivities` of its inside by group [Ω·m], of which the last holds.
    ///
    /// # Errors
    /// An id that is no number or stands twice, a parent or member that is not there, several roots, a circle, a
    /// segment without a beginning, a radius that is not above zero, a segment without a resistivity.
    pub fn read(cell: &Component, resistivities: &[(&str, f64)]) -> Result<Self, Problem> {
        let morphology = cell.children.iter().find(|(slot, _)| slot == "morphology").map(|(_, morphology)| morphology);
        let morphology =
            morphology.ok_or_else(|| Problem::new("a cell without a morphology").at(cell.place.clone()))?;
        let children = |slot: &'static str| {
            morphology.children.iter().filter(move |(known, _)| known == slot).map(|(_, child)| child)
        };
        let elements: Vec<&Component> = children("segments").collect();
        let segments = read_segments(&elements)?;
        let mut shape = Self {
            by_id: segments.iter().enumerate().map(|(index, segment)| (segment.id, index)).collect(),
            segments,
            sections: Vec::new(),
            groups: BTreeMap::new(),
            compartments: Vec::new(),
            nodes: Vec::new(),
        };
        let groups: Vec<&Component> = children("segmentGroups").collect();
        shape.read_groups(&groups)?;
        let resistivity = shape.resistivity_of_segments(cell, resistivities)?;
        shape.cut(&groups, &resistivity)?;
        shape.join();
        Ok(shape)
    }

    /// Whether a segment (by index) belongs to a group; every segment belongs to "all".
    pub fn is_in(&self, segment: usize, group: &str) -> bool {
        group == "all" || self.groups.get(group).is_some_and(|members| members.contains(&segment))
    }

    /// Whether there is a group of that name.
    pub fn has_group(&self, group: &str) -> bool {
        group == "all" || self.groups.contains_key(group)
    }

    /// The names of its groups.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// The id of a segment in the file.
    pub fn id_of(&self, segment: usize) -> usize {
        self.segments[segment].id
    }

    /// The compartment at a fraction along the segment of that id.
    pub fn compartment_at(&self, id: usize, fraction: f64) -> Option<usize> {
        let segment = *self.by_id.get(&id)?;
        Some(self.at(&self.segments[segment], fraction))
    }

    fn at(&self, segment: &Segment, fraction: f64) -> usize {
        let section = &self.sections[segment.section];
        let arc = segment.begins + fraction.clamp(0.0, 1.0) * segment.length();
        let part = if section.length > 0.0 { arc / section.length } else { 0.5 };
        section.first + ((part * section.divisions as f64) as usize).min(section.divisions - 1)
    }

    /// How far the centre of each compartment is from the beginning of the root, along the cell [m].
    pub fn paths(&self) -> Vec<f64> {
        let mut paths = Vec::with_capacity(self.compartments.len());
        for section in &self.sections {
            for part in 0..section.divisions {
                let middle = section.length * (part as f64 + 0.5) / section.divisions as f64;
                let segment = &self.segments[self.compartments[section.first + part].segment];
                paths.push(segment.path + middle - segment.begins);
            }
        }
        paths
    }

    /// How far the nearest beginning and the farthest end of a group are from the beginning of the root [m].
    pub fn path_span(&self, group: &str) -> (f64, f64) {
        let members = (0..self.segments.len()).filter(|segment| self.is_in(*segment, group));
        members.map(|segment| &self.segments[segment]).fold((f64::INFINITY, 0.0), |(near, far): (f64, f64), segment| {
            (near.min(segment.path), far.max(segment.path + segment.length()))
        })
    }

    fn resistivity_of_segments(&self, cell: &Component, given: &[(&str, f64)]) -> Result<Vec<f64>, Problem> {
        let of_segment = |segment: usize| {
            let found = given.iter().rev().find(|(group, _)| self.is_in(segment, group));
            found.map(|(_, resistivity)| *resistivity).ok_or_else(|| {
                Problem::new(format!("segment {} of \"{}\" has no resistivity", self.id_of(segment), cell.id))
                    .at(cell.place.clone())
                    .help("write <resistivity value=\"0.1 kohm_cm\"/> in intracellularProperties")
            })
        };
        (0..self.segments.len()).map(of_segment).collect()
    }

    fn read_groups(&mut self, groups: &[&Component]) -> Result<(), Problem> {
        let mut left: Vec<&Component> = groups.to_vec();
        // Groups include others, in any order: those whose includes are known come next, until none is left.
        while !left.is_empty() {
            let ready = |group: &&Component| {
                let mut includes = group.children.iter().filter(|(slot, _)| slot == "include");
                includes
                    .all(|(_, include)| self.has_group(include.texts.get("segmentGroup").map_or("", String::as_str)))
            };
            let Some(next) = left.iter().position(ready) else {
                let problem =
                    Problem::new(format!("segmentGroup \"{}\" includes a group that is not there", left[0].id));
                return Err(problem.at(left[0].place.clone()).help("or groups include one another in a circle"));
            };
            let group = left.remove(next);
            let mut members = BTreeSet::new();
            for (slot, child) in &group.children {
                let number = |name: &str| child.parameters.get(name).map(|value| *value as usize);
                match slot.as_str() {
                    "members" => {
                        members.insert(self.index_of(number("segment"), child)?);
                    }
                    "include" => match child.texts.get("segmentGroup").map(String::as_str) {
                        Some("all") => members.extend(0..self.segments.len()),
                        Some(name) => members.extend(self.groups.get(name).into_iter().flatten()),
                        None => {}
                    },
                    "path" | "subTree" => members.extend(self.below(child)?),
                    _ => {}
                }
            }
            self.groups.insert(group.id.clone(), members);
        }
        Ok(())
    }

    fn index_of(&self, id: Option<usize>, place: &Component) -> Result<usize, Problem> {
        let found = id.and_then(|id| self.by_id.get(&id).copied());
        found.ok_or_else(|| {
            let name = id.map_or("?".to_string(), |id| id.to_string());
            Problem::new(format!("no segment {name} in this morphology")).at(place.place.clone())
        })
    }

    /// The segments that a `path` (from one to another) or a `subTree` (from one on) names.
    fn below(&self, range: &Component) -> Result<BTreeSet<usize>, Problem> {
        let end = |wanted: &str| {
            let child = range.children.iter().find(|(slot, _)| slot == wanted).map(|(_, child)| child);
            let id = child.and_then(|child| child.parameters.get("segment")).map(|id| *id as usize);
            id.map(|id| self.index_of(Some(id), range)).transpose()
        };
        let (from, to) = (end("from")?, end("to")?);
        let above = |segment: usize| {
            std::iter::successors(Some(segment), |at| self.segments[*at].parent.map(|(parent, _)| parent))
        };
        Ok((0..self.segments.len())
            .filter(|segment| from.is_none_or(|from| above(*segment).any(|at| at == from)))
            .filter(|segment| to.is_none_or(|to| above(to).any(|at| at == *segment)))
            .collect())
    }

    /// Sections, and their compartments with areas and resistances.
    fn cut(&mut self, groups: &[&Component], resistivity: &[f64]) -> Result<(), Problem> {
        let marked: Vec<usize> = (0..groups.len())
            .filter(|group| groups[*group].texts.get("neuroLexId").is_some_and(|mark| mark == SECTION))
            .collect();
        for segment in 0..self.segments.len() {
            let mine = |group: &usize| self.groups.get(&groups[*group].id).is_some_and(|g| g.contains(&segment));
            let group = marked.iter().copied().find(mine);
            let last = |section: &Section| section.segments.last().copied();
            let parent = self.segments[segment].parent;
            let goes_on = parent.filter(|(parent, fraction)| {
                let section = &self.sections[self.segments[*parent].section];
                *fraction == 1.0 && group.is_some() && section.group == group && last(section) == Some(*parent)
            });
            let index = match goes_on {
                Some((parent, _)) => self.segments[parent].section,
                None => {
                    let divisions = group.map_or(Ok(1), |group| divisions(groups[group]))?;
                    let section = Section { segments: Vec::new(), group, divisions, length: 0.0, first: 0 };
                    self.sections.push(section);
                    self.sections.len() - 1
                }
            };
            let length = self.segments[segment].length();
            let section = &mut self.sections[index];
            (self.segments[segment].section, self.segments[segment].begins) = (index, section.length);
            section.length += length;
            section.segments.push(segment);
        }
        for index in 0..self.sections.len() {
            self.sections[index].first = self.compartments.len();
            let section = self.sections[index].clone();
            for part in 0..section.divisions {
                self.compartments.push(self.compartment(&section, part, resistivity));
            }
        }
        Ok(())
    }

    fn compartment(&self, section: &Section, part: usize, resistivity: &[f64]) -> Compartment {
        let first = &self.segments[section.segments[0]];
        if section.length == 0.0 {
            let radius = first.to.radius;
            let half = resistivity[section.segments[0]] * radius / (std::f64::consts::PI * radius * radius);
            let area = 4.0 * std::f64::consts::PI * radius * radius;
            return Compartment { area, segment: section.segments[0], half: [half; 2] };
        }
        let bound = |part: usize| section.length * part as f64 / section.divisions as f64;
        let (from, to) = (bound(part), bound(part + 1));
        let middle = 0.5 * (from + to);
        let inside = |index: &&usize| {
            let segment = &self.segments[**index];
            middle < segment.begins + segment.length()
        };
        let segment = section.segments.iter().find(inside).or(section.segments.last()).copied().unwrap_or_default();
        let (area, first_half) = self.measure(section, from, middle, resistivity);
        let (rest, second_half) = self.measure(section, middle, to, resistivity);
        Compartment { area: area + rest, segment, half: [first_half, second_half] }
    }

    /// Area [m²] and resistance [Ω] of a stretch of a section.
    fn measure(&self, section: &Section, from: f64, to: f64, resistivity: &[f64]) -> (f64, f64) {
        let (mut area, mut resistance) = (0.0, 0.0);
        for (index, segment) in section.segments.iter().map(|index| (*index, &self.segments[*index])) {
            let length = segment.length();
            let (begin, end) = (from.max(segment.begins), to.min(segment.begins + length));
            if end <= begin {
                continue;
            }
            let radius = |arc: f64| {
                segment.from.radius + (segment.to.radius - segment.from.radius) * (arc - segment.begins) / length
            };
            let (r0, r1, l) = (radius(begin), radius(end), end - begin);
            area += std::f64::consts::PI * (r0 + r1) * (l * l + (r1 - r0) * (r1 - r0)).sqrt();
            resistance += resistivity[index] * l / (std::f64::consts::PI * r0 * r1);
        }
        (area, resistance)
    }

    /// Joins the compartments into a tree.
    fn join(&mut self) {
        let mut node_of = vec![usize::MAX; self.compartments.len()];
        // The joints at the two ends of each section, made when a first section hangs on them.
        let mut ends: BTreeMap<(usize, bool), usize> = BTreeMap::new();
        for index in 0..self.sections.len() {
            let section = self.sections[index].clone();
            let own = self.compartments[section.first].half[0];
            let parent = self.segments[section.segments[0]].parent.map(|(parent, fraction)| {
                let (node, resistance) = self.hanger(parent, fraction, &node_of, &mut ends);
                (node, 1.0 / (resistance + own))
            });
            node_of[section.first] = self.nodes.len();
            self.nodes.push(Node { compartment: Some(section.first), parent });
            for compartment in section.first + 1..section.first + section.divisions {
                let resistance = self.compartments[compartment - 1].half[1] + self.compartments[compartment].half[0];
                node_of[compartment] = self.nodes.len();
                let parent = Some((node_of[compartment - 1], 1.0 / resistance));
                self.nodes.push(Node { compartment: Some(compartment), parent });
            }
        }
    }

    /// The node on which a section hangs, and the resistance from it to the point where the section begins [Ω].
    fn hanger(
        &mut self,
        parent: usize,
        fraction: f64,
        node_of: &[usize],
        ends: &mut BTreeMap<(usize, bool), usize>,
    ) -> (usize, f64) {
        let (mut parent, mut fraction) = (parent, fraction);
        // A section that begins where its parent begins hangs on what the parent hangs on.
        let (segment, section, at_end) = loop {
            let segment = self.segments[parent].clone();
            let section = self.sections[segment.section].clone();
            let arc = segment.begins + fraction * segment.length();
            // A point counts as an end within a millionth of the section: coordinates are written in few digits.
            let near = 1e-6 * section.length;
            let sphere_side = section.length == 0.0 && fraction < 0.5;
            let (at_end, at_start) = (arc >= section.length - near && !sphere_side, arc <= near);
            if !at_end && !at_start {
                return (node_of[self.at(&segment, fraction)], 0.0);
            }
            match self.segments[section.segments[0]].parent.filter(|_| !at_end) {
                Some(above) => (parent, fraction) = above,
                None => break (segment, section, at_end),
            }
        };
        let last = if at_end { section.first + section.divisions - 1 } else { section.first };
        let joint = *ends.entry((segment.section, at_end)).or_insert_with(|| {
            let resistance = self.compartments[last].half[usize::from(at_end)];
            self.nodes.push(Node { compartment: None, parent: Some((node_of[last], 1.0 / resistance)) });
            self.nodes.len() - 1
        });
        (joint, 0.0)
    }
}

/// Into how many compartments the section of a group is cut.
fn divisions(group: &Component) -> Result<usize, Problem> {
    let text = |child: &Component, name: &str| child.texts.get(name).cloned().unwrap_or_default();
    for (_, property) in group.children.iter().filter(|(slot, _)| slot == "properties") {
        if text(property, "tag") == "numberInternalDivisions" {
            let value = text(property, "value");
            // More than a million pieces of one section help nobody.
            return value.trim().parse().ok().filter(|count| (1..1_000_000).contains(count)).ok_or_else(|| {
                Problem::new(format!("numberInternalDivisions must be a whole number from 1 on, found \"{value}\""))
                    .at(property.place.clone())
            });
        }
    }
    Ok(1)
}

/// The segments, parents before children.
fn read_segments(elements: &[&Component]) -> Result<Vec<Segment>, Problem> {
    let mut ids = Vec::with_capacity(elements.len());
    for element in elements {
        let id: usize = element.id.trim().parse().map_err(|_| {
            Problem::new(format!("the id of a segment is a whole number, found \"{}\"", element.id))
                .at(element.place.clone())
        })?;
        ids.push(id);
    }
    let index: BTreeMap<usize, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut parents = Vec::with_capacity(elements.len());
    for element in elements {
        let parent = element.children.iter().find(|(slot, _)| slot == "parent").map(|(_, parent)| parent);
        let found = parent.map(|parent| {
            let number = |name: &str| parent.parameters.get(name).copied().unwrap_or(1.0);
            let id = number("segment");
            let at = index.get(&(id as usize)).copied().filter(|_| id >= 0.0);
            at.map(|at| (at, number("fractionAlong"))).ok_or_else(|| {
                Problem::new(format!("segment {} hangs on segment {id}, which is not there", element.id))
                    .at(parent.place.clone())
            })
        });
        parents.push(found.transpose()?);
    }
    let order = parents_first(elements, &parents)?;
    let mut new_index = vec![0; elements.len()];
    order.iter().enumerate().for_each(|(new, old)| new_index[*old] = new);
    let mut segments: Vec<Segment> = Vec::with_capacity(elements.len());
    for old in order {
        let element = elements[old];
        let parent = parents[old].map(|(parent, fraction)| (new_index[parent], fraction));
        let to = point(element, "distal")?
            .ok_or_else(|| Problem::new(format!("segment {} has no <distal>", element.id)).at(element.place.clone()))?;
        let from = match (point(element, "proximal")?, parent) {
            (Some(from), _) => from,
            (None, Some((parent, fraction))) => along(&segments[parent], fraction),
            (None, None) => {
                let problem = Problem::new(format!("segment {} has neither <proximal> nor <parent>", element.id));
                return Err(problem.at(element.place.clone()));
            }
        };
        let path = parent.map_or(0.0, |(parent, fraction)| {
            let parent: &Segment = &segments[parent];
            parent.path + fraction * parent.length()
        });
        segments.push(Segment { id: ids[old], parent, from, to, path, section: 0, begins: 0.0 });
    }
    Ok(segments)
}

/// The segments in an order in which each comes after its parent, and otherwise as in the file.
fn parents_first(elements: &[&Component], parents: &[Option<(usize, f64)>]) -> Result<Vec<usize>, Problem> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); elements.len()];
    let mut roots = Vec::new();
    for (segment, parent) in parents.iter().enumerate() {
        match parent {
            Some((parent, _)) => children[*parent].push(segment),
            None => roots.push(segment),
        }
    }
    if let [_, second, ..] = roots.as_slice() {
        let problem = Problem::new(format!("segment {} has no <parent>, and is not the first", elements[*second].id));
        return Err(problem.at(elements[*second].place.clone()).help("only one segment is the root of a cell"));
    }
    let mut order = roots;
    let mut at = 0;
    // Depth first, so that a branch stays together in memory.
    let mut open: Vec<usize> = order.iter().rev().copied().collect();
    order.clear();
    while let Some(segment) = open.pop() {
        order.push(segment);
        open.extend(children[segment].iter().rev());
        at += 1;
    }
    if at < elements.len() {
        let met: BTreeSet<usize> = order.into_iter().collect();
        let lost = (0..elements.len()).find(|segment| !met.contains(segment)).unwrap_or_default();
        let problem = Problem::new(format!("segment {} hangs on itself, by a circle of parents", elements[lost].id));
        return Err(problem.at(elements[lost].place.clone()));
    }
    Ok(order)
}

/// The point at a fraction along a segment.
fn along(segment: &Segment, fraction: f64) -> Point {
    let between = |a: f64, b: f64| a + fraction * (b - a);
    let (from, to) = (segment.from, segment.to);
    let axis = |axis: usize| between(from.at[axis], to.at[axis]);
    Point { at: [axis(0), axis(1), axis(2)], radius: between(from.radius, to.radius) }
}

/// An end of a segment; files give micrometres without saying so.
fn point(segment: &Component, slot: &str) -> Result<Option<Point>, Problem> {
    let Some((_, child)) = segment.children.iter().find(|(known, _)| known == slot) else { return Ok(None) };
    let micrometres = |name: &str| child.parameters.get(name).copied().unwrap_or_default() * 1e-6;
    let radius = micrometres("diameter") / 2.0;
    if !(radius > 0.0 && radius.is_finite()) {
        let problem = Problem::new(format!("`diameter` must be above zero, found {}", radius * 2e6));
        return Err(problem.at(child.place.clone()));
    }
    Ok(Some(Point { at: [micrometres("x"), micrometres("y"), micrometres("z")], radius }))
}
