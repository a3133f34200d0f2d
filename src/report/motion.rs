//! How the worm moves: midline, curvature, path, speed, gait, and what its muscles do.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::packed::{packed, stride};
use super::{damaged, series};
use crate::error::{Problem, Problems};
use crate::gait::{Gait, Quantity, frames_of_cycle, speeds};
use crate::names::{Quadrant, muscle_place};
use crate::pose::Pose;
use crate::recording::{Recorded, Values};
use crate::run::SETTLING;
use crate::snapshot::pose_of;

/// Most frames of a series that a page keeps: more than a screen has columns.
const MOST_FRAMES: usize = 2000;

/// Fewest points of a midline along which a body can be drawn.
const FEWEST_POINTS: usize = 5;

/// A worm's midline over time.
pub(super) struct Motion {
    /// Time of every frame [s].
    pub(super) times: Vec<f64>,
    /// Head to tail in every frame [m].
    pub(super) midline: Values,
    curvature: Values,
    poses: Vec<Pose>,
}

impl Motion {
    /// Reads what every page needs.
    ///
    /// # Errors
    /// All of it that is missing or does not fit together.
    pub(super) fn read(recorded: &mut Recorded, path: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let mut kept = |read: Result<Values, Problem>| read.map_err(|problem| problems.push(problem)).ok();
        let midline = kept(series(recorded, path, "observables/midline"));
        let curvature = kept(series(recorded, path, "observables/curvature"));
        let times = recorded.times().map_err(|problem| problems.push(problem)).ok();
        let centers = recorded.centers().map_err(|problem| problems.push(problem)).ok();
        problems.or_ok(())?;
        let (Some(midline), Some(curvature), Some(times), Some(centers)) = (midline, curvature, times, centers) else {
            return Err(damaged(path, "the worm's motion cannot be read").into());
        };
        let points = midline.shape[1];
        if midline.shape != [midline.shape[0], points, 3] || points < FEWEST_POINTS {
            let message = format!("{}: its midline has {points} points, so what moved is no worm", path.display());
            return Err(Problem::new(message).help("name the recording of a worm").into());
        }
        // A run that was killed may have one more of some than of others.
        let frames = times.len().min(midline.shape[0]).min(curvature.shape[0]).min(centers.len());
        if frames < 2 {
            let message = format!("{}: {frames} frames are too few to move", path.display());
            return Err(Problem::new(message).help("run it longer, or record more often: `recording.interval`").into());
        }
        let times = times[..frames].to_vec();
        if !times.windows(2).all(|pair| pair[0] < pair[1]) || !times.iter().all(|time| time.is_finite()) {
            return Err(damaged(path, "the times of its frames do not grow").into());
        }
        let mut relative = |name: &str| recorded.values(name).ok().filter(|values| values.data.len() >= frames);
        let (length, volume) = (relative("observables/relative_length"), relative("observables/relative_volume"));
        let of = |values: &Option<Values>, frame: usize| values.as_ref().map_or(1.0, |values| values.data[frame]);
        let poses = (0..frames)
            .map(|frame| {
                let points = midline.frame(frame).as_chunks().0;
                let relative = [of(&length, frame), of(&volume, frame)];
                pose_of(times[frame], points, curvature.frame(frame), centers[frame], relative)
            })
            .collect();
        Ok(Self { times, midline, curvature, poses })
    }

    fn stride(&self) -> usize {
        stride(self.times.len(), MOST_FRAMES)
    }

    /// Rows of a series at the frames that are kept.
    fn thinned(&self, values: &Values) -> Value {
        let width: usize = values.shape[1..].iter().product();
        let rows = || (0..self.times.len()).step_by(self.stride());
        let kept: Vec<f32> = rows().flat_map(|frame| values.frame(frame).iter().copied()).collect();
        packed(&kept, &[rows().count(), width])
    }

    /// What the page is given.
    pub(super) fn json(&self) -> Value {
        let last = self.times[self.times.len() - 1];
        let gait = Gait::of(&self.poses, SETTLING * last);
        let frequency = gait.as_ref().ok().and_then(|gait| gait.frequency);
        let line = |speeds: Vec<[f64; 2]>| {
            let step = stride(speeds.len(), MOST_FRAMES);
            let (times, speeds): (Vec<f64>, Vec<f64>) = speeds.into_iter().step_by(step).map(|[t, v]| (t, v)).unzip();
            json!({ "time": times, "speed": speeds })
        };
        let kept = || self.poses.iter().step_by(self.stride());
        let cycle = frequency.map(|_| line(speeds(&self.poses, frames_of_cycle(&self.poses, frequency))));
        json!({
            "time": kept().map(|pose| pose.time).collect::<Vec<f64>>(),
            "frames": self.times.len(),
            "stride": self.stride(),
            "midline": self.thinned(&self.midline),
            "curvature": self.thinned(&self.curvature),
            "center": kept().map(|pose| [pose.center.x, pose.center.y, pose.center.z]).collect::<Vec<_>>(),
            "length": self.poses.iter().map(|pose| pose.length).sum::<f64>() / self.poses.len() as f64,
            "speed": line(speeds(&self.poses, 1)),
            "cycle_speed": cycle,
            "settled": SETTLING * last,
            "gait": match &gait {
                Ok(gait) => told(gait),
                Err(short) => json!({ "why": short.to_string() }),
            },
        })
    }
}

fn told(gait: &Gait) -> Value {
    let quantities = Quantity::ALL.iter();
    let mut values: Map<String, Value> =
        quantities.map(|(name, quantity, _)| (name.to_string(), quantity.of(gait).into())).collect();
    values.insert("wave".to_string(), gait.wave.to_string().into());
    values.insert("class".to_string(), gait.class().to_string().into());
    values.insert("length_range".to_string(), gait.length.to_vec().into());
    values.insert("volume_range".to_string(), gait.volume.to_vec().into());
    Value::from(values)
}

/// The activation of muscles over time, each with its quadrant and row from the head; null where there is none.
pub(super) fn muscles(recorded: &mut Recorded, path: &Path, motion: &Motion) -> Result<Value, Problem> {
    const NAME: &str = "observables/muscle_activation";
    if !recorded.has(&format!("{NAME}/value")) {
        return Ok(Value::Null);
    }
    let (values, names) = (series(recorded, path, NAME)?, recorded.texts("parameters/names/muscles")?);
    if values.shape != [values.shape[0], names.len()] || values.shape[0] < motion.times.len() {
        let message = format!("{NAME} has the shape {:?} for {} muscles", values.shape, names.len());
        return Err(damaged(path, &message));
    }
    let place = |name: &String| {
        muscle_place(name).map(|(quadrant, row)| {
            let number = Quadrant::ALL.iter().position(|other| *other == quadrant);
            json!([number, row - 1])
        })
    };
    Ok(json!({
        "names": names,
        "places": names.iter().map(place).collect::<Vec<_>>(),
        "activation": motion.thinned(&values),
    }))
}
