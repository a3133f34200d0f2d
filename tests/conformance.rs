//! LEMS cases: each runs from its file and meets a reference that was not made by this program, within its tolerance.
//!
//! Our own cases are in `tests/conformance/`, written with their references by `make.py` there; a tolerance that is wider
//! than the error of the scheme says why in `note`. The larger suite runs where the environment variable
//! NEMATODE_CONFORMANCE names its folder, as in `.ci/run`; its tolerances are wide enough for forward Euler.

use std::path::{Path, PathBuf};

use nematode::lems::{self, Changes};
use serde_json::Value;

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// Rows of numbers.
fn table(path: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows = text.lines().map(|line| line.split_whitespace().map_while(|word| word.parse().ok()).collect());
    rows.filter(|row: &Vec<f64>| !row.is_empty()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect()).unwrap_or_default()
}

/// Linear interpolation in rows sorted by their first number.
fn interpolate(rows: &[Vec<f64>], column: usize, time: f64) -> f64 {
    let after = rows.partition_point(|row| row[0] < time).clamp(1, rows.len() - 1);
    let (a, b) = (&rows[after - 1], &rows[after]);
    let part = ((time - a[0]) / (b[0] - a[0])).clamp(0.0, 1.0);
    a[column] + part * (b[column] - a[column])
}

/// The largest difference of two lists of times [ms], leaving out what is nearer to the end than the tolerance.
fn times_differ(expected: &[f64], found: &[f64], tolerance: f64, end: f64) -> f64 {
    let inside =
        |times: &[f64]| -> Vec<f64> { times.iter().copied().filter(|time| *time <= end - tolerance).collect() };
    let (expected, found) = (inside(expected), inside(found));
    if expected.len() != found.len() {
        return f64::INFINITY;
    }
    expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The error of one check and its tolerance.
fn measure(check: &Value, case: &Value, folder: &Path, out: &Path) -> (f64, f64) {
    let expected = json(&folder.join("expect.json"));
    let end = case["length_ms"].as_f64().expect("a length");
    let column = |name: &Value| {
        let columns = case["columns"].as_array().expect("columns");
        1 + columns.iter().position(|known| known == name).expect("a column")
    };
    let rows = table(&out.join("out.dat"));
    match check["type"].as_str().expect("a type") {
        "events" => {
            let id = check["id"].as_str().expect("an id");
            let spikes = table(&out.join("out.spikes"));
            let own = spikes.iter().filter(|row| row[0] == id.parse::<f64>().expect("a number"));
            let found: Vec<f64> = own.map(|row| row[1] * 1e3).collect();
            let tolerance = check["tol_ms"].as_f64().expect("a tolerance");
            (times_differ(&numbers(&expected["events"][id]), &found, tolerance, end), tolerance)
        }
        "crossings" => {
            let (k, threshold) = (column(&check["col"]), check["thr"].as_f64().expect("a threshold"));
            let mut found = Vec::new();
            for pair in rows.windows(2).filter(|pair| pair[0][k] <= threshold && pair[1][k] > threshold) {
                let part = (threshold - pair[0][k]) / (pair[1][k] - pair[0][k]);
                found.push(1e3 * (pair[0][0] + part * (pair[1][0] - pair[0][0])));
            }
            let name = check["col"].as_str().expect("a name");
            let tolerance = check["tol_ms"].as_f64().expect("a tolerance");
            (times_differ(&numbers(&expected["crossings"][name]), &found, tolerance, end), tolerance)
        }
        "trace" => {
            let reference = table(&folder.join("expect.tsv"));
            let names = expected["tsv_columns"].as_array().expect("columns");
            let from = 1 + names.iter().position(|known| *known == check["col"]).expect("a column");
            let start = check["t0"].as_f64().unwrap_or(0.0) * 1e-3;
            let window = check["win"].as_f64().map(|window| window * 1e-3);
            let excluded = numbers(&expected["exclude"]);
            let last = rows.last().expect("rows")[0] + 1e-12;
            let mut errors = Vec::new();
            for row in reference.iter().filter(|row| row[0] >= start && row[0] <= last) {
                let near = |window: f64| excluded.iter().any(|time| (row[0] - time * 1e-3).abs() <= window);
                if window.is_some_and(near) {
                    continue;
                }
                let difference = interpolate(&rows, column(&check["col"]), row[0]) - row[from];
                let scale = if check.get("tol_rel").is_some() { row[from].abs().max(1e-300) } else { 1.0 };
                errors.push((difference / scale).abs());
            }
            assert!(errors.len() > 5, "too few points to compare");
            let tolerance = check["tol_rel"].as_f64().or(check["tol_abs"].as_f64()).expect("a tolerance");
            let error = if check["metric"] == "rms" {
                (errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64).sqrt()
            } else {
                errors.iter().fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(*b) })
            };
            (error, tolerance)
        }
        statistics => {
            let spikes = table(&out.join("out.spikes"));
            let ids = numbers(&check["ids"]);
            let trains = (ids[0] as u64..ids[1] as u64).map(|id| -> Vec<f64> {
                let own = spikes.iter().filter(|row| row[0] == id as f64);
                own.map(|row| row[1]).collect()
            });
            let trains: Vec<Vec<f64>> = trains.collect();
            let gaps: Vec<f64> =
                trains.iter().flat_map(|train| train.windows(2).map(|pair| pair[1] - pair[0])).collect();
            let count = trains.iter().map(Vec::len).sum::<usize>() as f64;
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            let given = |name: &str| check[name].as_f64().expect("a number");
            match statistics {
                "rate" => {
                    let expected = given("rate") * end * 1e-3 * trains.len() as f64;
                    ((count - expected).abs() / expected.sqrt(), given("nsigma"))
                }
                "cv" => ((variance.sqrt() / mean - given("cv")).abs(), given("tol")),
                // How much the shortest gap falls short [ms].
                "min_isi" => ((given("ms") - 1e3 * gaps.iter().copied().fold(f64::INFINITY, f64::min)).max(0.0), 0.0),
                other => panic!("unknown check {other}"),
            }
        }
    }
}

/// Runs all cases of a folder, one line for each check; gives how many cases there are and what went wrong.
fn run_all(folder: &Path) -> (usize, Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let mut failures = Vec::new();
    for folder in &folders {
        let case = json(&folder.join("case.json"));
        let id = case["id"].as_str().expect("an id").to_string();
        let out = tempfile::tempdir().expect("a folder");
        let result = lems::run(&folder.join(case["lems"].as_str().expect("a file")), out.path(), Changes::default());
        if let Err(error) = result {
            println!("{id} FAILED");
            failures.push(format!("{id}: {error}"));
            continue;
        }
        for check in case["checks"].as_array().expect("checks") {
            let (error, tolerance) = measure(check, &case, folder, out.path());
            let kind = check["type"].as_str().expect("a type");
            println!("{id} {kind} {error:.3e} of {tolerance:.1e}");
            if error.is_nan() || error > tolerance {
                failures.push(format!("{id}: error {error:e} above {tolerance:e} in {check}"));
            }
        }
    }
    (folders.len(), failures)
}

#[test]
fn our_own_cases_meet_their_references() {
    let (count, failures) = run_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"));
    assert!(count >= 15, "{count} cases");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_case_of_the_suite_meets_its_reference() {
    let Some(suite) = std::env::var_os("NEMATODE_CONFORMANCE") else {
        println!("skips the suite: NEMATODE_CONFORMANCE does not say where it is");
        return;
    };
    let (count, failures) = run_all(&Path::new(&suite).join("lems"));
    assert!(count >= 46, "{count} cases");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
