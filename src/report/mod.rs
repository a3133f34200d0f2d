//! One page of HTML from recordings, or from a contest, to be looked at in any browser without a network: `nematode report`.
//!
//!   Recorded ─motion, surface, cells, origin→ JSON ─page→ HTML with all data, styles and programs in it
//!
//! Numbers are kept in 16 bits (`packed.rs`) and long series are thinned; the page says so where it does. What a recording
//! does not have is left out and said; what it must have is asked for in all recordings before anything is written.

mod cells;
mod influence;
mod motion;
mod origin;
mod packed;
mod page;
mod surface;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::behaviour;
use crate::error::{Error, Problem, Problems, write_whole};
use crate::recording::{Recorded, Values};
use motion::Motion;

/// Most recordings on one page: browsers draw in 8 to 16 canvases at a time. Chosen by hand.
const MOST: usize = 6;

/// Writes the page of some recordings; gives its size in bytes. With `contributions`, what moved the muscles of those whose
/// worm has a policy is looked for, which takes a second for each second of a large policy's run.
///
/// # Errors
/// All that is missing in any of the recordings; a page that cannot be written.
pub fn write(files: &[PathBuf], out: &Path, contributions: bool) -> Result<u64, Error> {
    let mut problems = Problems::new();
    if files.len() > MOST {
        let message = format!("{} recordings do not fit on one page", files.len());
        problems.push(Problem::new(message).help(format!("name at most {MOST}")));
    }
    let same = |file: &PathBuf| {
        std::fs::canonicalize(file).ok().is_some_and(|at| std::fs::canonicalize(out).is_ok_and(|out| out == at))
    };
    if files.iter().any(same) {
        let message = format!("{}: the page would take the place of a recording", out.display());
        problems.push(Problem::new(message).help("name another file: -o report.html"));
    }
    let mut runs = Vec::new();
    for file in files {
        match run(file, files.len(), contributions) {
            Ok(run) => runs.push(run),
            Err(wrong) => problems.extend(wrong),
        }
    }
    problems.or_ok(())?;
    if contributions && runs.iter().all(|run| run["influence"].is_null()) {
        let problem = Problem::new("--contributions: no worm of these recordings has a policy");
        return Err(problem.help("give the recording of a worm with [controller.policy], or leave it out").into());
    }
    let page = page::of_runs(&json!({ "runs": runs, "measured": measured()?, "version": env!("CARGO_PKG_VERSION") }));
    write_whole(out, &page)?;
    Ok(page.len() as u64)
}

/// The page of a contest, of what `nematode compare` writes as `results.json`.
pub(crate) fn of_contest(results: &Value) -> String {
    page::of_contest(results)
}

/// What a page shows of one recording among some.
fn run(path: &Path, among: usize, contributions: bool) -> Result<Value, Problems> {
    let mut recorded = Recorded::open(path)?;
    recorded.check_length()?;
    let motion = Motion::read(&mut recorded, path)?;
    let mut problems = Problems::new();
    let mut part = |read: Result<Value, Problem>| {
        read.unwrap_or_else(|problem| {
            problems.push(problem);
            Value::Null
        })
    };
    let surface = part(surface::of(&mut recorded, path, &motion, among));
    let muscles = part(motion::muscles(&mut recorded, path, &motion));
    let cells = part(cells::of(&mut recorded, path, among));
    let origin = part(origin::of(&mut recorded, path));
    let influence = match contributions {
        true => influence::of(&mut recorded, path).unwrap_or_else(|found| {
            problems.extend(found);
            Value::Null
        }),
        false => Value::Null,
    };
    problems.or_ok(json!({
        "motion": motion.json(), "surface": surface, "muscles": muscles, "cells": cells, "origin": origin, "influence": influence,
    }))
}

/// A quantity with one row of numbers in each frame, after its lengths were found to fit.
fn series(recorded: &mut Recorded, path: &Path, name: &str) -> Result<Values, Problem> {
    let values = recorded.values(name).map_err(|problem| match problem.help {
        None => problem.help("a page needs the recording of a worm's body: `nematode run` writes one"),
        Some(_) => problem,
    })?;
    let width: usize = values.shape.iter().skip(1).product();
    if values.shape.len() < 2 || width == 0 || values.data.len() != values.shape[0] * width {
        return Err(damaged(path, &format!("{name} is no table with one row for each frame")));
    }
    Ok(values)
}

fn damaged(path: &Path, what: &str) -> Problem {
    Problem::new(format!("{}: {what}", path.display())).help("the file is damaged, or not written by `nematode run`")
}

/// The rows of measured worms that any run can be put beside, with numbers in SI.
fn measured() -> Result<Vec<Value>, Problems> {
    let row = |row: behaviour::Row| {
        let (unit, one) = row.unit();
        json!({
            "id": row.id, "what": row.what, "quantity": row.quantity.name(), "range": row.range, "unit": unit, "one": one,
            "source": row.source,
        })
    };
    Ok(behaviour::rows()?.into_iter().filter(behaviour::Row::of_any_run).map(row).collect())
}
