//! A `network` element becomes populations, projections and inputs, every cell found and every range checked.

use crate::error::{Place, Problem, Problems, nearest};
use crate::neuroml::model::{
    Connection, Input, Model, NetworkModel, Population, Projection, ProjectionKind, Site, twice,
};
use crate::neuroml::morphology;
use crate::neuroml::xml::Element;
use crate::units::Dimension;

/// The attributes that each element may carry, beside `id`.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("network", &["type", "temperature"]),
    ("networkWithTemperature", &["type", "temperature"]),
    ("population", &["component", "size", "type", "extracellularProperties"]),
    ("populationList", &["component", "size", "type", "extracellularProperties"]),
    ("layout", &["space"]),
    ("grid", &["xSize", "ySize", "zSize"]),
    ("random", &["number", "region"]),
    ("unstructured", &["number"]),
    ("explicitConnection", &["from", "to", "sourcePort", "targetPort"]),
    ("instance", &["i", "j", "k"]),
    ("location", &["x", "y", "z"]),
    ("projection", &["presynapticPopulation", "postsynapticPopulation", "synapse"]),
    ("electricalProjection", &["presynapticPopulation", "postsynapticPopulation"]),
    ("continuousProjection", &["presynapticPopulation", "postsynapticPopulation"]),
    ("connection", SPIKING),
    ("connectionWD", SPIKING),
    ("synapticConnection", &["from", "to", "synapse", "destination"]),
    ("synapticConnectionWD", &["from", "to", "synapse", "destination", "weight", "delay"]),
    ("electricalConnection", ANALOGUE),
    ("electricalConnectionInstance", ANALOGUE),
    ("electricalConnectionInstanceW", ANALOGUE),
    ("continuousConnection", ANALOGUE),
    ("continuousConnectionInstance", ANALOGUE),
    ("continuousConnectionInstanceW", ANALOGUE),
    ("inputList", &["population", "component"]),
    ("input", &["target", "destination", "segmentId", "fractionAlong"]),
    ("inputW", &["target", "destination", "segmentId", "fractionAlong", "weight"]),
    ("explicitInput", &["target", "input", "destination", "sourcePort", "targetPort"]),
];

const SPIKING: &[&str] = &[
    "preCellId",
    "postCellId",
    "weight",
    "delay",
    "preSegmentId",
    "postSegmentId",
    "preFractionAlong",
    "postFractionAlong",
    "destination",
];

const ANALOGUE: &[&str] = &[
    "preCell",
    "postCell",
    "synapse",
    "preComponent",
    "postComponent",
    "weight",
    "preSegment",
    "postSegment",
    "preFractionAlong",
    "postFractionAlong",
];

/// How many cells a population may have: far more than any network in use, far fewer than memory holds.
const MAX_CELLS: usize = 10_000_000;

/// Reads the network; what is wrong is added to `problems`.
pub fn read(element: &Element, model: &Model, problems: &mut Problems) -> NetworkModel {
    let network = NetworkModel { id: element.get("id").unwrap_or_default().to_string(), ..NetworkModel::default() };
    let mut reader = Reader { network, model, places: Vec::new(), problems };
    reader.check_attributes(element);
    if let Some(text) = element.get("temperature") {
        let temperature = Dimension { temperature: 1, ..Dimension::NONE };
        match model.vocabulary.units.parse_as(text, temperature) {
            Ok(kelvin) => reader.network.temperature = Some(kelvin),
            Err(problem) => reader.problems.push(problem.at(element.place_of_value("temperature"))),
        }
    }
    for child in &element.children {
        if matches!(child.name.as_str(), "population" | "populationList") {
            reader.population(child);
        }
    }
    for child in &element.children {
        let read = match child.name.as_str() {
            "projection" => reader.projection(child, ProjectionKind::Spiking),
            "electricalProjection" => reader.projection(child, ProjectionKind::Electrical),
            "continuousProjection" => reader.projection(child, ProjectionKind::Continuous),
            "synapticConnection" | "synapticConnectionWD" => reader.synaptic_connection(child),
            "inputList" => reader.input_list(child),
            "explicitInput" => reader.explicit_input(child),
            "explicitConnection" => reader.explicit_connection(child),
            "extracellularProperties" => Err(Problem::new("extracellularProperties are not understood yet")
                .at(child.place())
                .help("no type of the standard depends on them: take them out, or put values into the components")),
            // Where things are changes nothing about what cells do.
            "region" | "space" | "cellSet" | "rectangularExtent" => Ok(()),
            "population" | "populationList" | "property" | "notes" | "annotation" => Ok(()),
            other => Err(Problem::new(format!("<{other}> is not a member of a network")).at(child.place())),
        };
        if let Err(problem) = read {
            reader.problems.push(problem);
        }
    }
    reader.network
}

