//! What a LEMS file wants to be run: how long, in which steps, and what to write.
//!
//! Source: NeuroML 2.3, Simulation.xml, https://docs.neuroml.org/Userdocs/Schemas/Simulation.html.

use std::path::{Component as Step, Path};

use crate::error::{Place, Problem, Problems, nearest};
use crate::neuroml::component_type::Vocabulary;
use crate::neuroml::grammar;
use crate::neuroml::xml::Element;
use crate::units::Dimension;

/// One column of an output file.
#[derive(Debug, Clone)]
pub struct OutputColumn {
    /// Its name.
    pub id: String,
    /// The path of the quantity: "AVBL/0/GenericNeuronCell/v".
    pub quantity: String,
    /// Where the path stands.
    pub place: Place,
}

/// A file of columns.
#[derive(Debug, Clone)]
pub struct OutputFile {
    /// Its name in the simulation.
    pub id: String,
    /// Its name in the folder of results.
    pub file_name: String,
    /// Its columns after time.
    pub columns: Vec<OutputColumn>,
}

/// Spikes of one cell that an event file takes.
#[derive(Debug, Clone)]
pub struct EventSelection {
    /// The number that is written.
    pub id: String,
    /// The path of the cell: "p[0]".
    pub select: String,
    /// The port.
    pub port: String,
    /// Where the path stands.
    pub place: Place,
}

/// A file of events.
#[derive(Debug, Clone)]
pub struct EventOutputFile {
    /// Its name in the simulation.
    pub id: String,
    /// Its name in the folder of results.
    pub file_name: String,
    /// Whether the id comes before the time.
    pub id_first: bool,
    /// What it takes.
    pub selections: Vec<EventSelection>,
}

/// One simulation.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// Its name.
    pub id: String,
    /// Simulated time [s].
    pub length: f64,
    /// Time step [s].
    pub step: f64,
    /// Seed of random numbers; 0 where the file names none.
    pub seed: u64,
    /// The network or component that is run.
    pub target: String,
    /// Files of columns.
    pub outputs: Vec<OutputFile>,
    /// Files of events.
    pub event_outputs: Vec<EventOutputFile>,
}

/// What a line of an event file may be.
const FORMATS: &[&str] = &["ID_TIME", "TIME_ID"];

/// More steps than a computer does in a year, at a microsecond each.
const MAX_STEPS: f64 = 3e13;

/// Whether a name is that of a file in the folder of results, and of no other output.
fn file_name(name: &str, others: &[&str]) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(Problem::new("an output needs `fileName`").help("write fileName=\"results.dat\""));
    }
    if Path::new(name).components().any(|step| !matches!(step, Step::Normal(_) | Step::CurDir)) {
        let problem = Problem::new(format!("\"{name}\" leads out of the folder of results"));
        return Err(problem.help("write a name without \"..\" and without a \"/\" at its beginning"));
    }
    if others.contains(&name) {
        return Err(Problem::new(format!("two outputs write \"{name}\"")).help("give each its own file"));
    }
    Ok(())
}

impl Simulation {
    /// Reads a `Simulation` element; what is wrong is added to `problems`.
    pub fn read(element: &Element, vocabulary: &Vocabulary, problems: &mut Problems) -> Self {
        grammar::check(element, problems);
        let mut time = |name: &str| {
            let place = element.place_of_value(name);
            let Some(text) = element.get(name) else {
                problems.push(Problem::new(format!("a Simulation needs `{name}`, a time")).at(place));
                return f64::NAN;
            };
            match vocabulary.units.parse_as(text, Dimension::TIME) {
                Ok(value) if value > 0.0 => value,
                Ok(_) => {
                    problems.push(Problem::new(format!("`{name}` must be above zero, found \"{text}\"")).at(place));
                    f64::NAN
                }
                Err(problem) => {
                    problems.push(problem.at(place));
                    f64::NAN
                }
            }
        };
        let (length, step) = (time("length"), time("step"));
        if length / step > MAX_STEPS {
            let problem = Problem::new(format!("{:e} steps are more than any run can take", length / step));
            problems.push(problem.at(element.place_of_value("step")).help("a longer `step` or a shorter `length`"));
        }
        let seed = element.get("seed").map_or(Ok(0), str::parse::<u64>).unwrap_or_else(|_| {
            let problem = Problem::new("`seed` must be a whole number from 0 on");
            problems.push(problem.at(element.place_of_value("seed")));
            0
        });
        let text = |element: &Element, name: &str| element.get(name).unwrap_or_default().to_string();
        let mut simulation = Self {
            id: text(element, "id"),
            length,
            step,
            seed,
            target: text(element, "target"),
            outputs: Vec::new(),
            event_outputs: Vec::new(),
        };
        let mut names: Vec<&str> = Vec::new();
        for child in &element.children {
            if matches!(child.name.as_str(), "OutputFile" | "EventOutputFile") {
                let name = child.get("fileName").unwrap_or_default();
                if let Err(problem) = file_name(name, &names) {
                    problems.push(problem.at(child.place_of_value("fileName")));
                }
                names.push(name);
            }
            if let Some(format) = child.get("format").filter(|format| !FORMATS.contains(format)) {
                let problem = Problem::new(format!("no format \"{format}\"")).at(child.place_of_value("format"));
                problems.push(match nearest(format, FORMATS.iter().copied()) {
                    Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                    None => problem.help("it is ID_TIME or TIME_ID"),
                });
            }
            match child.name.as_str() {
                "OutputFile" => simulation.outputs.push(OutputFile {
                    id: text(child, "id"),
                    file_name: text(child, "fileName"),
                    columns: child
                        .children_named("OutputColumn")
                        .map(|column| OutputColumn {
                            id: text(column, "id"),
                            quantity: text(column, "quantity"),
                            place: column.place_of_value("quantity"),
                        })
                        .collect(),
                }),
                "EventOutputFile" => simulation.event_outputs.push(EventOutputFile {
                    id: text(child, "id"),
                    file_name: text(child, "fileName"),
                    id_first: child.get("format") != Some("TIME_ID"),
                    selections: child
                        .children_named("EventSelection")
                        .map(|selection| EventSelection {
                            id: text(selection, "id"),
                            select: text(selection, "select"),
                            port: text(selection, "eventPort"),
                            place: selection.place_of_value("select"),
                        })
                        .collect(),
                }),
                "Display" | "Record" | "EventRecord" | "Meta" | "notes" => {}
                other => {
                    problems.push(Problem::new(format!("<{other}> is not a member of a Simulation")).at(child.place()))
                }
            }
        }
        simulation
    }
}
