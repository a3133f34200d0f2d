//! Reading the fact tables: comma-separated files whose first lines, behind `#`, name the publication.
//!
//! `neurons.csv` and `muscles.csv` stand in the folder itself, and a folder per source holds `chemical.csv`,
//! `gap_junctions.csv` (each physical junction once, as an unordered pair) and `neuromuscular.csv`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Source, Summary};
use crate::error::{Place, Problem, Problems, nearest, read_text};
use crate::names::{muscle_names, muscle_place};

/// One of the 302 neurons.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Neuron {
    /// Its name, for example "AVBL" or "DB1".
    pub name: String,
    /// Its class, for example "AVB".
    pub class: String,
    /// "sensory", "inter", "motor", "polymodal" or "unknown".
    #[serde(rename = "type")]
    pub kind: String,
    /// Its main transmitter, or "unknown".
    pub transmitter: String,
    /// How well the transmitter is known: "synthesis", "weak", "uptake" or nothing.
    pub evidence: String,
    /// Soma, to the left of the midplane [µm].
    pub x_um: f64,
    /// Soma, from head to tail [µm].
    pub y_um: f64,
    /// Soma, to the dorsal side [µm].
    pub z_um: f64,
    /// Diameter of the soma [µm].
    pub soma_diameter_um: f64,
}

impl Neuron {
    /// Whether its chemical synapses inhibit: it makes GABA.
    ///
    /// A simplification: some GABA synapses of the worm excite (onto the enteric muscles, by EXP-1), and some
    /// glutamate and acetylcholine synapses inhibit. A neuron that only takes GABA up is not counted.
    ///
    /// Source: Schuske, Beg & Jorgensen 2004, Trends Neurosci 27:407–414, doi:10.1016/j.tins.2004.05.005.
    pub fn inhibits(&self) -> bool {
        self.transmitter == "GABA" && self.evidence != "uptake"
    }
}

/// One of the 95 body wall muscles.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Muscle {
    /// Its name, for example "MDL05".
    pub name: String,
    /// Schematic place, to the left of the midplane [µm]; not anatomy.
    pub x_um: f64,
    /// Schematic place, from head to tail [µm]; not anatomy.
    pub y_um: f64,
    /// Schematic place, to the dorsal side [µm]; not anatomy.
    pub z_um: f64,
}

/// Two cells that touch: from `pre` to `post`, or in no order for a gap junction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contact {
    /// The presynaptic cell, or one side of a gap junction.
    #[serde(alias = "a")]
    pub pre: String,
    /// The postsynaptic cell, or the other side of a gap junction.
    #[serde(alias = "b")]
    pub post: String,
    /// How much, in the unit of [`Source::weight_unit`].
    pub number: u32,
}

/// All facts that a network is built from.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// The neurons, in the order of their table.
    pub neurons: Vec<Neuron>,
    /// The muscles, in the order of their table.
    pub muscles: Vec<Muscle>,
    /// Chemical synapses from neuron to neuron.
    pub chemical: Vec<Contact>,
    /// Gap junctions: neuron with neuron, or neuron (`pre`) with muscle (`post`).
    pub gaps: Vec<Contact>,
    /// Chemical synapses from neuron to muscle.
    pub neuromuscular: Vec<Contact>,
}

impl Tables {
    /// Reads the tables of one source.
    ///
    /// # Errors
    /// Every problem in any of the five files: what cannot be read, a name that no cell has, a pair that
    /// stands twice, a number that is no positive integer.
    pub fn read(folder: &Path, source: Source) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let neurons: Vec<(Place, Neuron)> = rows(&folder.join("neurons.csv"), &mut problems);
        let muscles: Vec<(Place, Muscle)> = rows(&folder.join("muscles.csv"), &mut problems);
        let neuron_names: BTreeSet<&str> = neurons.iter().map(|(_, neuron)| neuron.name.as_str()).collect();
        let muscle_set: BTreeSet<&str> = muscles.iter().map(|(_, muscle)| muscle.name.as_str()).collect();
        check_cells(&neurons, &muscles, &mut problems);

