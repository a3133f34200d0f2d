//! A component whose type says by its `Structure` that it is a network becomes populations, connections and inputs.
//!
//! ```text
//! MultiInstantiate number="n" component="c"            n cells of the component c
//! ForEach instances="../source" as="a" …               once for each of them
//! With instance="path" as="a"                          a name for one of them
//! EventConnection from="a" to="b" receiver="synapse"   events of a reach b, through a synapse or at once
//! Tunnel endA="a" endB="b" componentA=… componentB=…   two synapses that see each other's cell
//! ```
//!
//! What has dynamics and stands in such a component by itself is a population of one. Paths begin at the component
//! whose type holds the structure; a step is the id of a component, a place for children, an attribute that holds a
//! path or a link, `..` or `parent`; "[2]" picks one cell, "[*]" takes all.
//!
//! Source: Cannon et al. 2014, doi:10.3389/fninf.2014.00079, section on structure.

use std::collections::HashMap;

use crate::error::{Problem, Problems};
use crate::neuroml::component::Component;
use crate::neuroml::component_type::ComponentType;
use crate::neuroml::model::{Connection, Input, Model, NetworkModel, Population, Projection, ProjectionKind};
use crate::neuroml::xml::Element;
use crate::units::Dimension;

/// How many cells one `MultiInstantiate` may make: far more than any network in use, far fewer than memory holds.
const MAX_CELLS: f64 = 1e7;

/// How many connections a structure may make, by the same measure.
const MAX_CONNECTIONS: usize = 100_000_000;

/// Whether a component is a network: it, or a component inside it, multiplies others.
pub fn is_network(component: &Component, model: &Model) -> bool {
    multiplies(&model.vocabulary.types[&component.type_name])
        || component.children.iter().any(|(_, child)| is_network(child, model))
}

fn multiplies(component_type: &ComponentType) -> bool {
    component_type
        .structure
        .as_ref()
        .is_some_and(|structure| structure.children_named("MultiInstantiate").next().is_some())
}

/// Makes the network of a component; what is wrong is added to `problems`. Also gives the components that stand in the
/// network by themselves, by the names under which its populations know them.
pub fn read(root: &Component, model: &Model, problems: &mut Problems) -> (NetworkModel, Vec<(String, Component)>) {
    let network = NetworkModel { id: root.id.clone(), ..NetworkModel::default() };
    let mut reader =
        Reader { model, network, nodes: Vec::new(), connections: 0, alone: Vec::new(), of: HashMap::new() };
    reader.plant(root, "", None);
    for node in 0..reader.nodes.len() {
        if let Err(problem) = reader.populate(node) {
            problems.push(problem);
        }
    }
    for node in 0..reader.nodes.len() {
        let component_type = reader.component_type(node);
        if let Some(structure) = &component_type.structure
            && reader.of.get(&node).is_none_or(|(_, _, alone)| !alone)
            && let Err(problem) = reader.statements(node, structure, &HashMap::new())
        {
            problems.push(problem);
        }
    }
    (reader.network, reader.alone)
}

/// What a path names: a cell, or a component that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instance {
    Cell(usize, usize),
    Node(usize),
}

struct Node<'m> {
    component: &'m Component,
    slot: String,
    parent: Option<usize>,
    children: Vec<usize>,
}

struct Reader<'m> {
    model: &'m Model,
    network: NetworkModel,
    nodes: Vec<Node<'m>>,
    connections: usize,
    /// Components without an id of their own in the model.
    alone: Vec<(String, Component)>,
    /// The population of a node, its size, and whether the node itself is its only cell.
    of: HashMap<usize, (usize, usize, bool)>,
}

type Names<'e> = HashMap<&'e str, Instance>;

/// Nodes, each with the index of a cell in it where a path picks one.
type Picked = Vec<(usize, Option<String>)>;

impl<'m> Reader<'m> {
    fn plant(&mut self, component: &'m Component, slot: &str, parent: Option<usize>) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node { component, slot: slot.to_string(), parent, children: Vec::new() });
        for (slot, child) in &component.children {
            // The parts of a cell are its own affair.
            if !self.stands_alone(component) {
                let child = self.plant(child, slot, Some(index));
                self.nodes[index].children.push(child);
            }
        }
        index
    }

