//! What a contest came to, for people and programs: a table, a page, Markdown, JSON and HDF5.
//!
//! Each cell is the mean ± standard deviation over the seeds and, in brackets, the 95 % interval of the mean difference from
//! the contestant that the file names, seed by seed. JSON and HDF5 have the same bits for the same contest; times of a step
//! are the machine's, and stand in the table and in `timing.json` alone.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::contest::Contest;
use super::keep::Entry;
use super::measure::{self, Measure};
use super::statistics::{mean_and_deviation, paired_interval};
use crate::error::Error;
use crate::recording::{Dataset, Provenance, write_datasets};
use crate::table::{Style, aligned};

/// What all contestants came to.
pub struct Results<'a> {
    /// The contest.
    pub contest: &'a Contest,
    /// SHA-256 of all that decides it.
    pub identity: &'a str,
    /// Contestant by contestant, seed by seed.
    pub entries: &'a [Entry],
    /// Time of a step of each contestant's controller \[s\], as it was measured here.
    pub timing: &'a [Option<f64>],
}

/// Columns of measures side by side.
const SIDE_BY_SIDE: usize = 4;

impl Results<'_> {
    fn values(&self, entrant: usize, measure: &Measure) -> Vec<Option<f64>> {
        let seeds = self.contest.seeds.len();
        let own = &self.entries[entrant * seeds..(entrant + 1) * seeds];
        own.iter().map(|entry| entry.values.get(&measure.key).copied().flatten()).collect()
    }

    /// Seed by seed how much more than the contestant that the others are compared with.
    fn differences(&self, entrant: usize, measure: &Measure) -> Vec<f64> {
        let (own, other) = (self.values(entrant, measure), self.values(self.contest.against, measure));
        own.iter().zip(&other).filter_map(|(own, other)| Some((*own)? - (*other)?)).collect()
    }

    fn cell(&self, entrant: usize, measure: &Measure) -> String {
        let present: Vec<f64> = self.values(entrant, measure).into_iter().flatten().collect();
        let number = |value: f64| format!("{:.3}", value * measure.scale);
        let Some((mean, deviation)) = mean_and_deviation(&present) else { return "-".to_string() };
        let mut text = number(mean);
        if let Some(deviation) = deviation {
            let _ = write!(text, " ± {}", number(deviation));
        }
        if present.len() < self.contest.seeds.len() {
            let _ = write!(text, " ({} of {})", present.len(), self.contest.seeds.len());
        }
        if entrant != self.contest.against
            && let Some((_, [low, high])) = paired_interval(&self.differences(entrant, measure))
        {
            let _ = write!(text, " [{:+.3}, {:+.3}]", low * measure.scale, high * measure.scale);
        }
        text
    }

    /// The table, in blocks of a few measures.
    pub fn table(&self, style: Style) -> String {
        let contest = self.contest;
        let mut text = String::new();
        let mut block = |columns: &[(String, Vec<String>)]| {
            let mut head: [String; SIDE_BY_SIDE + 1] = Default::default();
            head[0] = "contestant".to_string();
            let mut rows: Vec<[String; SIDE_BY_SIDE + 1]> = contest
                .entrants
                .iter()
                .map(|entrant| {
                    std::array::from_fn(|place| if place == 0 { entrant.name.clone() } else { String::new() })
                })
                .collect();
            for (place, (title, cells)) in columns.iter().enumerate() {
                head[place + 1].clone_from(title);
                rows.iter_mut().zip(cells).for_each(|(row, cell)| row[place + 1].clone_from(cell));
            }
            let head: [&str; SIDE_BY_SIDE + 1] = std::array::from_fn(|place| head[place].as_str());
            text += &aligned(head, &rows, style == Style::Markdown);
            text.push('\n');
        };
        for measures in measure::all(contest).chunks(SIDE_BY_SIDE) {
            let column = |measure: &Measure| {
                let cells = (0..contest.entrants.len()).map(|entrant| self.cell(entrant, measure)).collect();
                (measure.title.clone(), cells)
            };
            block(&measures.iter().map(column).collect::<Vec<_>>());
        }
        let weights = contest.entrants.iter().map(|entrant| entrant.parameters);
        let weights = weights.map(|count| count.map_or("-".to_string(), |count| count.to_string()));
        let times = self.timing.iter().map(|time| time.map_or("-".to_string(), |time| format!("{:.1}", 1e6 * time)));
        block(&[("weights".to_string(), weights.collect()), ("step [µs]".to_string(), times.collect())]);
        text
    }

    /// Why some learning broke off, one a line.
    pub fn broke(&self) -> String {
        let line =
            |entry: &Entry| Some(format!("  {} seed {}: {}\n", entry.contestant, entry.seed, entry.broke.as_ref()?));
        self.entries.iter().filter_map(line).collect()
    }

    fn json(&self) -> Value {
        let contest = self.contest;
        let measures = measure::all(contest);
        let of = |entrant: usize| {
            let of_measure = |measure: &Measure| {
                let values = self.values(entrant, measure);
                let present: Vec<f64> = values.iter().copied().flatten().collect();
                let summary = mean_and_deviation(&present);
                let against =
                    paired_interval(&self.differences(entrant, measure)).filter(|_| entrant != contest.against);
                let told = json!({
                    "unit": measure.unit, "values": values,
                    "mean": summary.map(|(mean, _)| mean), "sd": summary.and_then(|(_, deviation)| deviation),
                    "difference": against.map(|(mean, _)| mean), "interval_95": against.map(|(_, interval)| interval),
                });
                (measure.key.clone(), told)
            };
            let seeds = contest.seeds.len();
            let own = &self.entries[entrant * seeds..(entrant + 1) * seeds];
            json!({
                "name": contest.entrants[entrant].name,
                "weights": contest.entrants[entrant].parameters,
                "measures": measures.iter().map(of_measure).collect::<serde_json::Map<_, _>>(),
                "imitation": own.iter().map(|entry| &entry.imitation).collect::<Vec<_>>(),
                "reward": own.iter().map(|entry| &entry.reward).collect::<Vec<_>>(),
                "broke": own.iter().map(|entry| &entry.broke).collect::<Vec<_>>(),
            })
        };
        json!({
            "title": contest.title, "reproduces": contest.reproduces, "contest": self.identity,
            "version": env!("CARGO_PKG_VERSION"), "plan": contest.settings.text(), "seeds": contest.seeds,
            "against": contest.entrants[contest.against].name,
            "measures": measures.iter().map(|measure| json!({ "key": measure.key, "title": measure.title, "scale": measure.scale })).collect::<Vec<_>>(),
            "contestants": (0..contest.entrants.len()).map(of).collect::<Vec<_>>(),
        })
    }

    fn datasets(&self) -> (Vec<Dataset>, Vec<(String, Vec<String>)>) {
        let contest = self.contest;
        let (entrants, seeds) = (contest.entrants.len(), contest.seeds.len());
        let mut datasets: Vec<Dataset> = measure::all(contest)
            .iter()
            .map(|measure| Dataset {
                path: format!("results/{}", measure.key),
                shape: vec![entrants, seeds],
                values: (0..entrants)
                    .flat_map(|entrant| self.values(entrant, measure))
                    .map(|value| value.unwrap_or(f64::NAN))
                    .collect(),
                unit: measure.unit.to_string(),
            })
            .collect();
        for (name, curve) in [("imitation", curve_of_imitation as fn(&Entry) -> &Vec<f64>), ("reward", curve_of_reward)]
        {
            let longest = self.entries.iter().map(|entry| curve(entry).len()).max().unwrap_or(0);
            if longest > 0 {
                let padded = |entry: &Entry| {
                    let curve = curve(entry).clone();
                    let missing = longest - curve.len();
                    curve.into_iter().chain(std::iter::repeat_n(f64::NAN, missing)).collect::<Vec<f64>>()
                };
                datasets.push(Dataset {
                    path: format!("curves/{name}"),
                    shape: vec![entrants, seeds, longest],
                    values: self.entries.iter().flat_map(padded).collect(),
                    unit: String::new(),
                });
            }
        }
        datasets.push(Dataset {
            path: "results/weights".to_string(),
            shape: vec![entrants],
            values: contest.entrants.iter().map(|entrant| entrant.parameters.map_or(f64::NAN, |n| n as f64)).collect(),
            unit: String::new(),
        });
        let names = vec![
            ("names/contestants".to_string(), contest.entrants.iter().map(|entrant| entrant.name.clone()).collect()),
            ("names/seeds".to_string(), contest.seeds.iter().map(u64::to_string).collect()),
            ("parameters/contest_toml".to_string(), vec![contest.settings.text().to_string()]),
            ("parameters/contest".to_string(), vec![self.identity.to_string()]),
        ];
        (datasets, names)
    }

    /// Writes `results.h5`, `results.json`, `results.md`, the page `results.html` and `timing.json` into a folder.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let (datasets, names) = self.datasets();
        let provenance = Provenance { version: env!("CARGO_PKG_VERSION").to_string(), ..Provenance::default() };
        write_datasets(&folder.join("results.h5"), &datasets, &names, &provenance)?;
        let write = |name: &str, text: String| crate::error::write_whole(&folder.join(name), text);
        let json = self.json();
        write("results.json", format!("{json:#}\n"))?;
        write("results.html", crate::report::of_contest(&json))?;
        let against = &self.contest.entrants[self.contest.against].name;
        let head = format!(
            "# {}\n\nMean ± sd over {} seeds; in brackets the 95 % interval of the mean difference from {against}, seed by seed.\n\n",
            self.contest.title,
            self.contest.seeds.len()
        );
        write("results.md", head + &self.table(Style::Markdown) + &self.broke())?;
        let names = self.contest.entrants.iter().map(|entrant| entrant.name.clone());
        let times: serde_json::Map<String, Value> =
            names.zip(self.timing).map(|(name, time)| (name, json!(time))).collect();
        Ok(write("timing.json", format!("{:#}\n", json!({ "unit": "s", "step": times })))?)
    }
}

fn curve_of_imitation(entry: &Entry) -> &Vec<f64> {
    &entry.imitation
}

fn curve_of_reward(entry: &Entry) -> &Vec<f64> {
    &entry.reward
}
