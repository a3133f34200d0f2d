//! What the neurons do: membrane potentials and spikes.

use std::path::Path;

use serde_json::{Value, json};

use super::damaged;
use super::packed::{packed, stride};
use crate::error::Problem;
use crate::recording::{Population, Recorded};

/// Most rows of potentials that a page keeps, and most numbers for all runs of a page together.
const MOST_ROWS: usize = 2000;
const MOST_NUMBERS: usize = 1_000_000;

/// Most spikes for all runs of a page together.
const MOST_SPIKES: usize = 50_000;

/// The neurons of a recording, one among some on a page; null where it has none.
pub(super) fn of(recorded: &mut Recorded, path: &Path, among: usize) -> Result<Value, Problem> {
    let Some(potentials) = recorded.potentials(Population::Neurons)? else { return Ok(Value::Null) };
    let (values, names) = (&potentials.values, &potentials.names);
    if names.is_empty() {
        return Ok(Value::Null);
    }
    if values.shape != [values.data.len() / names.len(), names.len()] {
        let message = format!("report/neurons/data has the shape {:?} for {} neurons", values.shape, names.len());
        return Err(damaged(path, &message));
    }
    // SONATA wants mV; a model without units has plain numbers.
    let unit = recorded.unit("report/neurons/data").filter(|unit| unit != "1").unwrap_or_default();
    let step = stride(values.shape[0], MOST_ROWS.min(MOST_NUMBERS / among / names.len()));
    let rows = || (0..values.shape[0]).step_by(step);
    let kept: Vec<f32> = rows().flat_map(|row| values.frame(row)).map(|volts| volts * 1e3).collect();
    let spikes = recorded.spikes(Population::Neurons)?;
    if let Some((_, cell)) = spikes.iter().find(|(_, cell)| *cell >= names.len() as u64) {
        return Err(damaged(path, &format!("a spike is of neuron {cell}, of {}", names.len())));
    }
    let every = stride(spikes.len(), MOST_SPIKES / among);
    let (when, who): (Vec<f64>, Vec<u64>) = spikes.iter().step_by(every).copied().unzip();
    // Times of spikes to 0.01 ms, as JSON.
    let when: Vec<f64> = when.into_iter().map(|time| (time * 1e5).round() * 1e-5).collect();
    Ok(json!({
        "names": names, "unit": unit,
        "start": potentials.start, "interval": potentials.interval * step as f64,
        "rows": values.shape[0], "stride": step,
        "potential": packed(&kept, &[rows().count(), names.len()]),
        "spikes": { "time": when, "cell": who, "all": spikes.len(), "stride": every },
    }))
}
