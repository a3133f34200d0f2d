//! An ensemble: one network many times over, in one model, so that its replicas fill the columns of one run.
//!
//! Replicas differ by seed or by a table of parameters. Replica k has the populations of the file, after those of
//! replica k − 1, with connections and inputs of its own; components that its row of the table changes, and those that
//! refer to them, are copied for it. Replica 0 computes the bits of a run alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Place, Problem, Problems, nearest};
use crate::network::Network;
use crate::neuroml::component::Component;
use crate::neuroml::model::{Model, NetworkModel};

/// How many copies of a network run, and how they differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ensemble {
    /// How many, if the table does not say it; nothing runs the network alone.
    pub replicas: Option<usize>,
    /// A CSV file with one row per replica. Its columns are named by `component/parameter` or
    /// `component/child/…/parameter`, and `seed`; its values are SI numbers or carry their unit.
    pub parameters: Option<PathBuf>,
}

/// A model whose network is that of the file, many times over.
pub struct Replicated {
    /// The model to compile.
    pub model: Model,
    /// Names of the populations of one replica, and whether a path may leave them out (a simulation of one component).
    names: BTreeSet<String>,
    only: Option<String>,
    /// Which component each replica has in place of one of the file.
    instead: Vec<BTreeMap<String, String>>,
    seeds: Option<Vec<u64>>,
    /// Digits of a replica's number in names; none for a network alone.
    digits: Option<usize>,
}

/// One column of the table: where its parameter is.
struct Target {
    component: String,
    /// Which child of the component, which of that one's, …
    children: Vec<usize>,
    parameter: String,
}

/// One row of the table: a value for each target.
type Row = Vec<f64>;

impl Replicated {
    /// Copies the network of a model as often as the ensemble says.
    ///
    /// # Errors
    /// All that is wrong with the table; a table of another length than the number of replicas; no replicas.
    pub fn new(model: Model, ensemble: &Ensemble) -> Result<Self, Problems> {
        let table = match &ensemble.parameters {
            Some(path) => Some(read(&model, path)?),
            None => None,
        };
        let (targets, rows, seeds) = table.unwrap_or_default();
        let count = match (ensemble.replicas, &ensemble.parameters) {
            (Some(0), _) => return Err(Problem::new("an ensemble needs at least one replica, found 0").into()),
            (Some(wanted), Some(path)) if wanted != rows.len() => {
                let told = format!("{}: {} rows for {wanted} replicas", path.display(), rows.len());
                return Err(Problem::new(told).help("one row per replica; or leave out --replicas").into());
            }
            (Some(wanted), _) => wanted,
            (None, _) => rows.len().max(1),
        };
        let alone = *ensemble == Ensemble::default();
        let names = model.network.populations.iter().map(|population| population.id.clone()).collect();
        let only = match model.network.populations.as_slice() {
            [only] if only.id == only.component && only.size == 1 => Some(only.id.clone()),
            _ => None,
        };
        let digits = (!alone).then(|| (count - 1).to_string().len());
        let instead = vec![BTreeMap::new(); count];
        let mut replicated = Self { model, names, only, instead, seeds, digits };
        if !targets.is_empty() {
            replicated.copy_components(&targets, &rows);
        }
        if !alone {
            replicated.copy_network();
        }
        Ok(replicated)
    }

    /// How many replicas there are.
    pub fn count(&self) -> usize {
        self.instead.len()
    }

    /// The seed of each replica: those of the table, or this one and those that follow it.
    pub fn seeds(&self, first: u64) -> Vec<u64> {
        let counted = || (0..self.count() as u64).map(|replica| first.wrapping_add(replica)).collect();
        self.seeds.clone().unwrap_or_else(counted)
    }

    /// Whether replicas can differ at all.
    ///
    /// # Errors
    /// A problem if there are many, and neither parameters nor random numbers to tell them apart.
    pub fn check_differences(&self, network: &Network) -> Result<(), Problem> {
        let same = self.instead.iter().all(BTreeMap::is_empty);
        if self.count() == 1 || !same || network.is_random() {
            return Ok(());
        }
        let told = format!("nothing in this network is random: {} replicas would be the same", self.count());
        Err(Problem::new(told).help("name a table of parameters in which they differ: --parameters table.csv"))
    }

