//! Worms that were recorded, as poses over time: those of this engine's recordings, and those of trackers, in WCON or
//! in Tierpsy Tracker's own files.
//!
//! WCON: JSON with units; a record has the id of a worm, times, and the points of its midline at each. Points missing in a
//! frame (null) leave the frame out. Records of one worm are joined in order of time. Only the lateral frame is known,
//! so the back is taken to be to the left of who looks along the worm to its head, or where `ventral` says (CW, clockwise
//! from the head, is a belly to the right).
//!
//! Source: WCON 1.0, openworm/tracker-commons; the schema that its repository has.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::body::midline::Midline;
use crate::body::particles::Vec3;
use crate::error::{Place, Problem, Problems, read_text, write_whole};
use crate::pose::Pose;
use crate::recording::{Recorded, tierpsy};
use crate::units::{Dimension, UnitTable};

/// Points at which a worm's midline is kept. Source: the 49 points that worm trackers use.
pub const POINTS: usize = 49;

/// Fewest points of a midline that has a curvature along it.
const FEWEST_POINTS: usize = 5;

/// A worm's way.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// The worm's id.
    pub id: String,
    /// Times [s], growing.
    pub times: Vec<f64>,
    /// Its midline at each time, head to tail [m].
    pub midlines: Vec<Vec<Vec3>>,
    /// Whether the belly is to the left of the way from tail to head.
    pub belly_left: bool,
}

impl Track {
    /// How the worm lies at every time.
    pub fn poses(&self) -> Vec<Pose> {
        let lengths: Vec<f64> = self.midlines.iter().map(|points| arc(points)).collect();
        let usual = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
        let pose = |((time, points), length): ((&f64, &Vec<Vec3>), &f64)| {
            let (heading, width) = Pose::heading_and_width(points);
            let midline = Midline::through(points.clone(), &self.backs(points));
            // Evenly spaced first, for trackers' points are not; then the curvature of evenly spaced ones.
            let even = midline.resampled(POINTS);
            let backs = self.backs(&even);
            Pose {
                time: *time,
                curvature: Midline::through(even, &backs).curvature,
                center: points.iter().sum::<Vec3>() / points.len() as f64,
                head: points[0],
                heading,
                width,
                length: *length,
                relative_length: length / usual,
                relative_volume: 1.0,
            }
        };
        self.times.iter().zip(&self.midlines).zip(&lengths).map(pose).collect()
    }

    /// Which way the back is at every point.
    fn backs(&self, points: &[Vec3]) -> Vec<Vec3> {
        let last = points.len() - 1;
        let side = if self.belly_left { -1.0 } else { 1.0 };
        let back = |i: usize| {
            let ahead = points[i.saturating_sub(1)] - points[(i + 1).min(last)];
            Vec3::new(-ahead.y, ahead.x, 0.0) * side
        };
        (0..=last).map(back).collect()
    }

    /// The worm of one of this engine's recordings.
    ///
    /// # Errors
    /// A file that is no recording, or one of a network alone.
    pub fn of_recording(path: &Path) -> Result<Self, Problem> {
        let mut recorded = Recorded::open(path)?;
        let times = recorded.times()?;
        let midline = recorded.values("observables/midline")?;
        let frames = times.len().min(midline.shape[0]);
        let points = |frame: usize| -> Vec<Vec3> {
            midline.frame(frame).as_chunks::<3>().0.iter().map(|point| Vec3::from(point.map(f64::from))).collect()
        };
        let midlines = (0..frames).map(points).collect();
        // A body's back is at positive y while its head is at positive x.
        Ok(Self { id: "1".to_string(), times: times[..frames].to_vec(), midlines, belly_left: false })
    }
}

fn arc(points: &[Vec3]) -> f64 {
    points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum()
}

