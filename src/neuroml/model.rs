//! The model: types, components, and one network of populations, connections and inputs; every name resolved.
//!
//! What a file means, with nothing left to look up: populations by index, cells by index, numbers in SI units. The
//! elements of a network (population, projection, inputList …) have no equations and are read here natively.
//!
//! Source: NeuroML 2.3, element reference of networks, https://docs.neuroml.org/Userdocs/NeuroMLv2.html.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Place, Problem, Problems, nearest};
use crate::neuroml::component::{self, Component};
use crate::neuroml::component_type::{DEFINITIONS, Vocabulary};
use crate::neuroml::document::{self, Document};
use crate::neuroml::instantiate;
use crate::neuroml::morphology::{self, Morphology};
use crate::neuroml::network_element;
use crate::neuroml::simulation::Simulation;
use crate::neuroml::xml::{self, Element};

/// A group of like cells.
#[derive(Debug, Clone)]
pub struct Population {
    /// Its name.
    pub id: String,
    /// The component that its cells are.
    pub component: String,
    /// How many cells.
    pub size: usize,
    /// The id of each instance in the file; 0, 1, 2 … where the file gives none.
    pub instance_ids: Vec<usize>,
    /// Where each cell is [m]; empty where the file does not say.
    pub positions: Vec<[f64; 3]>,
    /// Tags and values.
    pub properties: Vec<(String, String)>,
}

/// What connects two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProjectionKind {
    /// A spike of the one reaches a synapse of the other (`projection`).
    Spiking,
    /// A gap junction (`electricalProjection`).
    Electrical,
    /// An analogue synapse (`continuousProjection`).
    Continuous,
    /// A spike of the one reaches the other itself, without a synapse (`EventConnection` of a type's `Structure`).
    Direct,
}

/// One connection from a cell to a cell.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Index of the presynaptic cell in its population.
    pub pre_cell: usize,
    /// Index of the postsynaptic cell in its population.
    pub post_cell: usize,
    /// The component on the postsynaptic side (on both sides of a gap junction).
    pub synapse: String,
    /// The component on the presynaptic side of an analogue synapse.
    pub pre_component: Option<String>,
    /// Strength or number of contacts, if given.
    pub weight: Option<f64>,
    /// How long a spike is under way [s].
    pub delay: f64,
    /// Where on either cell, if it says.
    pub sites: [Option<Site>; 2],
}

/// A place on a cell of many segments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    /// The id of the segment in the file.
    pub segment: usize,
    /// How far along it, from 0 to 1.
    pub fraction: f64,
}

/// Connections from one population to one population.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Its name.
    pub id: String,
    /// What it is made of.
    pub kind: ProjectionKind,
    /// Index of the presynaptic population.
    pub pre: usize,
    /// Index of the postsynaptic population.
    pub post: usize,
    /// The connections in the order of the file.
    pub connections: Vec<Connection>,
}

/// An input on one cell.
#[derive(Debug, Clone)]
pub struct Input {
    /// The component that feeds the cell.
    pub component: String,
    /// Index of the population.
    pub population: usize,
    /// Index of the cell.
    pub cell: usize,
    /// Factor, if given.
    pub weight: Option<f64>,
    /// Where on the cell, if it says.
    pub site: Option<Site>,
}

/// Populations, connections and inputs.
#[derive(Debug, Clone, Default)]
pub struct NetworkModel {
    /// Its name.
    pub id: String,
    /// Temperature [K], if the network has one.
    pub temperature: Option<f64>,
    /// Populations in the order of the file.
    pub populations: Vec<Population>,
    /// Projections in the order of the file.
    pub projections: Vec<Projection>,
    /// Inputs in the order of the file, then those attached later.
    pub inputs: Vec<Input>,
}

/// Everything that the files say.
#[derive(Debug, Clone)]
pub struct Model {
    /// Dimensions, units and types.
    pub vocabulary: Vocabulary,
    /// Components that stand by themselves, by id.
    pub components: BTreeMap<String, Component>,
    /// The network of the simulation, or the only one.
    pub network: NetworkModel,
    /// The simulation that `Target` names, or the only one.
    pub simulation: Option<Simulation>,
    /// The files in the order of reading.
    pub files: Vec<PathBuf>,
}

