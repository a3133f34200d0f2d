//! How a worm moves beside how worms were measured to move: `nematode validate worm`.
//!
//! The rows stand in `models/measured.toml`, with their ranges and sources; an experiment names those that it can be asked
//! for. Rows of worms in water are asked of it with the values of its `in_water`. A row that fails stays in the table, and so
//! does one that an experiment does not name.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Problem, Problems, nearest};
use crate::experiment::Experiment;
use crate::fit::play;
use crate::gait::{Gait, Quantity};
use crate::settings::{Settings, Spanned, quantity};
use crate::table::{Style, aligned};

/// The rows of this repository.
const ROWS: &str = include_str!("../models/measured.toml");

/// One row, as it was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name: "K1".
    pub id: String,
    /// What was measured.
    pub what: String,
    /// As which number of a gait.
    pub quantity: Quantity,
    /// Whether it is over the value of the experiment as it is.
    pub relative: bool,
    /// Whether it was measured in water.
    pub in_water: bool,
    /// Between which ends, in SI.
    pub range: [f64; 2],
    /// By whom.
    pub source: String,
    set: Vec<String>,
    unit: (String, f64),
}

impl Row {
    /// Whether it is asked of a run as it is, and not of one that is changed for it.
    pub fn of_any_run(&self) -> bool {
        self.set.is_empty() && !self.relative
    }

    /// The unit in which it is told, and its value in SI.
    pub fn unit(&self) -> (&str, f64) {
        (&self.unit.0, self.unit.1)
    }
}

/// What an experiment answered to a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A value; none where there is no wave to have it. Whether it lies between the ends.
    Found(Option<f64>, bool),
    /// The experiment broke off, and why.
    Broke(String),
    /// The experiment does not name this row.
    NotAsked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowFile {
    what: String,
    #[serde(default)]
    set: Vec<String>,
    quantity: Spanned<String>,
    #[serde(default)]
    relative: bool,
    #[serde(default)]
    in_water: bool,
    from: Spanned<toml::Value>,
    to: Spanned<toml::Value>,
    source: String,
}

/// All rows, in the order of their file.
///
/// # Errors
/// A row that is not well formed.
pub fn rows() -> Result<Vec<Row>, Problems> {
    let settings = Settings::from_text("models/measured.toml", ROWS);
    let files: BTreeMap<String, RowFile> = settings.parse()?;
    let mut problems = Problems::new();
    let mut rows = Vec::new();
    // In the order of the file.
    let mut files: Vec<(String, RowFile)> = files.into_iter().collect();
    files.sort_by_key(|(_, file)| file.quantity.span().start);
    for (id, file) in files {
        let mut end = |value: &Spanned<toml::Value>| {
            let read = quantity(value.get_ref());
            read.map_err(|problem| problems.push(problem.at(settings.place(value.span())))).ok()
        };
        let (Some(from), Some(to)) = (end(&file.from), end(&file.to)) else { continue };
        match Quantity::named(file.quantity.get_ref()) {
            Ok((quantity, dimension)) if file.relative || from.1 == dimension => {
                let one = if from.0 == 0.0 || from.2.is_empty() { 1.0 } else { unit_of(&file.from, from.0) };
                rows.push(Row {
                    id,
                    what: file.what,
                    quantity,
                    relative: file.relative,
                    in_water: file.in_water,
                    range: [from.0, to.0],
                    source: file.source,
                    set: file.set,
                    unit: (from.2, one),
                });
            }
            Ok((_, dimension)) => {
                let problem = settings.problem(file.from.span(), format!("{id} is {dimension}"));
                problems.push(problem.help("give its ends in such a unit"));
            }
            Err(problem) => problems.push(problem.at(settings.place(file.quantity.span()))),
        }
    }
    problems.or_ok(rows)
}

/// The unit of a text like "0.1 mm/s" in SI, `value` being the whole in SI.
fn unit_of(text: &Spanned<toml::Value>, value: f64) -> f64 {
    let number = text.get_ref().as_str().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    number.map_or(1.0, |number| value / number)
}