/// The worms of a recording of this engine or of Tierpsy Tracker (HDF5), or of a WCON file (JSON).
///
/// # Errors
/// Every problem of the file, with its place.
pub fn read(path: &Path) -> Result<Vec<Track>, Problems> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wcon")) {
        return wcon(path, &read_text(path)?);
    }
    let Some(tracked) = tierpsy::read(path)? else { return Ok(vec![Track::of_recording(path)?]) };
    let in_plane = |midline: Vec<[f64; 2]>| midline.into_iter().map(|[x, y]| Vec3::new(x, y, 0.0)).collect();
    let track = |tracked: tierpsy::Tracked| Track {
        id: tracked.worm.to_string(),
        times: tracked.times,
        midlines: tracked.midlines.into_iter().map(in_plane).collect(),
        belly_left: false,
    };
    Ok(tracked.into_iter().map(track).collect())
}

/// The worms of a WCON text; `path` is what errors name.
///
/// # Errors
/// What is no JSON, no WCON, has units of another kind, or lists of different lengths.
pub fn wcon(path: &Path, text: &str) -> Result<Vec<Track>, Problems> {
    let root: Value = serde_json::from_str(text).map_err(|error| {
        let at = Place::new(path, error.line() as u32, error.column().max(1) as u32);
        Problem::new(format!("not JSON: {error}")).at(at).help("WCON is JSON with `units` and `data`")
    })?;
    let file = |message: String| Problem::new(format!("{}: {message}", path.display()));
    let mut problems = Problems::new();
    let unit = |name: &str, dimension: Dimension, problems: &mut Problems| -> f64 {
        let Some(text) = root["units"][name].as_str() else {
            problems.push(file(format!("`units` has no \"{name}\"")).help("WCON needs the units of t, x and y"));
            return f64::NAN;
        };
        // Trackers write the units of time out.
        let text = match text {
            "seconds" | "second" | "sec" => "s",
            "minutes" | "minute" => "min",
            "hours" | "hour" => "h",
            "millimeters" | "millimetres" => "mm",
            "micrometers" | "micrometres" | "microns" | "micron" => "um",
            other => other,
        };
        UnitTable::new().parse_as(&format!("1 {text}"), dimension).unwrap_or_else(|problem| {
            problems.push(file(format!("`units`.`{name}`: {}", problem.message)));
            f64::NAN
        })
    };
    let scale = [
        unit("t", Dimension::TIME, &mut problems),
        unit("x", Dimension::LENGTH, &mut problems),
        unit("y", Dimension::LENGTH, &mut problems),
    ];
    let single;
    let records = match &root["data"] {
        Value::Array(records) => &records[..],
        record @ Value::Object(_) => {
            single = [record.clone()];
            &single
        }
        _ => {
            problems.push(file("there is no `data`".to_string()).help("give a list of records with id, t, x and y"));
            &[]
        }
    };
    let mut tracks: Vec<Track> = Vec::new();
    for (number, record) in records.iter().enumerate() {
        match of_record(record, scale) {
            Ok(mut track) => match tracks.iter_mut().find(|known| known.id == track.id) {
                Some(known) => {
                    known.times.append(&mut track.times);
                    known.midlines.append(&mut track.midlines);
                }
                None => tracks.push(track),
            },
            Err(message) => problems.push(file(format!("data[{number}]: {message}"))),
        }
    }
    for track in &mut tracks {
        let mut order: Vec<usize> = (0..track.times.len()).collect();
        order.sort_by(|a, b| track.times[*a].total_cmp(&track.times[*b]));
        track.times = order.iter().map(|at| track.times[*at]).collect();
        track.midlines = order.iter().map(|at| std::mem::take(&mut track.midlines[*at])).collect();
    }
    tracks.retain(|track| !track.times.is_empty());
    if tracks.is_empty() && problems.is_empty() {
        let problem = file("no worm with a midline is in it".to_string());
        problems
            .push(problem.help(format!("a midline has {FEWEST_POINTS} points or more at a time, none of them null")));
    }
    problems.or_ok(tracks)
}

