//! Fits numbers of an experiment's files so that the worm moves as worms do: `nematode fit`.
//!
//!   score = Σ w ln(1 + z²) over the targets of every trial,   z = (x − (a + b)/2) / ((b − a)/2)
//!
//! x what the gait of a trial came to, a … b the range of worms: at an edge of it z = ±1. The logarithm keeps one row
//! that is far off from hiding all others; a row without a value (no wave, so no frequency) counts as z = 10. A trial is
//! the experiment with some values set (another neuron stimulated, another medium, a stretch of body held), and is played
//! without a recording. A row may be asked for as a part of what another trial came to.
//!
//! Parameters are searched between two ends on a linear or logarithmic scale; a point outside is reflected inwards. A
//! search begins from `start` where that is given, so that one command makes the fitted files however often it is
//! called; else from what the files have.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Problem, Problems, nearest};
use crate::experiment::Experiment;
use crate::gait::{Gait, Quantity};
use crate::journal::Journal;
use crate::optimise::{Generation, Search, smallest};
use crate::run::Run;
use crate::settings::{Settings, Spanned, quantity};
use crate::units::{Dimension, UnitTable};

/// Part of a trial that is left out of its gait.
const SETTLING: f64 = 0.4;

/// z of a row that has no value.
const NO_VALUE: f64 = 10.0;

/// Score of a point with which the worm diverges: worse than any that does not.
const DIVERGED: f64 = 1e3;

/// What is to be fitted.
pub struct Fit {
    /// One line on what it is.
    pub title: String,
    /// Generations after which it ends.
    pub generations: usize,
    experiment: Settings,
    duration: String,
    search: Search,
    parameters: Vec<Parameter>,
    trials: Vec<Trial>,
}

/// A number to be fitted, the same in all its places.
#[derive(Debug, Clone, PartialEq)]
struct Parameter {
    keys: Vec<String>,
    low: f64,
    high: f64,
    logarithmic: bool,
    unit: String,
}

struct Trial {
    name: String,
    set: Vec<String>,
    targets: Vec<Target>,
}