impl Model {
    /// Reads a NeuroML or LEMS file with all that it includes.
    ///
    /// # Errors
    /// All problems that loading found, each with its place.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::from_document(document::load(path)?)
    }

    /// The model that a text gives, as if it were the file `path`.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_text(path: &Path, text: &str) -> Result<Self, Problems> {
        Self::from_document(document::from_text(path, text)?)
    }

    fn from_document(document: Document) -> Result<Self, Problems> {
        let (vocabulary, mut problems) = Vocabulary::read(&document);
        let mut components: BTreeMap<String, Component> = BTreeMap::new();
        let mut networks: Vec<&Element> = Vec::new();
        let mut simulations: Vec<&Element> = Vec::new();
        let mut target = None;
        for element in &document.elements {
            // `<Component type="Simulation" …>` is another way to write `<Simulation …>`.
            let kind = if element.name == "Component" { element.get("type") } else { None };
            match kind.unwrap_or(&element.name) {
                "Target" => target = element.get("component"),
                name if DEFINITIONS.contains(&name) || name == "annotation" || name == "property" => {}
                "network" | "networkWithTemperature" => networks.push(element),
                "Simulation" => simulations.push(element),
                _ => {
                    let Some(component) = component::read(element, &vocabulary, &mut problems) else { continue };
                    if let Some(first) = components.get(&component.id) {
                        problems.push(twice("component", &component.id, &component.place, &first.place));
                    } else {
                        components.insert(component.id.clone(), component);
                    }
                }
            }
        }
        let simulation = pick(&simulations, target);
        let simulation = simulation.map(|element| Simulation::read(element, &vocabulary, &mut problems));
        let wanted = simulation.as_ref().map(|simulation| simulation.target.clone());
        let wanted = wanted.as_deref().or(target);
        let mut model = Self {
            vocabulary,
            components,
            network: NetworkModel::default(),
            simulation,
            files: document.files.clone(),
        };
        model.check_references(&mut problems);
        match (pick(&networks, wanted), wanted) {
            (Some(network), _) => model.network = network_element::read(network, &model, &mut problems),
            (None, Some(wanted)) if model.components.contains_key(wanted) => {
                let root = &model.components[wanted];
                if instantiate::is_network(root, &model) && problems.is_empty() {
                    let (network, alone) = instantiate::read(root, &model, &mut problems);
                    model.network = network;
                    model.components.extend(alone);
                } else {
                    model.network = NetworkModel::of_one(wanted);
                }
            }
            (None, Some(wanted)) => {
                let place = simulations.first().map(|simulation| simulation.place_of_value("target"));
                let names = networks.iter().filter_map(|network| network.get("id"));
                let mut problem = Problem::new(format!("no network \"{wanted}\""));
                problem.place = place;
                problem.help = nearest(wanted, names).map(|known| format!("did you mean \"{known}\"?"));
                problems.push(problem);
            }
            (None, None) => {}
        }
        if problems.is_empty() {
            model.check_attachments(&mut problems);
            model.check_selections(&mut problems);
        }
        problems.or_ok(model)
    }

    /// Whether what stands on cells fits there: a cell takes what its Attachments say, and nothing else.
    fn check_attachments(&self, problems: &mut Problems) {
        let network = &self.network;
        let mut pairs: BTreeSet<(&str, usize)> = BTreeSet::new();
        pairs.extend(network.inputs.iter().map(|input| (input.component.as_str(), input.population)));
        let through = network.projections.iter().filter(|projection| projection.kind != ProjectionKind::Direct);
        for projection in through {
            for connection in &projection.connections {
                pairs.insert((&connection.synapse, projection.post));
                pairs.extend(connection.pre_component.as_deref().map(|component| (component, projection.pre)));
            }
        }
        for (component, population) in pairs {
            let cell = &network.populations[population].component;
            let (Some(attached), Some(cell)) = (self.components.get(component), self.components.get(cell)) else {
                continue;
            };
            let (known, cell_type) =
                (&self.vocabulary.types[&attached.type_name], &self.vocabulary.types[&cell.type_name]);
            let fits = |wanted: &str| !self.vocabulary.types.contains_key(wanted) || known.is(wanted);
            let slots = &cell_type.attachments;
            if !slots.is_empty() && !slots.iter().any(|slot| fits(&slot.type_name)) {
                let wanted: Vec<&str> = slots.iter().map(|slot| slot.type_name.as_str()).collect();
                let message = format!(
                    "\"{component}\", a {}, cannot stand on \"{}\", a {}",
                    known.name, network.populations[population].id, cell_type.name
                );
                let help = format!("it takes what is a {}", wanted.join(" or a "));
                problems.push(Problem::new(message).at(attached.place.clone()).help(help));
            }
        }
    }

    /// Whether the cells of event files have the ports that are named.
    fn check_selections(&self, problems: &mut Problems) {
        for selection in self.simulation.iter().flat_map(|s| &s.event_outputs).flat_map(|output| &output.selections) {
            let name = selection.select.trim_start_matches("../").split(['[', '/']).next().unwrap_or_default();
            let population = self.network.populations.iter().find(|population| population.id == name);
            let Some(cell) = population.and_then(|population| self.components.get(&population.component)) else {
                continue;
            };
            let ports = &self.vocabulary.types[&cell.type_name].ports;
            if !ports.iter().any(|(port, out)| *out && *port == selection.port) {
                let message = format!("a {} has no outgoing event port \"{}\"", cell.type_name, selection.port);
                let mut problem = Problem::new(message).at(selection.place.clone());
                let names = ports.iter().filter(|(_, out)| *out).map(|(port, _)| port.as_str());
                problem.help = nearest(&selection.port, names).map(|known| format!("did you mean \"{known}\"?"));
                problems.push(problem);
            }
        }
    }

    /// Whether all components that components name exist and fit.
    fn check_references(&self, problems: &mut Problems) {
        fn visit(model: &Model, component: &Component, problems: &mut Problems) {
            let component_type = &model.vocabulary.types[&component.type_name];
            for (name, wanted) in &component_type.references {
                let Some(id) = component.references.get(name) else {
                    let message = format!("<{}> needs `{name}`, the id of a {wanted}", component.type_name);
                    problems.push(Problem::new(message).at(component.place.clone()));
                    continue;
                };
                if let Err(problem) = model.component_of_type(id, wanted) {
                    problems.push(problem.at(component.place.clone()));
                }
            }
            // Shapes are read again, with the resistivity, when the cell is compiled.
            if morphology::has_extent(component)
                && let Err(problem) = Morphology::read(component, &[("all", 1.0)])
            {
                problems.push(problem);
            }
            for (_, child) in &component.children {
                visit(model, child, problems);
            }
        }
        for component in self.components.values() {
            visit(self, component, problems);
        }
    }

    /// The component of that id, if it is of the type.
    ///
    /// # Errors
    /// A problem without a place: no such component, or one of another type.
    pub fn component_of_type(&self, id: &str, wanted: &str) -> Result<&Component, Problem> {
        let Some(component) = self.components.get(id) else {
            let problem = Problem::new(format!("no component \"{id}\""));
            return Err(match nearest(id, self.components.keys().map(String::as_str)) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem,
            });
        };
        let component_type = &self.vocabulary.types[&component.type_name];
        // A type that the vocabulary does not know ("Component") takes everything.
        if self.vocabulary.types.contains_key(wanted) && !component_type.is(wanted) {
            let message = format!("\"{id}\" is a {}, not a {wanted}", component.type_name);
            return Err(Problem::new(message).help(format!("it is defined at {}", component.place)));
        }
        Ok(component)
    }

    /// Adds a component that is written as XML: `<pulseGenerator id="p" delay="1 s" …/>`. Gives its id.
    ///
    /// # Errors
    /// All that is wrong with it; the place is in a file called `(added)`.
    pub fn add_component(&mut self, text: &str) -> Result<String, Problems> {
        let element = xml::parse(Path::new("(added)"), text)?;
        let mut problems = Problems::new();
        let component = component::read(&element, &self.vocabulary, &mut problems);
        let Some(component) = component.filter(|_| problems.is_empty()) else { return Err(problems) };
        if let Some(first) = self.components.get(&component.id) {
            return Err(twice("component", &component.id, &component.place, &first.place).into());
        }
        let id = component.id.clone();
        self.components.insert(id.clone(), component);
        let mut problems = Problems::new();
        self.check_references(&mut problems);
        if !problems.is_empty() {
            self.components.remove(&id);
        }
        problems.or_ok(id)
    }

    /// Feeds a cell with an input component (a pulseGenerator, a stretchReceptor …). Gives the input's index.
    ///
    /// # Errors
    /// No such component, population or cell.
    pub fn attach_input(
        &mut self,
        component: &str,
        population: &str,
        cell: usize,
        weight: f64,
    ) -> Result<usize, Problem> {
        self.component_of_type(component, "Component")?;
        let index = self.population_index(population)?;
        let size = self.network.populations[index].size;
        if cell >= size {
            return Err(Problem::new(format!("no cell {cell} in population \"{population}\", which has {size}")));
        }
        let input =
            Input { component: component.to_string(), population: index, cell, weight: Some(weight), site: None };
        self.network.inputs.push(input);
        Ok(self.network.inputs.len() - 1)
    }

    /// The populations in the order of the file.
    pub fn populations(&self) -> &[Population] {
        &self.network.populations
    }

    /// The index of the population of that name.
    ///
    /// # Errors
    /// A problem that names the nearest.
    pub fn population_index(&self, id: &str) -> Result<usize, Problem> {
        self.network.population_index(id)
    }

    /// What the files contain, to print.
    pub fn summary(&self) -> Summary<'_> {
        Summary(self)
    }
}