/// Asks an experiment for its rows; `tell` hears which is being played.
///
/// # Errors
/// A row that there is not, or an experiment that does not run.
pub fn ask(settings: &Settings, tell: &mut dyn FnMut(&str)) -> Result<Vec<(Row, Answer)>, Error> {
    let experiment = Experiment::read(settings.clone())?;
    let rows = rows()?;
    let mut problems = Problems::new();
    for name in &experiment.rows {
        if !rows.iter().any(|row| row.id == *name.get_ref()) {
            let message = format!("nothing measured is called \"{}\"", name.get_ref());
            let problem = Problem::new(message).at(settings.place(name.span()));
            problems.push(match nearest(name.get_ref(), rows.iter().map(|row| row.id.as_str())) {
                Some(known) => problem.help(format!("did you mean \"{known}\"?")),
                None => problem.help("the rows stand in models/measured.toml"),
            });
        }
    }
    problems.or_ok(())?;
    let wanted: Vec<String> = experiment.rows.iter().map(|name| name.get_ref().clone()).collect();
    let water = experiment.settings_in_water()?;
    if !experiment.in_water.is_empty() {
        Experiment::read(water.clone())?;
    }
    let mut played: BTreeMap<(bool, Vec<String>), Result<Option<Gait>, String>> = BTreeMap::new();
    let mut play_with = |in_water: bool, set: &[String]| -> Result<Option<Gait>, String> {
        let in_water = in_water && !experiment.in_water.is_empty();
        if let Some(known) = played.get(&(in_water, set.to_vec())) {
            return known.clone();
        }
        let said: Vec<&str> =
            in_water.then_some("in water").into_iter().chain(set.iter().map(String::as_str)).collect();
        tell(&if said.is_empty() { "as it is".to_string() } else { said.join(" ") });
        let mut changed = if in_water { &water } else { settings }.clone();
        let gait = set
            .iter()
            .try_for_each(|change| changed.set(change))
            .map_err(Error::from)
            .and_then(|()| play(Experiment::read(changed)?))
            .map_err(|error| error.to_string());
        played.insert((in_water, set.to_vec()), gait.clone());
        gait
    };
    let mut answers = Vec::new();
    for row in rows {
        if !wanted.contains(&row.id) {
            answers.push((row, Answer::NotAsked));
            continue;
        }
        let value = |gait: Result<Option<Gait>, String>| -> Result<Option<f64>, String> {
            Ok(gait?.as_ref().and_then(|gait| row.quantity.of(gait)))
        };
        let found = value(play_with(row.in_water, &row.set)).and_then(|found| {
            if !row.relative {
                return Ok(found);
            }
            let whole = value(play_with(row.in_water, &[]))?;
            Ok(found.zip(whole).map(|(found, whole)| found / whole))
        });
        let answer = match found {
            Ok(found) => {
                let holds = found.is_some_and(|found| (row.range[0]..=row.range[1]).contains(&found));
                Answer::Found(found, holds)
            }
            Err(why) => Answer::Broke(why),
        };
        answers.push((row, answer));
    }
    Ok(answers)
}

/// The table of some answers.
pub fn table(answers: &[(Row, Answer)], style: Style) -> String {
    if style == Style::Json {
        let rows: Vec<serde_json::Value> = answers.iter().map(json).collect();
        return format!("{:#}\n", serde_json::Value::from(rows));
    }
    let head = ["row", "what", "measured in worms", "simulated", "", "source"];
    aligned(head, &answers.iter().map(cells).collect::<Vec<_>>(), style == Style::Markdown)
}

fn cells((row, answer): &(Row, Answer)) -> [String; 6] {
    let of_whole = if row.relative { " of the whole" } else { "" };
    let number = |value: f64| format!("{:.2}", value / row.unit.1);
    let range = format!("{} to {} {}{of_whole}", number(row.range[0]), number(row.range[1]), row.unit.0);
    let (found, verdict) = match answer {
        Answer::Found(Some(value), holds) => {
            (format!("{} {}", number(*value), row.unit.0), if *holds { "pass" } else { "FAIL" }.to_string())
        }
        Answer::Found(None, _) => ("none".to_string(), "FAIL".to_string()),
        Answer::Broke(why) => ("-".to_string(), format!("BROKE OFF: {}", why.lines().next().unwrap_or_default())),
        Answer::NotAsked => ("-".to_string(), "not asked".to_string()),
    };
    [row.id.clone(), row.what.clone(), range, found.trim().to_string(), verdict, row.source.clone()]
}

fn json((row, answer): &(Row, Answer)) -> serde_json::Value {
    let (value, verdict, why) = match answer {
        Answer::Found(value, true) => (*value, "pass", None),
        Answer::Found(value, false) => (*value, "fail", None),
        Answer::Broke(why) => (None, "broke off", Some(why)),
        Answer::NotAsked => (None, "not asked", None),
    };
    serde_json::json!({
        "row": row.id, "what": row.what, "quantity": row.quantity.name(), "relative": row.relative,
        "from": row.range[0], "to": row.range[1], "value": value, "verdict": verdict, "why": why, "source": row.source,
    })
}

/// Whether every row that was asked for passed.
pub fn all_pass(answers: &[(Row, Answer)]) -> bool {
    answers.iter().all(|(_, answer)| matches!(answer, Answer::Found(_, true) | Answer::NotAsked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_range_of_the_dimension_of_its_quantity_and_a_source() {
        let rows = rows().unwrap_or_else(|problems| panic!("{problems}"));
        assert!(rows.len() > 10);
        for row in rows {
            assert!(row.range[0] < row.range[1] && !row.source.is_empty(), "{row:?}");
            // A number over another has no dimension.
            assert!(!row.relative || row.unit.0.is_empty(), "{row:?}");
        }
    }
}
