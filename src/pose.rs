//! How a worm lies at one moment: what its gait is taken from, whether it was simulated or recorded.

use crate::body::particles::Vec3;

/// One moment of a moving worm.
#[derive(Debug, Clone, PartialEq)]
pub struct Pose {
    /// Time [s].
    pub time: f64,
    /// Curvature at equal distances from head to tail [1/m].
    pub curvature: Vec<f64>,
    /// Extent of the body across its heading [m].
    pub width: f64,
    /// Centre of mass [m].
    pub center: Vec3,
    /// Tip of the head [m].
    pub head: Vec3,
    /// From the middle of the rear half to the middle of the front half [m].
    pub heading: Vec3,
    /// Arc length [m].
    pub length: f64,
    /// Arc length over that at rest.
    pub relative_length: f64,
    /// Volume over that at rest.
    pub relative_volume: f64,
}

impl Pose {
    /// The heading of a midline, head to tail [m]: from the middle of its rear half to that of its front half; and its
    /// extent in the plane across that [m].
    pub fn heading_and_width(points: &[Vec3]) -> (Vec3, f64) {
        let (front, rear) = points.split_at(points.len() / 2);
        let mean = |points: &[Vec3]| points.iter().sum::<Vec3>() / points.len() as f64;
        let heading = mean(front) - mean(rear);
        let across = Vec3::new(-heading.y, heading.x, 0.0).try_normalize(0.0).unwrap_or_else(Vec3::zeros);
        let along = points.iter().map(|point| point.dot(&across));
        let [low, high] = along.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
        (heading, high - low)
    }
}