impl NetworkModel {
    /// A network of one component, for a simulation whose target is no network.
    fn of_one(component: &str) -> Self {
        let population = Population {
            id: component.to_string(),
            component: component.to_string(),
            size: 1,
            instance_ids: vec![0],
            positions: Vec::new(),
            properties: Vec::new(),
        };
        Self { id: component.to_string(), populations: vec![population], ..Self::default() }
    }

    /// The index of the population of that name.
    ///
    /// # Errors
    /// A problem that names the nearest.
    pub fn population_index(&self, id: &str) -> Result<usize, Problem> {
        self.populations.iter().position(|population| population.id == id).ok_or_else(|| {
            let problem = Problem::new(format!("no population \"{id}\""));
            match nearest(id, self.populations.iter().map(|population| population.id.as_str())) {
                Some(known) => problem.help(format!("nearest: \"{known}\"")),
                None => problem,
            }
        })
    }
}

/// The element of that id, or the only one where none is wanted.
fn pick<'a>(elements: &[&'a Element], wanted: Option<&str>) -> Option<&'a Element> {
    match wanted {
        Some(wanted) => elements.iter().find(|element| element.get("id") == Some(wanted)).copied(),
        None => elements.first().copied(),
    }
}

/// Two things of one name.
pub(super) fn twice(what: &str, id: &str, place: &Place, first: &Place) -> Problem {
    Problem::new(format!("a second {what} with the id \"{id}\""))
        .at(place.clone())
        .help(format!("the first is at {first}"))
}