    /// The path, in the network of all replicas, of what has this path in the file.
    pub fn path(&self, replica: usize, quantity: &str) -> String {
        if self.digits.is_none() {
            return quantity.to_string();
        }
        let trimmed = quantity.trim().trim_start_matches("../").trim_start_matches('/');
        let first = trimmed.split(['/', '[']).next().unwrap_or_default();
        let (population, rest) = match &self.only {
            _ if self.names.contains(first) => (first, &trimmed[first.len()..]),
            Some(only) => (only.as_str(), trimmed),
            None => return quantity.to_string(),
        };
        let instead = |part| self.instead[replica].get(part).map_or(part, String::as_str);
        let steps = rest.split('/').map(|step| step.split(':').map(instead).collect::<Vec<_>>().join(":"));
        let steps = steps.collect::<Vec<_>>().join("/");
        let slash = if rest.starts_with(['/', '[']) || rest.is_empty() { "" } else { "/" };
        format!("{}{slash}{steps}", of_replica(population, replica))
    }

    /// The name of an output file of a replica: `v.dat` becomes `v_r07.dat`.
    pub fn file_name(&self, replica: usize, name: &str) -> String {
        let stem = name.rsplit_once('.').filter(|(stem, end)| !stem.is_empty() && !end.contains('/'));
        match stem {
            Some((stem, end)) if self.digits.is_some() => format!("{}.{end}", self.name(replica, stem)),
            _ => self.name(replica, name),
        }
    }

    /// A name with the number of the replica behind it: `v_r07`.
    pub fn name(&self, replica: usize, name: &str) -> String {
        match self.digits {
            Some(digits) => format!("{name}_r{replica:0digits$}"),
            None => name.to_string(),
        }
    }

    /// Copies, for each replica, the components that its row changes and all that refer to them.
    fn copy_components(&mut self, targets: &[Target], rows: &[Row]) {
        let mut touched: BTreeSet<String> = targets.iter().map(|target| target.component.clone()).collect();
        loop {
            let refers = |component: &&Component| !touched.contains(&component.id) && refers(component, &touched);
            let more: Vec<String> = self.model.components.values().filter(refers).map(|c| c.id.clone()).collect();
            if more.is_empty() {
                break;
            }
            touched.extend(more);
        }
        for (replica, row) in rows.iter().enumerate() {
            let instead: BTreeMap<String, String> =
                touched.iter().map(|id| (id.clone(), copy_of(id, replica))).collect();
            for id in &touched {
                let mut copy = self.model.components[id].clone();
                copy.id.clone_from(&instead[id]);
                refer(&mut copy, &instead);
                for (target, value) in targets.iter().zip(row).filter(|(target, _)| target.component == *id) {
                    let at = target.children.iter().fold(&mut copy, |at, child| &mut at.children[*child].1);
                    at.parameters.insert(target.parameter.clone(), *value);
                }
                self.model.components.insert(copy.id.clone(), copy);
            }
            self.instead[replica] = instead;
        }
    }

    fn copy_network(&mut self) {
        let one = std::mem::take(&mut self.model.network);
        let shift = one.populations.len();
        let mut all = NetworkModel { id: one.id.clone(), temperature: one.temperature, ..NetworkModel::default() };
        for (replica, instead) in self.instead.iter().enumerate() {
            let change = |id: &mut String| {
                if let Some(copy) = instead.get(id) {
                    id.clone_from(copy);
                }
            };
            for mut population in one.populations.iter().cloned() {
                population.id = of_replica(&population.id, replica);
                change(&mut population.component);
                all.populations.push(population);
            }
            for mut projection in one.projections.iter().cloned() {
                projection.pre += replica * shift;
                projection.post += replica * shift;
                for connection in &mut projection.connections {
                    change(&mut connection.synapse);
                    connection.pre_component.iter_mut().for_each(change);
                }
                all.projections.push(projection);
            }
            for mut input in one.inputs.iter().cloned() {
                input.population += replica * shift;
                change(&mut input.component);
                all.inputs.push(input);
            }
        }
        self.model.network = all;
    }
}

/// The name of a population, or of what it is made of, in a replica. No name in a file has a blank.
fn of_replica(name: &str, replica: usize) -> String {
    if replica == 0 { name.to_string() } else { copy_of(name, replica) }
}

fn copy_of(name: &str, replica: usize) -> String {
    format!("{name} of replica {replica}")
}

/// Whether a component, or anything in it, refers to one of these.
fn refers(component: &Component, ids: &BTreeSet<String>) -> bool {
    component.references.values().any(|id| ids.contains(id)) || component.children.iter().any(|(_, c)| refers(c, ids))
}

/// Lets a component, and all in it, refer to copies.
fn refer(component: &mut Component, instead: &BTreeMap<String, String>) {
    for id in component.references.values_mut() {
        if let Some(copy) = instead.get(id) {
            id.clone_from(copy);
        }
    }
    component.children.iter_mut().for_each(|(_, child)| refer(child, instead));
}