struct Reader<'a> {
    network: NetworkModel,
    model: &'a Model,
    places: Vec<Place>,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn check_attributes(&mut self, element: &Element) {
        let Some((_, known)) = ATTRIBUTES.iter().find(|(name, _)| *name == element.name) else { return };
        for attribute in &element.attributes {
            let name = attribute.name.as_str();
            if !known.contains(&name) && !matches!(name, "id" | "metaid" | "neuroLexId") {
                let problem = Problem::new(format!("<{}> has no attribute `{name}`", element.name))
                    .at(element.place_of(attribute.at));
                self.problems.push(match nearest(name, known.iter().copied()) {
                    Some(known) => problem.help(format!("did you mean `{known}`?")),
                    None => problem.help(format!("it has {}", known.join(", "))),
                });
            }
        }
    }

    fn population(&mut self, element: &Element) {
        self.check_attributes(element);
        let id = element.get("id").unwrap_or_default().to_string();
        if let Some(first) = self.network.populations.iter().position(|population| population.id == id) {
            self.problems.push(twice("population", &id, &element.place(), &self.places[first]));
            return;
        }
        let component =
            required(element, "component").map_err(|problem| self.problems.push(problem)).unwrap_or_default();
        if !component.is_empty()
            && let Err(problem) = self.model.component_of_type(component, "Component")
        {
            self.problems.push(problem.at(element.place_of_value("component")));
        }
        let mut population = Population {
            id,
            component: component.to_string(),
            size: 0,
            instance_ids: Vec::new(),
            positions: Vec::new(),
            properties: Vec::new(),
        };
        let mut layout = None;
        for child in &element.children {
            self.check_attributes(child);
            match child.name.as_str() {
                "property" => {
                    let text = |name| child.get(name).unwrap_or_default().to_string();
                    population.properties.push((text("tag"), text("value")));
                }
                "instance" => self.instance(child, &mut population),
                "layout" => layout = child.children.first(),
                "notes" | "annotation" => {}
                other => self.problems.push(
                    Problem::new(format!("<{other}> is not a member of a population"))
                        .at(child.place())
                        .help("it has instance, layout, property, notes, annotation"),
                ),
            }
        }
        population.size = population.instance_ids.len();
        if let Some(layout) = layout.filter(|_| population.instance_ids.is_empty()) {
            population.size = self.size_of(layout);
            population.instance_ids = (0..population.size).collect();
        } else if population.instance_ids.is_empty() {
            match element.get("size").map(|text| text.trim().parse::<usize>()) {
                Some(Ok(size)) if size <= MAX_CELLS => population.size = size,
                Some(_) => self.problems.push(
                    Problem::new(format!("`size` is a whole number of cells, at most {MAX_CELLS}"))
                        .at(element.place_of_value("size")),
                ),
                None => self
                    .problems
                    .push(Problem::new("a population needs `size` or a list of instances").at(element.place())),
            }
            population.instance_ids = (0..population.size).collect();
        }
        self.network.populations.push(population);
        self.places.push(element.place());
    }

    /// How many cells a layout makes: `<grid xSize ySize zSize/>`, `<random number/>` or `<unstructured number/>`.
    fn size_of(&mut self, layout: &Element) -> usize {
        self.check_attributes(layout);
        let names: &[&str] = match layout.name.as_str() {
            "grid" => &["xSize", "ySize", "zSize"],
            "random" | "unstructured" => &["number"],
            other => {
                let problem = Problem::new(format!("<{other}> is no layout")).at(layout.place());
                self.problems.push(problem.help("it is grid, random or unstructured"));
                return 0;
            }
        };
        let mut size: usize = 1;
        for name in names {
            let number = layout.get(name).map_or(Some(1), |text| text.trim().parse().ok());
            match number.and_then(|number: usize| size.checked_mul(number)).filter(|size| *size <= MAX_CELLS) {
                Some(product) => size = product,
                None => {
                    let message = format!("`{name}` is a whole number, and all cells are at most {MAX_CELLS}");
                    self.problems.push(Problem::new(message).at(layout.place_of_value(name)));
                    return 0;
                }
            }
        }
        size
    }

    fn instance(&mut self, element: &Element, population: &mut Population) {
        let id = element.get("id").map_or(Some(population.instance_ids.len()), |id| id.trim().parse().ok());
        let Some(id) = id.filter(|id| !population.instance_ids.contains(id)) else {
            let problem = Problem::new("an instance needs an `id` of its own, a whole number");
            return self.problems.push(problem.at(element.place_of_value("id")));
        };
        population.instance_ids.push(id);
        for location in element.children_named("location") {
            // Locations are in micrometres without saying so.
            let axis =
                |name: &str| location.get(name).and_then(|text| text.trim().parse::<f64>().ok()).map(|x| x * 1e-6);
            match (axis("x"), axis("y"), axis("z")) {
                (Some(x), Some(y), Some(z)) => population.positions.push([x, y, z]),
                _ => self.problems.push(Problem::new("a location needs numbers `x`, `y`, `z`").at(location.place())),
            }
        }
    }

    fn population_of(&self, element: &Element, attribute: &str) -> Result<usize, Problem> {
        let id = required(element, attribute)?;
        self.network.population_index(id).map_err(|problem| problem.at(element.place_of_value(attribute)))
    }

    /// The index of the cell that "../ADAL/0/Cell", "ADAL[0]" or "0" names in a population.
    fn cell(&self, element: &Element, attribute: &str, population: usize) -> Result<usize, Problem> {
        let text = required(element, attribute)?;
        let place = || element.place_of_value(attribute);
        let population = &self.network.populations[population];
        let (name, id) = split_cell(text).ok_or_else(|| {
            Problem::new(format!("\"{text}\" names no cell")).at(place()).help("write \"../AVBL/0/Cell\"")
        })?;
        if name.is_some_and(|name| name != population.id) {
            let message = format!("cell \"{text}\" is not in population \"{}\" of this list", population.id);
            return Err(Problem::new(message).at(place()));
        }
        population.instance_ids.iter().position(|known| *known == id).ok_or_else(|| {
            let size = population.size;
            let help = format!("its cells are 0 to {}", size.saturating_sub(1));
            Problem::new(format!("no cell {id} in population \"{}\", which has {size}", population.id))
                .at(place())
                .help(help)
        })
    }

    /// What is attached to cells: a current, or one without a dimension.
    fn current(&self, element: &Element, attribute: &str) -> Result<String, Problem> {
        let current = self.component(element, attribute, "basePointCurrent");
        current.or_else(|problem| self.component(element, attribute, "basePointCurrentDL").map_err(|_| problem))
    }

    fn component(&self, element: &Element, attribute: &str, wanted: &str) -> Result<String, Problem> {
        let id = required(element, attribute)?;
        let known = self.model.component_of_type(id, wanted);
        known.map(|_| id.to_string()).map_err(|problem| problem.at(element.place_of_value(attribute)))
    }

    fn number(&self, element: &Element, attribute: &str, dimension: Dimension) -> Result<Option<f64>, Problem> {
        let Some(text) = element.get(attribute) else { return Ok(None) };
        let read = self.model.vocabulary.units.parse_as(text, dimension);
        read.map(Some).map_err(|problem| problem.at(element.place_of_value(attribute)))
    }

    fn delay(&self, element: &Element) -> Result<f64, Problem> {
        let delay = self.number(element, "delay", Dimension::TIME)?.unwrap_or(0.0);
        if delay < 0.0 {
            return Err(Problem::new("a delay cannot be negative").at(element.place_of_value("delay")));
        }
        Ok(delay)
    }

    fn projection(&mut self, element: &Element, kind: ProjectionKind) -> Result<(), Problem> {
        self.check_attributes(element);
        let pre = self.population_of(element, "presynapticPopulation")?;
        let post = self.population_of(element, "postsynapticPopulation")?;
        let synapse = match kind {
            ProjectionKind::Spiking => Some(self.current(element, "synapse")?),
            _ => None,
        };
        let mut connections = Vec::with_capacity(element.children.len());
        for child in &element.children {
            if matches!(child.name.as_str(), "property" | "notes" | "annotation") {
                continue;
            }
            self.check_attributes(child);
            match self.connection(child, kind, synapse.as_deref(), pre, post) {
                Ok(connection) => connections.push(connection),
                Err(problem) => self.problems.push(problem),
            }
        }
        let id = element.get("id").unwrap_or_default().to_string();
        self.network.projections.push(Projection { id, kind, pre, post, connections });
        Ok(())
    }

    fn connection(
        &self,
        element: &Element,
        kind: ProjectionKind,
        synapse: Option<&str>,
        pre: usize,
        post: usize,
    ) -> Result<Connection, Problem> {
        let (pre_name, post_name, synapse, pre_component) = match (kind, element.name.as_str()) {
            (ProjectionKind::Spiking, "connection" | "connectionWD") => {
                ("preCellId", "postCellId", synapse.unwrap_or_default().to_string(), None)
            }
            (ProjectionKind::Electrical, name) if name.starts_with("electricalConnection") => {
                ("preCell", "postCell", self.current(element, "synapse")?, None)
            }
            (ProjectionKind::Continuous, name) if name.starts_with("continuousConnection") => {
                let pre = self.current(element, "preComponent")?;
                ("preCell", "postCell", self.current(element, "postComponent")?, Some(pre))
            }
            (_, other) => return Err(Problem::new(format!("<{other}> does not belong here")).at(element.place())),
        };
        let delay = self.delay(element)?;
        let segment = |side: &str| {
            if kind == ProjectionKind::Spiking { format!("{side}SegmentId") } else { format!("{side}Segment") }
        };
        let site =
            |side: &str, population| self.site(element, [&segment(side), &format!("{side}FractionAlong")], population);
        Ok(Connection {
            pre_cell: self.cell(element, pre_name, pre)?,
            post_cell: self.cell(element, post_name, post)?,
            synapse,
            pre_component,
            weight: self.number(element, "weight", Dimension::NONE)?,
            delay,
            sites: [site("pre", pre)?, site("post", post)?],
        })
    }

    /// A place on a cell of a population: the middle of the segment where no fraction is given.
    fn site(&self, element: &Element, names: [&str; 2], population: usize) -> Result<Option<Site>, Problem> {
        let Some(text) = element.get(names[0]) else { return Ok(None) };
        let cell = self.model.components.get(&self.network.populations[population].component);
        let known = cell.map(morphology::segment_ids).unwrap_or_default();
        let place = || element.place_of_value(names[0]);
        let segment = text.trim().parse().ok().filter(|id| known.contains(id) || (*id == 0 && known.is_empty()));
        let segment = segment.ok_or_else(|| {
            let id = cell.map_or("", |cell| cell.id.as_str());
            Problem::new(format!("no segment \"{text}\" in \"{id}\", which has {}", known.len().max(1))).at(place())
        })?;
        let fraction = self.number(element, names[1], Dimension::NONE)?.unwrap_or(0.5);
        if !(0.0..=1.0).contains(&fraction) {
            let problem = Problem::new(format!("`{}` is between 0 and 1, found {fraction}", names[1]));
            return Err(problem.at(element.place_of_value(names[1])));
        }
        Ok(Some(Site { segment, fraction }))
    }

    /// The population and the cell that a path such as "p[0]" names.
    fn any_cell(&self, element: &Element, attribute: &str) -> Result<(usize, usize), Problem> {
        let text = required(element, attribute)?;
        let name = split_cell(text).and_then(|(name, _)| name).ok_or_else(|| {
            let problem =
                Problem::new(format!("\"{text}\" names no cell")).help("write \"AVBL[0]\" or \"../AVBL/0/Cell\"");
            problem.at(element.place_of_value(attribute))
        })?;
        let population = self.network.population_index(name);
        let population = population.map_err(|problem| problem.at(element.place_of_value(attribute)))?;
        Ok((population, self.cell(element, attribute, population)?))
    }

    fn synaptic_connection(&mut self, element: &Element) -> Result<(), Problem> {
        self.check_attributes(element);
        let (pre, pre_cell) = self.any_cell(element, "from")?;
        let (post, post_cell) = self.any_cell(element, "to")?;
        let connection = Connection {
            pre_cell,
            post_cell,
            synapse: self.current(element, "synapse")?,
            pre_component: None,
            weight: self.number(element, "weight", Dimension::NONE)?,
            delay: self.delay(element)?,
            sites: [None; 2],
        };
        let id = element.get("id").unwrap_or_default().to_string();
        let kind = ProjectionKind::Spiking;
        self.network.projections.push(Projection { id, kind, pre, post, connections: vec![connection] });
        Ok(())
    }

    /// A spike of the one reaches the other without a synapse.
    fn explicit_connection(&mut self, element: &Element) -> Result<(), Problem> {
        self.check_attributes(element);
        let (pre, pre_cell) = self.any_cell(element, "from")?;
        let (post, post_cell) = self.any_cell(element, "to")?;
        let connection = Connection {
            pre_cell,
            post_cell,
            synapse: String::new(),
            pre_component: None,
            weight: None,
            delay: 0.0,
            sites: [None; 2],
        };
        let id = element.get("id").unwrap_or_default().to_string();
        let kind = ProjectionKind::Direct;
        self.network.projections.push(Projection { id, kind, pre, post, connections: vec![connection] });
        Ok(())
    }

    fn input_list(&mut self, element: &Element) -> Result<(), Problem> {
        self.check_attributes(element);
        let population = self.population_of(element, "population")?;
        let component = self.component(element, "component", "Component")?;
        for child in &element.children {
            match child.name.as_str() {
                "input" | "inputW" => {}
                "property" | "notes" | "annotation" => continue,
                other => {
                    let problem = Problem::new(format!("<{other}> is not a member of an inputList"));
                    self.problems.push(problem.at(child.place()).help("it has input and inputW"));
                    continue;
                }
            }
            self.check_attributes(child);
            let weight = self.number(child, "weight", Dimension::NONE);
            let site = self.site(child, ["segmentId", "fractionAlong"], population);
            match (self.cell(child, "target", population), weight, site) {
                (Ok(cell), Ok(weight), Ok(site)) => {
                    self.network.inputs.push(Input { component: component.clone(), population, cell, weight, site });
                }
                (cell, weight, site) => {
                    self.problems.extend(cell.err().into_iter().chain(weight.err()).chain(site.err()));
                }
            }
        }
        Ok(())
    }

    fn explicit_input(&mut self, element: &Element) -> Result<(), Problem> {
        self.check_attributes(element);
        let (population, cell) = self.any_cell(element, "target")?;
        let component = self.component(element, "input", "Component")?;
        self.network.inputs.push(Input { component, population, cell, weight: None, site: None });
        Ok(())
    }
}

fn required<'e>(element: &'e Element, attribute: &str) -> Result<&'e str, Problem> {
    element
        .get(attribute)
        .ok_or_else(|| Problem::new(format!("<{}> needs `{attribute}`", element.name)).at(element.place()))
}

/// "../ADAL/0/Cell" → (ADAL, 0); "ADAL[0]" → (ADAL, 0); "0" → 0.
fn split_cell(text: &str) -> Option<(Option<&str>, usize)> {
    let text = text.trim().trim_start_matches("../");
    if let Ok(id) = text.parse() {
        return Some((None, id));
    }
    if let Some((name, rest)) = text.split_once('[') {
        return Some((Some(name), rest.split(']').next()?.trim().parse().ok()?));
    }
    let mut steps = text.split('/');
    let name = steps.next()?;
    match steps.next() {
        None => Some((Some(name), 0)),
        Some(id) => Some((Some(name), id.trim().parse().ok()?)),
    }
}