    /// Whether a component is a cell: it changes in time and multiplies nothing.
    fn stands_alone(&self, component: &Component) -> bool {
        let component_type = &self.model.vocabulary.types[&component.type_name];
        component_type.dynamics.is_some() && !is_network(component, self.model)
    }

    fn component_type(&self, node: usize) -> &'m ComponentType {
        &self.model.vocabulary.types[&self.nodes[node].component.type_name]
    }

    /// The name of a node: ids from the root on, where the root itself has none.
    fn path(&self, node: usize) -> String {
        let Node { component, slot, parent, .. } = &self.nodes[node];
        let own = if component.id.is_empty() { slot } else { &component.id };
        match parent {
            None => String::new(),
            Some(0) => own.clone(),
            Some(parent) => format!("{}/{own}", self.path(*parent)),
        }
    }

    /// The cells that a node is or makes.
    fn populate(&mut self, node: usize) -> Result<(), Problem> {
        let component = self.nodes[node].component;
        let component_type = self.component_type(node);
        let here = |problem: Problem| problem.at(component.place.clone());
        let id = self.path(node);
        if self.stands_alone(component) {
            self.alone.push((id.clone(), component.clone()));
            self.add(node, &id, &id, 1, true);
            return Ok(());
        }
        let Some(structure) = &component_type.structure else { return Ok(()) };
        let mut many = structure.children_named("MultiInstantiate");
        let Some(statement) = many.next() else { return Ok(()) };
        if many.next().is_some() {
            return Err(here(Problem::new(format!("\"{}\" multiplies two components", component_type.name)))
                .help("make one component for each"));
        }
        if component_type.dynamics.is_some() {
            let message = format!("\"{}\" multiplies a component and has Dynamics of its own", component_type.name);
            return Err(here(Problem::new(message)).help("put the Dynamics into a component beside it"));
        }
        let reference = statement.get("component").unwrap_or("component");
        let cell = component.references.get(reference).ok_or_else(|| {
            let message = format!("MultiInstantiate: \"{reference}\" is no ComponentReference of this type");
            Problem::new(message).at(statement.place_of_value("component"))
        })?;
        let number = statement.get("number").unwrap_or("1");
        let number = match component.parameters.get(number) {
            Some(number) => *number,
            None => number.trim().parse().map_err(|_| {
                let message = format!("`number` is a parameter or a whole number, found \"{number}\"");
                Problem::new(message).at(statement.place_of_value("number"))
            })?,
        };
        if !(number >= 0.0 && number.fract() == 0.0 && number <= MAX_CELLS) {
            return Err(here(Problem::new(format!("{number} is no number of cells")))
                .help(format!("a whole number from 0 to {MAX_CELLS}")));
        }
        let id = if id.is_empty() { component.id.clone() } else { id };
        self.add(node, &id, cell, number as usize, false);
        Ok(())
    }

    fn add(&mut self, node: usize, id: &str, component: &str, size: usize, alone: bool) {
        self.of.insert(node, (self.network.populations.len(), size, alone));
        self.network.populations.push(Population {
            id: id.to_string(),
            component: component.to_string(),
            size,
            instance_ids: (0..size).collect(),
            positions: Vec::new(),
            properties: Vec::new(),
        });
    }

    /// Carries out the statements of a structure in order.
    fn statements(&mut self, node: usize, block: &'m Element, names: &Names<'m>) -> Result<(), Problem> {
        let mut names = names.clone();
        for statement in &block.children {
            let done = match statement.name.as_str() {
                "With" => self.one(node, statement, "instance", &names).map(|instance| {
                    names.insert(statement.get("as").unwrap_or_default(), instance);
                }),
                "ForEach" => self.all(node, statement, &names).and_then(|instances| {
                    for instance in instances {
                        let mut names = names.clone();
                        names.insert(statement.get("as").unwrap_or_default(), instance);
                        self.statements(node, statement, &names)?;
                    }
                    Ok(())
                }),
                "EventConnection" => self.event_connection(node, statement, &names),
                "Tunnel" => self.tunnel(node, statement, &names),
                "MultiInstantiate" | "ChildInstance" | "Assign" => Ok(()),
                other => Err(Problem::new(format!("<{other}> is not a member of a Structure"))),
            };
            done.map_err(|problem| if problem.place.is_some() { problem } else { problem.at(statement.place()) })?;
        }
        Ok(())
    }

    fn all(&self, node: usize, statement: &'m Element, names: &Names<'m>) -> Result<Vec<Instance>, Problem> {
        let path = required(statement, "instances")?;
        self.resolve(node, path, names).map_err(|problem| problem.at(statement.place_of_value("instances")))
    }

    fn one(&self, node: usize, statement: &Element, attribute: &str, names: &Names<'m>) -> Result<Instance, Problem> {
        let path = required(statement, attribute)?;
        let at = |problem: Problem| problem.at(statement.place_of_value(attribute));
        match self.resolve(node, path, names).map_err(at)?.as_slice() {
            [one] => Ok(*one),
            many => Err(at(Problem::new(format!("\"{path}\" names {} instances, not one", many.len())))
                .help("name one as \"path[0]\", or go through all with <ForEach>")),
        }
    }

    /// All that a path names.
    fn resolve(&self, node: usize, path: &str, names: &Names<'m>) -> Result<Vec<Instance>, Problem> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if let Some(instance) = names.get(first) {
            return match (instance, rest) {
                (instance, "") => Ok(vec![*instance]),
                (Instance::Node(node), rest) => self.resolve(*node, rest, names),
                _ => Err(Problem::new(format!("\"{path}\" leads into a cell"))),
            };
        }
        self.walk(vec![node], path.trim_start_matches("./"))?.into_iter().try_fold(
            Vec::new(),
            |mut found, (at, picked)| {
                let Some((population, size, _)) = self.of.get(&at) else {
                    found.push(Instance::Node(at));
                    return Ok(found);
                };
                match picked.as_deref().map(|index| (index, index.parse::<usize>())) {
                    None => found.extend((0..*size).map(|cell| Instance::Cell(*population, cell))),
                    Some((_, Ok(index))) if index < *size => found.push(Instance::Cell(*population, index)),
                    Some((index, _)) => {
                        return Err(Problem::new(format!("\"{path}\": no cell {index}, there are {size}")));
                    }
                }
                Ok(found)
            },
        )
    }

    /// The nodes to which the steps of a path lead, each with the index that the last step picks.
    fn walk(&self, from: Vec<usize>, path: &str) -> Result<Picked, Problem> {
        let mut here: Picked = from.into_iter().map(|at| (at, None)).collect();
        for step in path.split('/').filter(|step| !step.is_empty()) {
            let (name, index) = step.split_once('[').map_or((step, None), |(name, index)| (name, Some(index)));
            let index = index.map(|index| index.trim_end_matches(']')).filter(|index| *index != "*");
            let mut next = Vec::new();
            for (at, _) in here {
                for (at, picked) in self.step(at, name)? {
                    next.push((at, index.map(str::to_string).or(picked)));
                }
            }
            here = next;
            if here.is_empty() {
                return Err(Problem::new(format!("\"{path}\": nothing is called \"{name}\"")));
            }
        }
        Ok(here)
    }

    /// One step of a path.
    fn step(&self, at: usize, name: &str) -> Result<Picked, Problem> {
        let node = &self.nodes[at];
        if matches!(name, "this" | ".") {
            return Ok(vec![(at, None)]);
        }
        if matches!(name, "parent" | "..") {
            let parent = node.parent.map(|parent| vec![(parent, None)]);
            return parent.ok_or_else(|| Problem::new("a path leads out of the network"));
        }
        let children = |matches: &dyn Fn(&Node<'_>) -> bool| -> Picked {
            let children = node.children.iter().filter(|child| matches(&self.nodes[**child]));
            children.map(|child| (*child, None)).collect()
        };
        let by_id = children(&|child| child.component.id == name);
        if !by_id.is_empty() {
            return Ok(by_id);
        }
        let by_slot = children(&|child| child.slot == name);
        if !by_slot.is_empty() {
            return Ok(by_slot);
        }
        // An attribute that holds a path from this component, or begins with the id of a component beside or around it.
        let Some(way) = node.component.texts.get(name) else { return Ok(Vec::new()) };
        let first = way.split(['/', '[']).next().unwrap_or(way);
        let from = if matches!(first, ".." | "." | "this" | "parent") {
            Some(at)
        } else {
            let around = std::iter::successors(node.parent, |at| self.nodes[*at].parent);
            let has = |at: &usize| self.nodes[*at].children.iter().any(|c| self.nodes[*c].component.id == first);
            around.into_iter().find(has)
        };
        let found = from.and_then(|from| self.walk(vec![from], way).ok());
        found.ok_or_else(|| {
            let place = node.component.place.clone();
            Problem::new(format!("`{name}` names no component: \"{way}\"")).at(place)
        })
    }

    /// The id of the component that an attribute of a statement names: through a ComponentReference, here or around.
    fn component(&self, node: usize, statement: &Element, attribute: &str) -> Result<String, Problem> {
        let path = required(statement, attribute)?;
        let mut at = Some(node);
        let mut steps = path.split('/').peekable();
        while let Some(step) = steps.next_if(|step| matches!(*step, ".." | "parent" | "." | "this")) {
            if matches!(step, ".." | "parent") {
                at = at.and_then(|at| self.nodes[at].parent);
            }
        }
        let name = steps.next().unwrap_or_default();
        let known = at.and_then(|at| self.nodes[at].component.references.get(name));
        let id = known.map_or(name, String::as_str);
        self.model.component_of_type(id, "Component").map(|component| component.id.clone()).map_err(|problem| {
            let place = statement.place_of_value(attribute);
            problem.at(place).help(format!("`{attribute}` is the name of a ComponentReference"))
        })
    }

    /// A quantity that an attribute gives or names.
    fn quantity(
        &self,
        node: usize,
        statement: &Element,
        attribute: &str,
        dimension: Dimension,
    ) -> Result<Option<f64>, Problem> {
        let Some(text) = statement.get(attribute) else { return Ok(None) };
        if let Some(value) = self.nodes[node].component.parameters.get(text) {
            return Ok(Some(*value));
        }
        let read = self.model.vocabulary.units.parse_as(text, dimension);
        read.map(Some).map_err(|problem| problem.at(statement.place_of_value(attribute)))
    }

    /// What `Assign` gives to the synapse; only a weight can be given.
    fn weight(&self, node: usize, statement: &Element) -> Result<Option<f64>, Problem> {
        let mut weight = None;
        for assign in statement.children_named("Assign") {
            if assign.get("property") != Some("weight") {
                let message = "only the property `weight` can be assigned to a synapse";
                return Err(Problem::new(message).at(assign.place_of_value("property")));
            }
            weight = self.quantity(node, assign, "value", Dimension::NONE)?;
        }
        Ok(weight)
    }

    fn event_connection(&mut self, node: usize, statement: &'m Element, names: &Names<'m>) -> Result<(), Problem> {
        let from = self.one(node, statement, "from", names)?;
        let to = self.one(node, statement, "to", names)?;
        let delay = self.quantity(node, statement, "delay", Dimension::TIME)?.unwrap_or(0.0);
        if delay < 0.0 {
            return Err(Problem::new("a delay cannot be negative").at(statement.place_of_value("delay")));
        }
        let weight = self.weight(node, statement)?;
        let receiver = match statement.get("receiver") {
            Some(_) => Some(self.component(node, statement, "receiver")?),
            None => None,
        };
        match (from, to, receiver) {
            (Instance::Cell(pre, pre_cell), Instance::Cell(post, post_cell), receiver) => {
                self.check_port(pre, statement, "sourcePort", true)?;
                let kind = if receiver.is_some() { ProjectionKind::Spiking } else { ProjectionKind::Direct };
                if receiver.is_none() {
                    if weight.is_some() {
                        return Err(Problem::new(
                            "a weight needs a synapse: there is no `receiver` that could take it",
                        ));
                    }
                    self.check_port(post, statement, "targetPort", false)?;
                }
                let synapse = receiver.unwrap_or_default();
                self.connect(
                    node,
                    kind,
                    (pre, post),
                    Connection { pre_cell, post_cell, synapse, pre_component: None, weight, delay, sites: [None; 2] },
                )
            }
            // What has no dynamics sends no events: the receiver is an input on its target.
            (Instance::Node(_), Instance::Cell(population, cell), Some(component)) => {
                self.network.inputs.push(Input { component, population, cell, weight, site: None });
                Ok(())
            }
            _ => Err(Problem::new("an EventConnection leads from a cell to a cell")),
        }
    }

    /// Whether the cells of a population have the one port that the connection uses.
    fn check_port(
        &self,
        population: usize,
        statement: &Element,
        attribute: &str,
        outgoing: bool,
    ) -> Result<(), Problem> {
        let id = &self.network.populations[population].component;
        let alone = self.alone.iter().find(|(known, _)| known == id).map(|(_, component)| component);
        let Some(component) = alone.or_else(|| self.model.components.get(id)) else { return Ok(()) };
        let component_type = &self.model.vocabulary.types[&component.type_name];
        let ports: Vec<&str> =
            component_type.ports.iter().filter(|(_, out)| *out == outgoing).map(|(name, _)| name.as_str()).collect();
        let fits = match statement.get(attribute) {
            Some(port) => ports.contains(&port),
            None => !ports.is_empty(),
        };
        if fits {
            return Ok(());
        }
        let way = if outgoing { "outgoing" } else { "incoming" };
        let message = format!("\"{}\" has no such {way} event port", component_type.name);
        Err(Problem::new(message)
            .at(statement.place_of_value(attribute))
            .help(format!("its {way} ports: {}", if ports.is_empty() { "none".to_string() } else { ports.join(", ") })))
    }

    fn tunnel(&mut self, node: usize, statement: &'m Element, names: &Names<'m>) -> Result<(), Problem> {
        let (a, b) = (self.one(node, statement, "endA", names)?, self.one(node, statement, "endB", names)?);
        let (Instance::Cell(pre, pre_cell), Instance::Cell(post, post_cell)) = (a, b) else {
            return Err(Problem::new("a Tunnel leads from a cell to a cell"));
        };
        let pre_component = self.component(node, statement, "componentA")?;
        let synapse = self.component(node, statement, "componentB")?;
        let weight = self.weight(node, statement)?;
        let pre_component = Some(pre_component);
        let connection =
            Connection { pre_cell, post_cell, synapse, pre_component, weight, delay: 0.0, sites: [None; 2] };
        self.connect(node, ProjectionKind::Continuous, (pre, post), connection)
    }

    /// Adds a connection to the projection of its node.
    fn connect(
        &mut self,
        node: usize,
        kind: ProjectionKind,
        (pre, post): (usize, usize),
        connection: Connection,
    ) -> Result<(), Problem> {
        self.connections += 1;
        if self.connections > MAX_CONNECTIONS {
            return Err(Problem::new(format!("more than {MAX_CONNECTIONS} connections")));
        }
        let id = self.path(node);
        // The nearest few: statements in one loop fill the same projections in turn.
        let nearest = self.network.projections.iter_mut().rev().take(4);
        let same =
            |known: &&mut Projection| known.id == id && known.kind == kind && (known.pre, known.post) == (pre, post);
        match nearest.into_iter().find(same) {
            Some(known) => known.connections.push(connection),
            None => self.network.projections.push(Projection { id, kind, pre, post, connections: vec![connection] }),
        }
        Ok(())
    }
}

fn required<'e>(element: &'e Element, attribute: &str) -> Result<&'e str, Problem> {
    element
        .get(attribute)
        .ok_or_else(|| Problem::new(format!("<{}> needs `{attribute}`", element.name)).at(element.place()))
}
