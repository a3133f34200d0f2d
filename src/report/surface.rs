//! What is drawn of a body: the cuticle of particles as it was recorded, or a tube around the midline with the radii that
//! the dorsal and ventral points of rods have.

use std::collections::BTreeMap;
use std::path::Path;

use nalgebra::Vector3;
use serde_json::{Value, json};

use super::damaged;
use super::motion::Motion;
use super::packed::{packed, stride, whole};
use crate::error::Problem;
use crate::recording::Recorded;

const POSITION: &str = "particles/sph/position";

/// Most bytes of positions that all bodies of a page have together, before base 64.
const MOST_BYTES: usize = 4_000_000;

/// Largest radius over length of a body whose thickness is not recorded. Chosen by eye.
const SLENDERNESS: f64 = 1.0 / 30.0;

/// The surface of a recording, one among some on a page.
pub(super) fn of(recorded: &mut Recorded, path: &Path, motion: &Motion, among: usize) -> Result<Value, Problem> {
    let triangles = recorded.triangles()?;
    let has_particles = recorded.has(&format!("{POSITION}/value"));
    if has_particles && !triangles.is_empty() {
        return cuticle(recorded, path, motion, &triangles, among);
    }
    let points = motion.midline.shape[1];
    // Rods have no liquid, and one dorsal and one ventral point at every joint.
    if has_particles && !recorded.has("particles/sph/density/value") {
        let first = recorded.frame(POSITION, 0)?;
        let pairs = first.as_chunks::<6>().0;
        let radii: Vec<f64> = pairs
            .iter()
            .map(|[ax, ay, az, bx, by, bz]| 0.5 * f64::from(Vector3::new(ax - bx, ay - by, az - bz).norm()))
            .collect();
        if radii.len() >= 2 {
            let at = |point: usize| {
                let place = point as f64 / (points - 1) as f64 * (radii.len() - 1) as f64;
                let before = (place as usize).min(radii.len() - 2);
                let part = place - before as f64;
                radii[before] * (1.0 - part) + radii[before + 1] * part
            };
            return Ok(json!({ "kind": "tube", "radius": (0..points).map(at).collect::<Vec<_>>() }));
        }
    }
    let length: f64 =
        motion.midline.frame(0).as_chunks::<3>().0.windows(2).map(|pair| f64::from(distance(&pair[0], &pair[1]))).sum();
    let at = |point: usize| {
        let place = 2.0 * point as f64 / (points - 1) as f64 - 1.0;
        length * SLENDERNESS * (1.0 - place.powi(4)).max(0.01).sqrt()
    };
    Ok(json!({ "kind": "tube", "radius": (0..points).map(at).collect::<Vec<_>>(), "assumed": true }))
}

fn cuticle(
    recorded: &mut Recorded,
    path: &Path,
    motion: &Motion,
    triangles: &[[u32; 3]],
    among: usize,
) -> Result<Value, Problem> {
    let mut numbers: BTreeMap<u32, u16> = triangles.iter().flatten().map(|corner| (*corner, 0)).collect();
    if numbers.len() > usize::from(u16::MAX) {
        let message = format!("{}: a cuticle of {} corners is too fine for a page", path.display(), numbers.len());
        return Err(Problem::new(message).help(format!("at most {}", u16::MAX)));
    }
    for (number, of_page) in (0..).zip(numbers.values_mut()) {
        *of_page = number;
    }
    let corners: Vec<usize> = numbers.keys().map(|corner| *corner as usize).collect();
    let step = stride(motion.times.len(), MOST_BYTES / among / (6 * corners.len()));
    let mut positions = Vec::new();
    let frames: Vec<usize> = (0..motion.times.len()).step_by(step).collect();
    for frame in &frames {
        let particles = recorded.frame(POSITION, *frame)?;
        let particles = particles.as_chunks::<3>().0;
        for corner in &corners {
            let missing = || damaged(path, &format!("its cuticle names particle {corner} of {}", particles.len()));
            positions.extend(particles.get(*corner).ok_or_else(missing)?);
        }
    }
    let first = positions.as_chunks::<3>().0.iter().take(corners.len());
    let midline = motion.midline.frame(0).as_chunks::<3>().0;
    let places: Vec<f32> = first.flat_map(|point| place(midline, point)).collect();
    let triangles: Vec<u16> = triangles.iter().flatten().map(|corner| numbers[corner]).collect();
    Ok(json!({
        "kind": "cuticle",
        "triangles": whole(&triangles, &[triangles.len() / 3, 3]),
        "places": packed(&places, &[corners.len(), 2]),
        "times": frames.iter().map(|frame| motion.times[*frame]).collect::<Vec<f64>>(),
        "stride": step,
        "positions": packed(&positions, &[frames.len(), corners.len(), 3]),
    }))
}

fn distance(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    (Vector3::from(*a) - Vector3::from(*b)).norm()
}

/// Where on the body a point is: 0 head to 1 tail, and the angle around the midline [rad], 0 at the back, above zero to the
/// right.
fn place(midline: &[[f32; 3]], point: &[f32; 3]) -> [f32; 2] {
    let last = midline.len() - 1;
    let by_distance = |a: &usize, b: &usize| distance(&midline[*a], point).total_cmp(&distance(&midline[*b], point));
    let nearest = (0..=last).min_by(by_distance).unwrap_or(0);
    let ahead = Vector3::from(midline[nearest.saturating_sub(1)]) - Vector3::from(midline[(nearest + 1).min(last)]);
    let from = Vector3::from(*point) - Vector3::from(midline[nearest]);
    let spacing = distance(&midline[0], &midline[last]) / last as f32;
    let behind = -from.dot(&ahead.normalize()) / spacing.max(f32::MIN_POSITIVE);
    let back = Vector3::new(-ahead.y, ahead.x, 0.0).normalize();
    let along = ((nearest as f32 + behind) / last as f32).clamp(0.0, 1.0);
    [along, from.z.atan2(from.dot(&back))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_its_place_along_and_around_the_body() {
        // Laid down along x, its head at +x, its back at +y, its right at +z.
        let midline: Vec<[f32; 3]> = (0..5).map(|point| [1.0 - 0.25 * point as f32, 0.0, 0.0]).collect();
        for (point, expected) in [
            ([1.0, 0.1, 0.0], [0.0, 0.0]),
            ([0.4, 0.0, 0.1], [0.6, 0.5 * std::f32::consts::PI]),
            ([-0.2, 0.0, -0.1], [1.0, -0.5 * std::f32::consts::PI]),
        ] {
            let found = place(&midline, &point);
            assert!((found[0] - expected[0]).abs() + (found[1] - expected[1]).abs() < 1e-6, "{point:?}: {found:?}");
        }
    }
}
