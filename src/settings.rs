//! Reads a TOML file whose quantities carry units, and keeps the place of each value, so that
//! a wrong one is reported as `file:line:column` with its mend.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::error::{Place, Problem, Problems, nearest, read_text};
use crate::units::{Dimension, UnitTable};

/// A value with its place in the file.
pub type Spanned<T> = toml::Spanned<T>;

/// A TOML file's text with its name: what turns a span into a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    path: PathBuf,
    text: String,
    /// The texts of other files that [`Settings::set`] has changed.
    changed: BTreeMap<PathBuf, String>,
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// A problem that names the file when it can't be read.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        Ok(Self::from_text(path, read_text(path)?))
    }

    /// Settings that stand in `text`; `path` is what errors name.
    pub fn from_text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), changed: BTreeMap::new() }
    }

    /// The file's name as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `other`, a path written in this file, seen from where the program runs.
    pub fn beside(&self, other: &str) -> PathBuf {
        let mut seen = PathBuf::new();
        for part in self.path.parent().unwrap_or(Path::new("")).join(other).components() {
            let above =
                part == Component::ParentDir && matches!(seen.components().next_back(), Some(Component::Normal(_)));
            if above {
                seen.pop();
            } else {
                seen.push(part);
            }
        }
        seen
    }

    /// The settings of the file that this one calls `name`, with the changes that [`Settings::set`] made to it.
    ///
    /// # Errors
    /// A problem that names the file when it can't be read.
    pub fn open_beside(&self, name: &str) -> Result<Self, Problem> {
        let path = self.beside(name);
        let text = match self.changed.get(&path) {
            Some(text) => text.clone(),
            None => read_text(&path)?,
        };
        Ok(Self { path, text, changed: self.changed.clone() })
    }

    /// Changes the text as if `change`, "body.mixture=0.5", had been written into the file: the value of the key of that
    /// path is replaced, or the key is added. A value that is not TOML is taken for a text. `stimulus.0.current` is in
    /// the first of a list, `body.medium.resistive.normal` in the file that `body.medium` names: the file itself stays
    /// as it is, and [`Settings::open_beside`] gives what it would be.
    ///
    /// # Errors
    /// No `=`, a path through what is no table, or a file that is no TOML.
    pub fn set(&mut self, change: &str) -> Result<(), Problem> {
        let (path, value) =
            change.split_once('=').map(|(path, value)| (path.trim(), value.trim())).ok_or_else(|| {
                Problem::new(format!("--set: \"{change}\" has no \"=\"")).help("write --set body.mixture=0.5")
            })?;
        let value = match toml::from_str::<toml::Table>(&format!("x = {value}")) {
            Ok(_) => value.to_string(),
            Err(_) => toml::Value::from(value).to_string(),
        };
        let mut steps: Vec<&str> = path.split('.').collect();
        let key = steps.pop().unwrap_or_default();
        self.set_at(&steps, key, &value)
    }

    fn set_at(&mut self, steps: &[&str], key: &str, value: &str) -> Result<(), Problem> {
        let root = DeTable::parse(&self.text).map_err(|error| {
            let place = error.span().map_or(Place::new(&self.path, 1, 1), |span| self.place(span));
            Problem::new(error.message().trim()).at(place)
        })?;
        let path = steps.iter().chain([&key]).copied().collect::<Vec<_>>().join(".");
        let no_table = |step: &str| {
            let problem = Problem::new(format!("--set: there is no \"{path}\" in {}", self.path.display()));
            problem.help(format!("`{step}` is no table and no list with that place"))
        };
        if key.is_empty() {
            return Err(no_table(&path));
        }
        let mut table = Some(root.get_ref());
        let mut list: Option<&DeArray> = None;
        for (taken, step) in steps.iter().enumerate() {
            let inner = match (table, list) {
                (Some(table), _) => table.get(*step).map(Spanned::get_ref),
                (None, Some(list)) => step.parse::<usize>().ok().and_then(|at| list.get(at)).map(Spanned::get_ref),
                (None, None) => None,
            };
            (table, list) = match inner {
                Some(DeValue::Table(inner)) => (Some(inner), None),
                Some(DeValue::Array(inner)) => (None, Some(inner)),
                Some(DeValue::String(name)) if name.ends_with(".toml") => {
                    let mut other = self.open_beside(name)?;
                    other.set_at(&steps[taken + 1..], key, value)?;
                    self.changed.append(&mut other.changed);
                    self.changed.insert(other.path, other.text);
                    return Ok(());
                }
                None if table.is_some() => (None, None),
                _ => return Err(no_table(step)),
            };
        }
        let (range, text) = match table {
            Some(table) => match (table.get(key), table.iter().find(|(_, value)| !value.get_ref().is_table())) {
                (Some(old), _) => (old.span(), value.to_string()),
                (None, Some((first, _))) => (first.span().start..first.span().start, format!("{key} = {value}\n")),
                (None, None) => return Err(no_table(key)),
            },
            None if list.is_some() => return Err(no_table(key)),
            None => {
                let end = self.text.len();
                (end..end, format!("\n[{}]\n{key} = {value}\n", steps.join(".")))
            }
        };
        self.text.replace_range(range, &text);
        Ok(())
    }

    /// The value of the key of a path, as [`Settings::set`] takes it.
    ///
    /// # Errors
    /// No such key, or a file that is no TOML.
    pub fn value(&self, path: &str) -> Result<toml::Value, Problem> {
        let mut value: toml::Value = self.parse()?;
        for (taken, step) in path.split('.').enumerate() {
            let inner = match &value {
                toml::Value::Table(table) => table.get(step).cloned(),
                toml::Value::Array(list) => step.parse::<usize>().ok().and_then(|at| list.get(at)).cloned(),
                toml::Value::String(name) if name.ends_with(".toml") => {
                    let rest: Vec<&str> = path.split('.').skip(taken).collect();
                    return self.open_beside(name)?.value(&rest.join("."));
                }
                _ => None,
            };
            value = inner.ok_or_else(|| {
                let problem = Problem::new(format!("there is no \"{path}\" in {}", self.path.display()));
                problem.help(format!("`{step}` is not there"))
            })?;
        }
        Ok(value)
    }

    /// The texts of this file and of those that [`Settings::set`] has changed, by path.
    pub fn texts(&self) -> Vec<(&Path, &str)> {
        let others = self.changed.iter().map(|(path, text)| (path.as_path(), text.as_str()));
        std::iter::once((self.path.as_path(), self.text.as_str())).chain(others).collect()
    }

    /// Parses the file as a `T`.
    ///
    /// # Errors
    /// A problem with the place where TOML or the shape of `T` was left.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        toml::from_str(&self.text).map_err(|error| {
            let problem = with_keys(error.message().trim());
            match error.span() {
                Some(span) => problem.at(self.place(span)),
                None => problem.at(Place::new(&self.path, 1, 1)),
            }
        })
    }

    /// The place of a span of this file.
    pub fn place(&self, span: Range<usize>) -> Place {
        Place::at_offset(&self.path, &self.text, span.start)
    }

    /// A problem about the value at `span`.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        Problem::new(message).at(self.place(span))
    }

    /// The SI value of a quantity of the expected dimension; a problem is added and NaN given
    /// back where it isn't one, so that all of a file's problems are found in one run.
    pub fn quantity(&self, text: &Spanned<String>, expected: Dimension, problems: &mut Problems) -> f64 {
        UnitTable::new().parse_as(text.get_ref(), expected).unwrap_or_else(|problem| {
            problems.push(problem.at(self.place(text.span())));
            f64::NAN
        })
    }

    /// A quantity that must be above zero.
    pub fn positive(&self, text: &Spanned<String>, expected: Dimension, problems: &mut Problems) -> f64 {
        let value = self.quantity(text, expected, problems);
        if value <= 0.0 {
            let problem = self.problem(text.span(), format!("must be above zero, found \"{}\"", text.get_ref()));
            problems.push(problem.help("give a number above zero with its unit"));
        }
        value
    }

    /// A quantity that must not be negative.
    pub fn not_negative(&self, text: &Spanned<String>, expected: Dimension, problems: &mut Problems) -> f64 {
        let value = self.quantity(text, expected, problems);
        if value < 0.0 {
            let problem = self.problem(text.span(), format!("must not be negative, found \"{}\"", text.get_ref()));
            problems.push(problem.help("give zero or more, with its unit"));
        }
        value
    }
}

