//! What a recording has of a worm: the parts of its body that stay, and one frame in single precision.

use crate::body::particles::Vec3;
use crate::error::Error;
use crate::pose::Pose;
use crate::proprioception::Sense;
use crate::recording::{Extra, Frame, Recording, Species};
use crate::worm::Worm;

/// Points of the recorded midline. Source: the 49 points that worm trackers use.
pub(crate) const MIDLINE_POINTS: usize = 49;

/// The parts of a body that stay, as the recording wants them.
pub(crate) struct Shape {
    pub(crate) species: Vec<Species>,
    pub(crate) mass: Vec<f32>,
    pub(crate) springs: Vec<[u32; 2]>,
    pub(crate) triangles: Vec<[u32; 3]>,
    pub(crate) dry: bool,
}

impl Shape {
    pub(crate) fn of(worm: &Worm) -> Self {
        let body = worm.body();
        let count = body.position().len();
        let (tissue, mass) = body.tissue_and_mass();
        let species = |i| if i < tissue { Species::Elastic } else { Species::Liquid };
        Self {
            species: (0..count).map(species).collect(),
            mass: vec![mass as f32; count],
            springs: body.springs(),
            triangles: body.triangles(),
            dry: body.density_and_pressure().0.is_empty(),
        }
    }
}

/// Quantities of every run beside the usual ones; `traced` are the names of what is recorded of a policy's inside.
pub(crate) fn extras(traced: &[String]) -> Vec<Extra> {
    let extra =
        |name: &str, unit: &str| Extra { name: name.to_string(), unit: unit.to_string(), width: 1, labels: Vec::new() };
    let policy = Extra { width: traced.len(), labels: traced.to_vec(), ..extra("policy", "") };
    let always = [extra("relative_length", ""), extra("relative_volume", ""), extra("mean_pressure", "Pa")];
    always.into_iter().chain((!traced.is_empty()).then_some(policy)).collect()
}

/// One frame with its numbers in single precision.
pub(crate) struct Snapshot {
    step: i64,
    time: f64,
    position: Vec<[f32; 3]>,
    velocity: Vec<[f32; 3]>,
    density: Vec<f32>,
    pressure: Vec<f32>,
    midline: Vec<[f32; 3]>,
    curvature: Vec<f32>,
    activation: Vec<f32>,
    center: [f64; 3],
    senses: Vec<f32>,
    extras: [f32; 3],
    policy: Vec<f32>,
}

impl Snapshot {
    pub(crate) fn of(worm: &Worm) -> Self {
        let body = worm.body();
        let points = |list: &[Vec3]| list.iter().map(|p| [p.x as f32, p.y as f32, p.z as f32]).collect();
        let single = |list: &[f64]| list.iter().map(|x| *x as f32).collect();
        let center = body.center_of_mass();
        let felt = worm.felt();
        let (density, pressure) = body.density_and_pressure();
        Self {
            step: worm.steps() as i64,
            time: worm.time(),
            position: points(body.position()),
            velocity: points(body.velocity()),
            density: single(&density),
            pressure: single(&pressure),
            midline: points(&body.midline().resampled(MIDLINE_POINTS)),
            curvature: single(&body.midline().curvature_at(MIDLINE_POINTS)),
            activation: single(worm.activation()),
            center: [center.x, center.y, center.z],
            senses: Sense::all().into_iter().map(|(_, sense)| sense.of(felt) as f32).collect(),
            extras: [body.relative_length() as f32, body.relative_volume() as f32, body.mean_pressure() as f32],
            policy: single(&worm.traced()),
        }
    }

    /// The pose as the recording has it, so that a run that was resumed has the gait of one that never stopped.
    pub(crate) fn pose(&self) -> Pose {
        let [relative_length, relative_volume, _] = self.extras;
        pose_of(self.time, &self.midline, &self.curvature, self.center, [relative_length, relative_volume])
    }

    pub(crate) fn append(&self, recording: &mut Recording) -> Result<(), Error> {
        let mut extras: Vec<&[f32]> = self.extras.iter().map(std::slice::from_ref).collect();
        extras.extend((!self.policy.is_empty()).then_some(&self.policy[..]));
        recording.frame(&Frame {
            step: self.step,
            time: self.time,
            position: &self.position,
            velocity: &self.velocity,
            density: &self.density,
            pressure: &self.pressure,
            midline: &self.midline,
            curvature: &self.curvature,
            activation: &self.activation,
            center_of_mass: self.center,
            senses: &self.senses,
            extras: &extras,
        })
    }
}

/// A pose from the numbers of a frame.
pub(crate) fn pose_of(
    time: f64,
    midline: &[[f32; 3]],
    curvature: &[f32],
    [x, y, z]: [f64; 3],
    [relative_length, relative_volume]: [f32; 2],
) -> Pose {
    let points: Vec<Vec3> = midline.iter().map(|point| Vec3::from(point.map(f64::from))).collect();
    let (heading, width) = Pose::heading_and_width(&points);
    Pose {
        time,
        curvature: curvature.iter().copied().map(f64::from).collect(),
        center: Vec3::new(x, y, z),
        head: points[0],
        heading,
        width,
        length: points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum(),
        relative_length: f64::from(relative_length),
        relative_volume: f64::from(relative_volume),
    }
}
