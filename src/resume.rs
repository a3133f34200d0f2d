//! What a run that goes on from a recording takes out of it: whether it is the same run, and how the worm has moved.

use std::collections::BTreeMap;

use crate::error::{Problem, Problems};
use crate::pose::Pose;
use crate::recording::{Provenance, Recorded};
use crate::snapshot::pose_of;

/// Whether a recording is of the run that `now` tells of: by this version, from the same files.
///
/// # Errors
/// Every file that has changed, or is no longer part of it.
pub fn check_origin(old: &mut Recorded, now: &Provenance) -> Result<(), Problems> {
    let mut problems = Problems::new();
    let version = old.texts("parameters/version")?.concat();
    if version != now.version {
        let message = format!("the recording is by version {version}, this is {}", now.version);
        problems.push(Problem::new(message).help("another version computes other bits: go on with the one that began"));
    }
    let known: BTreeMap<String, String> =
        old.texts("parameters/files/path")?.into_iter().zip(old.texts("parameters/files/sha256")?).collect();
    for (path, hash) in &now.files {
        match known.get(path) {
            Some(known) if known == hash => {}
            Some(_) => {
                let problem = Problem::new(format!("{path}: the file has changed since the run began"));
                problems.push(problem.help("put it back as it was to go on, or begin anew"));
            }
            None => problems.push(Problem::new(format!("{path}: the file was no part of the run that was recorded"))),
        }
    }
    problems.or_ok(())
}

/// The command line of the run that a recording is of.
///
/// # Errors
/// A recording without one.
pub fn command_line(old: &mut Recorded) -> Result<Vec<String>, Problem> {
    old.texts("parameters/argv")
}

/// How the worm lay in the first frames of a recording.
pub(crate) fn poses(old: &mut Recorded, frames: usize) -> Result<Vec<Pose>, Problem> {
    let (times, centers) = (old.times()?, old.centers()?);
    let (length, volume) = (old.values("observables/relative_length")?, old.values("observables/relative_volume")?);
    let (midline, curvature) = (old.values("observables/midline")?, old.values("observables/curvature")?);
    let complete = [times.len(), centers.len(), length.data.len(), volume.data.len()].iter().all(|had| *had >= frames)
        && [&midline, &curvature].iter().all(|values| values.shape[0] >= frames);
    if !complete {
        return Err(Problem::new("the recording lacks frames that its checkpoint speaks of"));
    }
    let pose = |frame: usize| {
        let relative = [length.data[frame], volume.data[frame]];
        let points = midline.frame(frame).as_chunks::<3>().0;
        pose_of(times[frame], points, curvature.frame(frame), centers[frame], relative)
    };
    Ok((0..frames).map(pose).collect())
}