        let own = folder.join(source.name());
        let mut contacts = |file: &str, ordered: bool, post: &[&BTreeSet<&str>]| {
            let rows: Vec<(Place, Contact)> = rows(&own.join(file), &mut problems);
            check_contacts(&rows, ordered, &neuron_names, post, &mut problems);
            without_places(rows)
        };
        let chemical = contacts("chemical.csv", true, &[&neuron_names]);
        let gaps = contacts("gap_junctions.csv", false, &[&neuron_names, &muscle_set]);
        let neuromuscular = contacts("neuromuscular.csv", true, &[&muscle_set]);
        let (neurons, muscles) = (without_places(neurons), without_places(muscles));
        problems.or_ok(Self { neurons, muscles, chemical, gaps, neuromuscular })
    }

    /// Counts what is there and names what is not.
    pub fn summary(&self, source: Source) -> Summary {
        let total = |contacts: &mut dyn Iterator<Item = &Contact>| {
            contacts.fold((0, 0), |(pairs, sum), contact| (pairs + 1, sum + u64::from(contact.number)))
        };
        let with_muscle = |contact: &&Contact| muscle_place(&contact.post).is_some();
        let synapses = || self.chemical.iter().chain(&self.neuromuscular);
        let touched: BTreeSet<&str> =
            synapses().chain(&self.gaps).flat_map(|contact| [contact.pre.as_str(), contact.post.as_str()]).collect();
        let senders: BTreeSet<&str> = synapses().map(|contact| contact.pre.as_str()).collect();
        let inhibitors: BTreeSet<&str> =
            self.neurons.iter().filter(|neuron| neuron.inhibits()).map(|neuron| neuron.name.as_str()).collect();
        let unknown = |neuron: &&Neuron| neuron.transmitter == "unknown" && senders.contains(neuron.name.as_str());
        let lonely = |name: &&String| !touched.contains(name.as_str());
        Summary {
            source,
            neurons: self.neurons.len(),
            muscles: self.muscles.len(),
            chemical: total(&mut self.chemical.iter()),
            neuron_gaps: total(&mut self.gaps.iter().filter(|contact| !with_muscle(contact))),
            muscle_gaps: total(&mut self.gaps.iter().filter(with_muscle)),
            neuromuscular: total(&mut self.neuromuscular.iter()),
            inhibitory: synapses().filter(|contact| inhibitors.contains(contact.pre.as_str())).count(),
            unknown_transmitter: self.neurons.iter().filter(unknown).map(|neuron| neuron.name.clone()).collect(),
            lonely_neurons: self.neurons.iter().map(|neuron| &neuron.name).filter(lonely).cloned().collect(),
            lonely_muscles: self.muscles.iter().map(|muscle| &muscle.name).filter(lonely).cloned().collect(),
        }
    }
}

fn without_places<T>(rows: Vec<(Place, T)>) -> Vec<T> {
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The rows of one table with their places; what cannot be read becomes problems.
fn rows<T: DeserializeOwned>(path: &PathBuf, problems: &mut Problems) -> Vec<(Place, T)> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(problem) => {
            problems.push(problem);
            return Vec::new();
        }
    };
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => {
            problems.push(Problem::new(format!("{}: {error}", path.display())));
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let parsed = record.and_then(|record| {
            let line = record.position().map_or(1, |position| position.line() as u32);
            Ok((Place::new(path, line, 1), record.deserialize(Some(&headers))?))
        });
        match parsed {
            Ok(row) => rows.push(row),
            Err(error) => problems.push(csv_problem(path, &error)),
        }
    }
    rows
}