/// A model in a few lines: what it is made of, with counts.
pub struct Summary<'a>(&'a Model);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.0;
        let network = &model.network;
        let own = |place: &Place| !place.file.starts_with("core:");
        let components = model.components.values().filter(|component| own(&component.place));
        let mut by_type: BTreeMap<&str, usize> = BTreeMap::new();
        for component in components {
            *by_type.entry(&component.type_name).or_default() += 1;
        }
        writeln!(f, "files: {}", model.files.iter().filter(|file| !file.starts_with("core:")).count())?;
        writeln!(f, "component types: {}", model.vocabulary.types.len())?;
        writeln!(f, "components: {}", by_type.values().sum::<usize>())?;
        for (type_name, count) in by_type {
            writeln!(f, "  {type_name}: {count}")?;
        }
        let cells: usize = network.populations.iter().map(|population| population.size).sum();
        writeln!(f, "network: {}", network.id)?;
        writeln!(f, "populations: {} with {cells} cells", network.populations.len())?;
        for kind in
            [ProjectionKind::Spiking, ProjectionKind::Electrical, ProjectionKind::Continuous, ProjectionKind::Direct]
        {
            let projections = network.projections.iter().filter(|projection| projection.kind == kind);
            let (mut count, mut connections, mut weight) = (0, 0, 0.0);
            for projection in projections {
                count += 1;
                connections += projection.connections.len();
                weight += projection.connections.iter().map(|c| c.weight.unwrap_or(1.0)).sum::<f64>();
            }
            if count > 0 {
                let name = format!("{kind:?}").to_lowercase();
                writeln!(f, "{name} projections: {count} with {connections} connections, sum of weights {weight}")?;
            }
        }
        write!(f, "inputs: {}", network.inputs.len())?;
        if let Some(simulation) = &model.simulation {
            let (length, step) = (simulation.length, simulation.step);
            write!(f, "\nsimulation: {}: {length} s in steps of {step} s", simulation.id)?;
        }
        Ok(())
    }
}