/// The worm of one record, its frames as they stand there; t, x and y are the units in SI.
fn of_record(record: &Value, [t, x, y]: [f64; 3]) -> Result<Track, String> {
    let id = match &record["id"] {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err("a record needs an `id`".to_string()),
    };
    let list = |name: &str| -> Result<Vec<Value>, String> {
        match &record[name] {
            Value::Array(list) => Ok(list.clone()),
            Value::Number(one) => Ok(vec![Value::Number(one.clone())]),
            Value::Null => Err(format!("worm {id} has no `{name}`")),
            _ => Err(format!("`{name}` of worm {id} is no list")),
        }
    };
    let times = list("t")?;
    let per_time = |name: &str| -> Result<Vec<Value>, String> {
        let list = list(name)?;
        // One midline at one time may stand without a list around it.
        let list =
            if times.len() == 1 && list.iter().all(|item| !item.is_array()) { vec![Value::Array(list)] } else { list };
        if list.len() == times.len() {
            return Ok(list);
        }
        Err(format!("`{name}` of worm {id} has {} entries for {} times", list.len(), times.len()))
    };
    let (xs, ys) = (per_time("x")?, per_time("y")?);
    // A place to which all points of a frame are relative, or none; with a centroid, x and y are relative to that.
    let offset = |name: &str| -> Result<Vec<f64>, String> {
        if record[name].is_null() {
            return Ok(vec![0.0; times.len()]);
        }
        let list = per_time(name)?;
        Ok(list.iter().map(|item| item.as_f64().or(item[0].as_f64()).unwrap_or(f64::NAN)).collect())
    };
    let (ox, oy) = (offset("ox")?, offset("oy")?);
    let (mut found, mut midlines) = (Vec::new(), Vec::new());
    for (k, time) in times.iter().enumerate() {
        let numbers = |value: &Value| -> Option<Vec<f64>> { value.as_array()?.iter().map(Value::as_f64).collect() };
        let (Some(time), Some(xs), Some(ys)) = (time.as_f64(), numbers(&xs[k]), numbers(&ys[k])) else { continue };
        if xs.len() != ys.len() {
            return Err(format!("worm {id} has {} x for {} y at t = {time}", xs.len(), ys.len()));
        }
        let mut points: Vec<Vec3> =
            xs.iter().zip(&ys).map(|(px, py)| Vec3::new((px + ox[k]) * x, (py + oy[k]) * y, 0.0)).collect();
        if points.len() < FEWEST_POINTS || points.iter().any(|point| !point.iter().all(|x| x.is_finite())) {
            continue;
        }
        let head = record["head"].as_str().or_else(|| record["head"][k].as_str());
        // "L": the first point is the head; "R": the last one.
        if head == Some("R") {
            points.reverse();
        }
        found.push(time * t);
        midlines.push(points);
    }
    let ventral = record["ventral"].as_str().or_else(|| record["ventral"][0].as_str());
    Ok(Track { id, times: found, midlines, belly_left: ventral == Some("CCW") })
}

/// What a WCON file says of where it comes from.
pub struct Origin {
    /// The command line.
    pub command: String,
    /// Files read by it, with SHA-256.
    pub files: Vec<String>,
}

/// Writes tracks as WCON, in mm and s.
///
/// # Errors
/// A file that can't be written.
pub fn write_wcon(path: &Path, tracks: &[Track], origin: &Origin) -> Result<(), Problem> {
    let rounded = |x: f64, digits: f64| (x * digits).round() / digits;
    let data: Vec<Value> = tracks
        .iter()
        .map(|track| {
            // A tenth of a micrometre, and a microsecond: finer than any worm is known.
            let points = |axis: usize| -> Value {
                track
                    .midlines
                    .iter()
                    .map(|points| points.iter().map(|p| rounded(1e3 * p[axis], 1e4)).collect::<Vec<f64>>())
                    .collect()
            };
            let times: Vec<f64> = track.times.iter().map(|time| rounded(*time, 1e6)).collect();
            let belly = if track.belly_left { "CCW" } else { "CW" };
            json!({"id": track.id, "t": times, "x": points(0), "y": points(1), "head": "L", "ventral": belly})
        })
        .collect();
    let mut software = Map::new();
    let tracker = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
    software.insert("tracker".to_string(), tracker);
    software.insert("settings".to_string(), json!({"command": origin.command, "files": origin.files}));
    let root = json!({
        "units": {"t": "s", "x": "mm", "y": "mm"},
        "metadata": {"stage": "adult", "sex": "hermaphrodite", "software": software,
                     "protocol": "simulated; every number is in the recording"},
        "data": data,
    });
    write_whole(path, root.to_string() + "\n")
}