struct Target {
    row: Quantity,
    /// The number of the trial whose value it is over.
    of: Option<usize>,
    range: [f64; 2],
    weight: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    experiment: Spanned<String>,
    duration: Spanned<String>,
    population: usize,
    generations: usize,
    spread: f64,
    seed: u64,
    parameter: Vec<ParameterFile>,
    trial: Vec<TrialFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterFile {
    keys: Vec<Spanned<String>>,
    low: Spanned<toml::Value>,
    high: Spanned<toml::Value>,
    /// Instead of the value that the file has.
    start: Option<Spanned<toml::Value>>,
    #[serde(default)]
    scale: ScaleFile,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum ScaleFile {
    #[default]
    Linear,
    Logarithmic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrialFile {
    name: String,
    #[serde(default)]
    set: Vec<Spanned<String>>,
    target: Vec<TargetFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetFile {
    row: Spanned<String>,
    of: Option<Spanned<String>>,
    from: Spanned<toml::Value>,
    to: Spanned<toml::Value>,
    #[serde(default = "one")]
    weight: f64,
}

fn one() -> f64 {
    1.0
}

/// How a point did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Smaller is better.
    pub score: f64,
    /// Trial, row, value in SI, and the range asked for.
    pub rows: Vec<(String, String, Option<f64>, [f64; 2])>,
}

impl Fit {
    /// Reads a fit and the experiment that it names.
    ///
    /// # Errors
    /// Every problem in them: a parameter that the experiment's files do not have, ends of another dimension, a row that
    /// no gait has, a trial that can't run.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let settings = Settings::open(path)?;
        let file: File = settings.parse()?;
        let mut problems = Problems::new();
        let experiment = settings
            .open_beside(file.experiment.get_ref())
            .map_err(|problem| problem.at(settings.place(file.experiment.span())))?;
        let mut start = Vec::new();
        let mut parameters = Vec::new();
        for parameter in &file.parameter {
            if let Some((read, begin)) = parameter.read(&settings, &experiment, &mut problems) {
                parameters.push(read);
                start.push(begin);
            }
        }
        let mut trials = Vec::new();
        let names: Vec<&str> = file.trial.iter().map(|trial| trial.name.as_str()).collect();
        for trial in &file.trial {
            let read = |target: &TargetFile| target.read(&settings, &names, &mut problems);
            let targets = trial.target.iter().filter_map(read).collect();
            let mut changed = experiment.clone();
            for change in &trial.set {
                if let Err(problem) = changed.set(change.get_ref()) {
                    problems.push(problem.at(settings.place(change.span())));
                }
            }
            let set = trial.set.iter().map(|change| change.get_ref().clone()).collect();
            if let Err(found) = ready(&changed, file.duration.get_ref()) {
                problems.extend(found);
            }
            trials.push(Trial { name: trial.name.clone(), set, targets });
        }
        if file.population < 4 || file.parameter.is_empty() || file.trial.is_empty() {
            let problem = settings.problem(0..0, "a fit needs a population of 4, one [[parameter]] and one [[trial]]");
            problems.push(problem.help("population = 4 + 3 ln(parameters) is usual"));
        }
        problems.or_ok(Self {
            title: file.title,
            generations: file.generations,
            experiment,
            duration: file.duration.get_ref().clone(),
            search: Search { start, spread: file.spread, population: file.population, seed: file.seed },
            parameters,
            trials,
        })
    }

    /// The experiment's settings with the values of a point in search coordinates.
    ///
    /// # Errors
    /// None that [`Fit::load`] has not found.
    pub fn at(&self, point: &[f64]) -> Result<Settings, Problem> {
        let mut settings = self.experiment.clone();
        for (parameter, x) in self.parameters.iter().zip(point) {
            for key in &parameter.keys {
                settings.set(&format!("{key}={}", parameter.text(*x)))?;
            }
        }
        Ok(settings)
    }

    /// Key and value of every parameter at a point in search coordinates.
    pub fn values(&self, point: &[f64]) -> Vec<(String, String)> {
        let all = self.parameters.iter().zip(point);
        all.flat_map(|(parameter, x)| parameter.keys.iter().map(|key| (key.clone(), parameter.text(*x)))).collect()
    }

    /// The point from which the search begins: the values that the files have.
    pub fn start(&self) -> &[f64] {
        &self.search.start
    }

    /// Plays every trial at a point in search coordinates.
    pub fn outcome(&self, point: &[f64]) -> Outcome {
        let mut outcome = Outcome { score: 0.0, rows: Vec::new() };
        let play = |trial: &Trial| {
            let gait = self.at(point).map_err(Error::from).and_then(|mut settings| {
                for change in &trial.set {
                    settings.set(change)?;
                }
                play(ready(&settings, &self.duration)?)
            });
            gait.ok().flatten()
        };
        let gaits: Vec<Option<Gait>> = self.trials.iter().map(play).collect();
        for (trial, gait) in self.trials.iter().zip(&gaits) {
            if gait.is_none() {
                outcome.score += DIVERGED;
            }
            for Target { row, of, range, weight } in &trial.targets {
                let value_in = |gait: &Option<Gait>| gait.as_ref().and_then(|gait| row.of(gait));
                let value = match of {
                    None => value_in(gait),
                    Some(whole) => value_in(gait).zip(value_in(&gaits[*whole])).map(|(part, whole)| part / whole),
                };
                let value = value.filter(|value| value.is_finite());
                let z = value.map_or(NO_VALUE, |x| (x - 0.5 * (range[0] + range[1])) / (0.5 * (range[1] - range[0])));
                outcome.score += weight * libm::log1p(z * z);
                let name = match of {
                    None => row.name().to_string(),
                    Some(whole) => format!("{} of {}", row.name(), self.trials[*whole].name),
                };
                outcome.rows.push((trial.name.clone(), name, value, *range));
            }
        }
        outcome
    }

    /// Searches, and gives the best point in search coordinates with its score. Every point is kept in `journal`, a CSV
    /// file; one that is there already is gone on with. `hear` says whether to go on.
    ///
    /// # Errors
    /// A journal of another fit, or one that can't be read or written.
    pub fn run(
        &self,
        journal: &Path,
        hear: &mut dyn FnMut(&Generation) -> ControlFlow<()>,
    ) -> Result<(Vec<f64>, f64), Error> {
        let mut journal = Journal::open(journal, &self.header(), self.parameters.len())?;
        let known = std::mem::take(&mut journal.known);
        let mut failed: Option<Problem> = None;
        let score = |point: &[f64]| self.outcome(point).score;
        let best = smallest(&self.search, &known, &score, &mut |generation| {
            if let Err(problem) = journal.keep(generation) {
                failed = Some(problem);
                return ControlFlow::Break(());
            }
            let enough = hear(generation).is_break() || generation.number >= self.generations;
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match failed {
            Some(problem) => Err(problem.into()),
            None => Ok(best),
        }
    }

    /// The first lines of the journal: all that decides which points are tried and how they score.
    fn header(&self) -> String {
        let mut text = format!("# {}; scores of this fit, in search coordinates (0 low … 1 high)\n", self.title);
        let Search { spread, population, seed, .. } = &self.search;
        let _ = writeln!(text, "# population {population}, spread {spread}, seed {seed}, {} each", self.duration);
        for trial in &self.trials {
            let rows: Vec<String> = trial
                .targets
                .iter()
                .map(|t| {
                    let whole = t.of.map_or(String::new(), |whole| format!(" of {}", self.trials[whole].name));
                    format!("{}{whole} {:e} to {:e} × {}", t.row.name(), t.range[0], t.range[1], t.weight)
                })
                .collect();
            let _ = writeln!(text, "# trial {}: {}; {}", trial.name, trial.set.join(" "), rows.join(", "));
        }
        for (parameter, start) in self.parameters.iter().zip(&self.search.start) {
            let Parameter { keys, low, high, unit, .. } = parameter;
            let _ = writeln!(text, "# {}: {low} to {high} {unit}, from {start}", keys.join(" "));
        }
        text
    }
}

/// An experiment that is to be played for so long.
fn ready(settings: &Settings, duration: &str) -> Result<Experiment, Problems> {
    let mut experiment = Experiment::read(settings.clone())?;
    experiment.set_duration(duration)?;
    Ok(experiment)
}

/// The gait that an experiment comes to, without a recording; none if it is too short for one.
pub(crate) fn play(experiment: Experiment) -> Result<Option<Gait>, Error> {
    let settled = SETTLING * experiment.duration;
    let poses = Run::prepare(experiment, Vec::new(), &|_| {})?.poses()?;
    Ok(Gait::of(&poses, settled).ok())
}

impl Parameter {
    /// The value at a place between the ends, 0 … 1, as it is written in the file.
    fn text(&self, x: f64) -> String {
        let inside = x.rem_euclid(2.0);
        let inside = if inside > 1.0 { 2.0 - inside } else { inside };
        let value = if self.logarithmic {
            self.low * libm::pow(self.high / self.low, inside)
        } else {
            self.low + (self.high - self.low) * inside
        };
        // Six digits: far finer than any of these numbers is known, and short enough to be read.
        let value: f64 = format!("{value:.5e}").parse().unwrap_or(value);
        if self.unit.is_empty() { format!("{value:?}") } else { format!("\"{value} {}\"", self.unit) }
    }

    /// Where between the ends a value lies.
    fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            libm::log(value / self.low) / libm::log(self.high / self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }
}

impl ParameterFile {
    fn read(&self, settings: &Settings, experiment: &Settings, problems: &mut Problems) -> Option<(Parameter, f64)> {
        let first = self.keys.first()?;
        let mut end = |value: &Spanned<toml::Value>| {
            quantity(value.get_ref()).map_err(|problem| problems.push(problem.at(settings.place(value.span())))).ok()
        };
        let (low, high) = (end(&self.low)?, end(&self.high)?);
        let logarithmic = self.scale == ScaleFile::Logarithmic;
        let start = match &self.start {
            Some(start) => Some((end(start)?, settings.place(start.span()))),
            None => None,
        };
        let mut begin = start.as_ref().map(|((value, ..), _)| *value);
        if let Some(((_, dimension, _), place)) = start.filter(|((_, dimension, _), _)| *dimension != low.1) {
            let problem = Problem::new(format!("{} is {}, its start is {dimension}", first.get_ref(), low.1));
            problems.push(problem.at(place).help("give `start` in a unit of the same dimension as its ends"));
            return None;
        }
        for key in &self.keys {
            let place = settings.place(key.span());
            let found = experiment.value(key.get_ref()).and_then(|value| quantity(&value));
            match found {
                Err(problem) => problems.push(problem.at(place)),
                Ok((_, dimension, _)) if [dimension, dimension] != [low.1, high.1] => {
                    let problem = Problem::new(format!("{} is {dimension}, unlike its ends", key.get_ref()));
                    problems.push(problem.at(place).help("give `low` and `high` in a unit of the same dimension"));
                }
                Ok((value, ..)) => begin = begin.or(Some(value)),
            }
        }
        // In the unit of the lower end: the numbers stay those that a person writes.
        let unit = low.2.clone();
        let one = if unit.is_empty() { 1.0 } else { UnitTable::new().parse(&format!("1 {unit}")).ok()?.value };
        let keys = self.keys.iter().map(|key| key.get_ref().clone()).collect();
        let parameter = Parameter { keys, low: low.0 / one, high: high.0 / one, logarithmic, unit };
        let ordered = parameter.low < parameter.high && (!logarithmic || parameter.low > 0.0);
        if !ordered {
            let problem = settings.problem(self.high.span(), format!("the ends of {} do not fit", first.get_ref()));
            problems.push(problem.help("let `low` be below `high`, and above zero on a logarithmic scale"));
            return None;
        }
        let begin = parameter.place(begin? / one);
        if !(0.0..=1.0).contains(&begin) {
            let problem = settings.problem(first.span(), format!("{} begins outside its ends", first.get_ref()));
            let help =
                "the search begins from `start`, or from the value that the file has: move the ends or the value";
            problems.push(problem.help(help));
        }
        Some((parameter, begin))
    }
}

impl TargetFile {
    fn read(&self, settings: &Settings, trials: &[&str], problems: &mut Problems) -> Option<Target> {
        let of = match &self.of {
            None => None,
            Some(name) => {
                let found = trials.iter().position(|trial| trial == name.get_ref());
                if found.is_none() {
                    let problem = settings.problem(name.span(), format!("no trial is called \"{}\"", name.get_ref()));
                    problems.push(match nearest(name.get_ref(), trials.iter().copied()) {
                        Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                        None => problem.help("name one of the [[trial]]s of this file"),
                    });
                }
                Some(found?)
            }
        };
        let place = settings.place(self.row.span());
        let known = Quantity::named(self.row.get_ref()).map_err(|problem| problems.push(problem.at(place)));
        let (row, dimension) = known.ok()?;
        // A number over another has no dimension.
        let dimension = if of.is_some() { Dimension::NONE } else { dimension };
        let mut end = |value: &Spanned<toml::Value>| {
            let place = settings.place(value.span());
            match quantity(value.get_ref()) {
                Ok((value, found, _)) if found == dimension => Some(value),
                Ok((_, found, _)) => {
                    let message = format!("{} is {dimension}, found {found}", self.row.get_ref());
                    problems.push(Problem::new(message).at(place));
                    None
                }
                Err(problem) => {
                    problems.push(problem.at(place));
                    None
                }
            }
        };
        let range = [end(&self.from)?, end(&self.to)?];
        if range[0] >= range[1] {
            problems.push(settings.problem(self.to.span(), "the range is empty").help("let `from` be below `to`"));
            return None;
        }
        Some(Target { row, of, range, weight: self.weight })
    }
}