type Table = (Vec<Target>, Vec<Row>, Option<Vec<u64>>);

/// Reads a table of parameters.
fn read(model: &Model, path: &Path) -> Result<Table, Problems> {
    let name = path.display().to_string();
    let place = |line: u64, column: usize| Place::new(name.clone(), line as u32, column as u32);
    let unreadable = |source: csv::Error| Problem::new(format!("{name}: cannot read the table: {source}"));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(unreadable)?;
    let mut problems = Problems::new();
    let mut columns = Vec::new();
    let mut taken = BTreeSet::new();
    let titles = reader.headers().map_err(unreadable)?.clone();
    for title in &titles {
        if !taken.insert(title.to_string()) {
            problems.push(Problem::new(format!("a second column \"{title}\"")).at(place(1, 1)));
        }
        columns.push(if title == "seed" { None } else { Some(find(model, title)) });
    }
    let mut targets = Vec::new();
    let mut dimensions = Vec::new();
    for column in columns {
        dimensions.push(match column {
            Some(Ok((target, dimension))) => {
                targets.push(target);
                Some(dimension)
            }
            Some(Err(problem)) => {
                problems.push(problem.at(place(1, 1)));
                Some(None)
            }
            None => None,
        });
    }
    let (mut rows, mut seeds) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row::new();
        for ((text, dimension), title) in record.iter().zip(&dimensions).zip(&titles) {
            let read = match dimension {
                None => text
                    .parse()
                    .map(|seed| seeds.push(seed))
                    .map_err(|_| Problem::new(format!("a seed must be a whole number from 0 on, found \"{text}\""))),
                Some(dimension) => {
                    let number = text.parse::<f64>().ok().filter(|value| value.is_finite());
                    let parsed = match (number, dimension) {
                        (Some(value), _) => Ok(value),
                        (None, Some(dimension)) => model.vocabulary.units.parse_as(text, *dimension),
                        (None, None) => model.vocabulary.units.parse(text).map(|quantity| quantity.value),
                    };
                    parsed.map(|value| row.push(value))
                }
            };
            if let Err(mut problem) = read {
                problem.message = format!("`{title}`: {}", problem.message);
                problems.push(problem.at(place(line, 1)));
            }
        }
        rows.push(row);
    }
    if rows.is_empty() && problems.is_empty() {
        problems.push(Problem::new(format!("{name}: no rows")).help("one row per replica, below the names of columns"));
    }
    problems.or_ok((targets, rows, (!seeds.is_empty()).then_some(seeds)))
}

/// Finds the parameter of a column, and its dimension.
fn find(model: &Model, title: &str) -> Result<(Target, Option<crate::units::Dimension>), Problem> {
    let steps: Vec<&str> = title.split('/').collect();
    let [component, steps @ .., parameter] = steps.as_slice() else {
        return Err(Problem::new(format!("\"{title}\" names no parameter"))
            .help("a column is `seed`, or component/parameter: \"pulse/amplitude\""));
    };
    let mut at = model.component_of_type(component, "Component")?;
    let mut children = Vec::new();
    for step in steps {
        let is = |(slot, child): &(String, Component)| child.id == *step || slot == step || child.type_name == *step;
        let Some(index) = at.children.iter().position(is) else {
            let known = at.children.iter().map(|(slot, child)| if child.id.is_empty() { slot } else { &child.id });
            return Err(suggest(format!("\"{title}\": no \"{step}\" in a {}", at.type_name), step, known));
        };
        children.push(index);
        at = &at.children[index].1;
    }
    let component_type = &model.vocabulary.types[&at.type_name];
    let Some(known) = component_type.parameters.iter().find(|known| known.name == *parameter && !known.fixed) else {
        let known = component_type.parameters.iter().filter(|known| !known.fixed).map(|known| &known.name);
        return Err(suggest(
            format!("\"{title}\": a {} has no parameter \"{parameter}\"", at.type_name),
            parameter,
            known,
        ));
    };
    let target = Target { component: (*component).to_string(), children, parameter: (*parameter).to_string() };
    Ok((target, known.dimension))
}

fn suggest<'a>(message: String, wanted: &str, known: impl Iterator<Item = &'a String>) -> Problem {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let problem = Problem::new(message);
    match nearest(wanted, known.iter().copied()) {
        Some(near) => problem.help(format!("nearest: \"{near}\"")),
        None => problem.help(format!("it has {}", known.join(", "))),
    }
}