/// The number of a TOML value in SI, its dimension and its unit as written.
///
/// # Errors
/// A value that is neither a number nor a quantity.
pub fn quantity(value: &toml::Value) -> Result<(f64, Dimension, String), Problem> {
    match value {
        toml::Value::Float(number) => Ok((*number, Dimension::NONE, String::new())),
        toml::Value::Integer(number) => Ok((*number as f64, Dimension::NONE, String::new())),
        toml::Value::String(text) => {
            let parsed = UnitTable::new().parse(text)?;
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.eE ".contains(c)).to_string();
            Ok((parsed.value, parsed.dimension, unit))
        }
        other => Err(Problem::new(format!("expected a number or a quantity, found {other}"))),
    }
}

/// What the TOML reader said, with the nearest key where it met one that it does not know.
fn with_keys(message: &str) -> Problem {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.split(',').next(), quoted.next()) {
        (Some(first), Some(key)) if message.starts_with("unknown field") => {
            let keys: Vec<&str> = quoted.collect();
            Problem::new(first).help(match nearest(key, keys.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("the keys here are {}", keys.join(", ")),
            })
        }
        (_, Some(key)) if message.starts_with("missing field") => {
            Problem::new(message).help(format!("add `{key} = ...`"))
        }
        _ => Problem::new(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        dt: Spanned<String>,
        mass: Spanned<String>,
    }

    #[test]
    fn every_wrong_quantity_is_reported_with_its_place() {
        let settings = Settings::from_text("x.toml", "dt = \"-5 ms\"\nmass = \"3 mV\"\n");
        let example: Example = settings.parse().expect("well-formed");
        let mut problems = Problems::new();
        settings.positive(&example.dt, Dimension::TIME, &mut problems);
        settings.positive(&example.mass, Dimension::MASS, &mut problems);
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(text[0].starts_with("x.toml:1:6: must be above zero, found \"-5 ms\""), "{text:?}");
        assert!(text[1].starts_with("x.toml:2:8: expected a mass (kg), found \"3 mV\""), "{text:?}");
    }

    #[test]
    fn a_path_in_a_file_is_seen_from_where_the_program_runs() {
        let settings = Settings::from_text("models/experiments/crawl.toml", "");
        assert_eq!(settings.beside("../worm.toml"), Path::new("models/worm.toml"));
        assert_eq!(settings.beside("../../../other/x.toml"), Path::new("../other/x.toml"));
    }

    #[test]
    fn a_change_is_as_if_it_were_written_into_the_file() {
        let text = "a = 1\n[body] # of a worm\nmixture = 1.0\n\n[[stimulus]]\ncurrent = \"5 pA\"\n";
        let mut settings = Settings::from_text("x.toml", text);
        for change in
            ["body.mixture = 0.5", "body.viscosity=1 Pa*s", "stimulus.0.current=7 pA", "senses.map=x.toml", "a=2"]
        {
            settings.set(change).expect(change);
        }
        let wanted = "a = 2\n[body] # of a worm\nviscosity = \"1 Pa*s\"\nmixture = 0.5\n\n[[stimulus]]\n\
                      current = \"7 pA\"\n\n[senses]\nmap = \"x.toml\"\n";
        assert_eq!(settings.text(), wanted);
        for wrong in ["mixture", "a.b=1", "stimulus.3.current=1", "=1", "stimulus.current=1"] {
            assert!(settings.set(wrong).is_err(), "{wrong}");
        }
        assert_eq!(settings.text(), wanted);
    }

    #[test]
    fn an_unknown_key_is_reported_with_its_place() {
        let settings = Settings::from_text("x.toml", "dt = \"5 ms\"\nmas = \"3 kg\"\n");
        let problem = settings.parse::<Example>().err().expect("unknown key");
        assert!(problem.to_string().starts_with("x.toml:2:1: unknown field `mas`"), "{problem}");
    }
}