/// The csv crate's words, less the place that they repeat.
fn csv_problem(path: &Path, error: &csv::Error) -> Problem {
    match error.kind() {
        csv::ErrorKind::Deserialize { pos, err } => {
            let line = pos.as_ref().map_or(1, |position| position.line() as u32);
            let problem = Problem::new(err.to_string()).at(Place::new(path, line, 1));
            problem.help("fields count from 0; `number` is a whole number above 0, positions are decimal numbers")
        }
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(1, |position| position.line() as u32);
            Problem::new(format!("expected {expected_len} columns, found {len}")).at(Place::new(path, line, 1))
        }
        _ => Problem::new(format!("{}: {error}", path.display())),
    }
}

/// Every neuron's name is one that NeuroML can use, every muscle's is a muscle's, none stands twice.
fn check_cells(neurons: &[(Place, Neuron)], muscles: &[(Place, Muscle)], problems: &mut Problems) {
    let known = muscle_names();
    let mut seen = BTreeSet::new();
    for (place, neuron) in neurons {
        let mut letters = neuron.name.bytes();
        let starts_well = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !starts_well || !letters.all(|byte| byte.is_ascii_alphanumeric()) {
            problems.push(
                Problem::new(format!("\"{}\" cannot be the name of a cell", neuron.name))
                    .at(place.clone())
                    .help("a name is a letter, then letters and digits"),
            );
        }
    }
    for (place, muscle) in muscles {
        if muscle_place(&muscle.name).is_none() {
            problems.push(unknown("body wall muscle", &muscle.name, known.iter().map(String::as_str), place));
        }
    }
    let names = neurons.iter().map(|(place, neuron)| (place, &neuron.name));
    let neuron_places =
        neurons.iter().map(|(place, neuron)| (place, &neuron.name, [neuron.x_um, neuron.y_um, neuron.z_um]));
    let muscle_places =
        muscles.iter().map(|(place, muscle)| (place, &muscle.name, [muscle.x_um, muscle.y_um, muscle.z_um]));
    for (place, name, position) in neuron_places.chain(muscle_places) {
        if !position.iter().all(|x| x.is_finite()) {
            let problem = Problem::new(format!("the position of {name} is {position:?}")).at(place.clone());
            problems.push(problem.help("give three finite numbers [um]"));
        }
    }
    for (place, name) in names.chain(muscles.iter().map(|(place, muscle)| (place, &muscle.name))) {
        if !seen.insert(name.as_str()) {
            problems.push(Problem::new(format!("{name} stands twice")).at(place.clone()).help("keep one of the two"));
        }
    }
}

fn check_contacts(
    rows: &[(Place, Contact)],
    ordered: bool,
    pre: &BTreeSet<&str>,
    post: &[&BTreeSet<&str>],
    problems: &mut Problems,
) {
    let mut seen = BTreeSet::new();
    for (place, contact) in rows {
        let (from, to) = (contact.pre.as_str(), contact.post.as_str());
        if !pre.contains(from) {
            problems.push(unknown("neuron", from, pre.iter().copied(), place));
        }
        if !post.iter().any(|names| names.contains(to)) {
            let names = post.iter().flat_map(|names| names.iter().copied());
            problems.push(unknown("cell that can stand here", to, names, place));
        }
        if contact.number == 0 {
            problems.push(
                Problem::new(format!("{from} to {to} has the number 0")).at(place.clone()).help("leave the row out"),
            );
        }
        let pair = if ordered || from <= to { (from, to) } else { (to, from) };
        if !seen.insert(pair) {
            problems.push(Problem::new(format!("{from} to {to} stands twice")).at(place.clone()).help(if ordered {
                "add the two numbers"
            } else {
                "a gap junction has no direction: list it once"
            }));
        }
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>, place: &Place) -> Problem {
    let problem = Problem::new(format!("no {what} is called \"{name}\"")).at(place.clone());
    match nearest(name, known) {
        _ if name == "MVL24" => problem.help("the ventral left quadrant ends at MVL23"),
        Some(near) => problem.help(format!("nearest: \"{near}\"")),
        None => problem,
    }
}
