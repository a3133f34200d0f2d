//! What is measured of a contestant, by key.

use std::collections::BTreeMap;

use super::condition::{Condition, End};
use super::contest::Contest;
use super::trial::Trial;
use crate::gait::Quantity;

/// Slower than this there is no speed to be kept \[m/s\]: a hundredth of a body a second.
const STANDING: f64 = 1e-5;

/// One measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its key in files.
    pub key: String,
    /// What it is called in a table, with the unit there.
    pub title: String,
    /// SI unit, in the grammar of H5MD.
    pub unit: &'static str,
    /// One in the table's unit over one in SI.
    pub scale: f64,
}

/// All measures of a contest, in the order of its table.
pub fn all(contest: &Contest) -> Vec<Measure> {
    let measure = |key: &str, title: &str, unit: &'static str, scale: f64| Measure {
        key: key.to_string(),
        title: title.to_string(),
        unit,
        scale,
    };
    let mut measures = vec![
        measure("forward_speed", "speed [mm/s]", "m s-1", 1e3),
        measure("distance", "distance [mm]", "m", 1e3),
        measure("rows_met", &format!("rows met of {}", contest.rows.len()), "", 1.0),
        measure("frequency", "frequency [Hz]", "s-1", 1.0),
        measure("wavelength", "wavelength [L]", "", 1.0),
        measure("grip", "speed / wave's", "", 1.0),
        measure("bending", "κL rms", "", 1.0),
        measure("travelling", "travelling", "", 1.0),
        measure("energy", "energy ⟨A²⟩", "", 1.0),
        measure("smoothness", "smoothness", "", 1.0),
        measure("imitation", "imitation error", "", 1.0),
        measure("reward", "reward", "", 1.0),
        measure("touched_head", "touched at the head [mm/s]", "m s-1", 1e3),
        measure("touched_tail", "touched at the tail [mm/s]", "m s-1", 1e3),
    ];
    for condition in contest.conditions.iter().filter(|condition| is_hardship(**condition)) {
        measures.push(measure(&kept(*condition), &format!("kept: {condition}"), "", 1.0));
    }
    measures
}

/// Whether it makes it harder to do the same.
fn is_hardship(condition: Condition) -> bool {
    !matches!(condition, Condition::AsItIs | Condition::Touch(_))
}

fn kept(condition: Condition) -> String {
    format!("kept/{condition}")
}

/// The values of a worm as it is, and the share of its speed that it keeps under each other condition.
pub fn values(contest: &Contest, trials: &[(Condition, Option<Trial>)]) -> BTreeMap<String, Option<f64>> {
    let as_it_is = trials.iter().find(|(condition, _)| *condition == Condition::AsItIs);
    let whole = as_it_is.and_then(|(_, trial)| trial.as_ref());
    let mut values = BTreeMap::new();
    let mut put = |key: &str, value: Option<f64>| {
        values.insert(key.to_string(), value.filter(|value| value.is_finite()));
    };
    for quantity in [
        Quantity::ForwardSpeed,
        Quantity::Frequency,
        Quantity::Wavelength,
        Quantity::Grip,
        Quantity::Bending,
        Quantity::Travelling,
    ] {
        put(quantity.name(), whole.and_then(|trial| quantity.of(&trial.gait)));
    }
    put("distance", whole.map(|trial| trial.distance));
    put("energy", whole.map(|trial| trial.energy));
    put("smoothness", whole.and_then(|trial| trial.smoothness));
    let met = |trial: &Trial| {
        let holds = contest.rows.iter().filter(|row| {
            row.quantity.of(&trial.gait).is_some_and(|value| (row.range[0]..=row.range[1]).contains(&value))
        });
        holds.count() as f64
    };
    put("rows_met", whole.map(met));
    let speed = whole.map(|trial| trial.gait.forward_speed).filter(|speed| *speed > STANDING);
    for (key, end) in [("touched_head", End::Head), ("touched_tail", End::Tail)] {
        let touched = trials.iter().find(|(condition, _)| *condition == Condition::Touch(end));
        put(key, touched.and_then(|(_, trial)| Some(trial.as_ref()?.under_touch)));
    }
    for (condition, trial) in trials.iter().filter(|(condition, _)| is_hardship(*condition)) {
        let kept_speed = trial.as_ref().zip(speed).map(|(trial, speed)| trial.gait.forward_speed / speed);
        put(&kept(*condition), kept_speed);
    }
    values
}
