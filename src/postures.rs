//! Shapes and turns of a worm over time: how much of them worms' own shapes hold, how it bends, turns, and backs up.
//!
//!   θ(s) = ∫ κ ds − mean                                         tangent angle along the body [rad]
//!   share of eigenworms = Σ_t Σ_m (θ·e_m)² / Σ_t |θ|²            e_m the first four of N2, orthonormal
//!   bend of a third = rms over time of its change of θ           [rad]
//!   omega turn: θ spans more than π somewhere in the body
//!   reversal: half a second or more tail first, by 5 % of the body or more
//!   path curvature = change of the path's direction / its length, of the centre of mass in the mean over a cycle [1/m]
//!
//! Source: Stephens et al. 2008, doi:10.1371/journal.pcbi.1000028 (eigenworms); Brown et al. 2013,
//! doi:10.1073/pnas.1211447110 (theirs of N2); Yemini et al. 2013, doi:10.1038/nmeth.2560, and Tierpsy Tracker's list of
//! outputs (half a second, and 5 % of the body, of a reversal). What counts as an omega turn is our choice: crawling worms
//! span half of π.

use std::f64::consts::PI;

use crate::body::particles::Vec3;
use crate::pose::Pose;

/// The eigenworms, as their file has them.
const EIGENWORMS: &str = include_str!("../models/eigenworms.csv");

/// Places along the body at which eigenworms have a value.
const PLACES: usize = 48;

/// Shortest time tail first that counts as a reversal [s].
const SHORTEST_REVERSAL: f64 = 0.5;

/// Least way tail first that counts as a reversal, over body length.
const LEAST_REVERSAL: f64 = 0.05;

/// Shortest time that counts as an omega turn [s]: a frame that a tracker saw wrongly is none.
const SHORTEST_TURN: f64 = 0.25;

/// Window over which the speed is taken that tells forward from backward [s].
const WINDOW: f64 = 0.5;

/// Shapes and turns of one movement.
#[derive(Debug, Clone, PartialEq)]
pub struct Postures {
    /// Part of the squared tangent angle that four eigenworms hold, 0 … 1; none for a worm that is straight.
    pub eigenworms: Option<f64>,
    /// Root mean square over time of the angle by which the front, middle and rear third are bent [rad].
    pub bends: [f64; 3],
    /// Mean speed of the head's tip [m/s].
    pub head_speed: f64,
    /// How much the path bends to the left, seen from above; none for a worm that hardly moves [1/m].
    pub path_curvature: Option<f64>,
    /// Omega turns.
    pub omega_turns: usize,
    /// Times that it backed up.
    pub reversals: usize,
}

impl Postures {
    /// Those of a movement whose undulation has this frequency [Hz].
    pub fn of(poses: &[Pose], frequency: Option<f64>) -> Self {
        let angles: Vec<Vec<f64>> = poses.iter().map(tangent).collect();
        Self {
            eigenworms: eigenworms(&angles),
            bends: [0, 1, 2].map(|third| bend(&angles, third)),
            head_speed: mean_speed(poses, |pose| pose.head),
            path_curvature: path_curvature(poses, frequency),
            omega_turns: omega_turns(poses, &angles),
            reversals: reversals(poses),
        }
    }
}

/// Angle of the tangent at the edges of all places, from the head's tip to the tail's, less its mean [rad].
fn tangent(pose: &Pose) -> Vec<f64> {
    let pitch = pose.length / pose.curvature.len() as f64;
    let mut angles = vec![0.0];
    for curvature in &pose.curvature {
        angles.push(angles[angles.len() - 1] + curvature * pitch);
    }
    let mean = angles.iter().sum::<f64>() / angles.len() as f64;
    angles.iter_mut().for_each(|angle| *angle -= mean);
    angles
}

/// A line at equal places, at as many others.
fn resampled(line: &[f64], count: usize) -> Vec<f64> {
    let last = line.len() - 1;
    let value = |k: usize| {
        let at = k as f64 * last as f64 / (count - 1) as f64;
        let before = (at as usize).min(last.saturating_sub(1));
        let part = at - before as f64;
        line[before] * (1.0 - part) + line[(before + 1).min(last)] * part
    };
    (0..count).map(value).collect()
}

fn eigenworms(angles: &[Vec<f64>]) -> Option<f64> {
    let rows = EIGENWORMS.lines().filter(|line| !line.starts_with('#'));
    let modes: Vec<Vec<f64>> =
        rows.map(|row| row.split(',').filter_map(|number| number.parse().ok()).collect()).collect();
    let (mut held, mut all) = (0.0, 0.0);
    for line in angles {
        let mut shape = resampled(line, PLACES);
        let mean = shape.iter().sum::<f64>() / PLACES as f64;
        shape.iter_mut().for_each(|angle| *angle -= mean);
        all += shape.iter().map(|angle| angle * angle).sum::<f64>();
        held += modes.iter().map(|mode| mode.iter().zip(&shape).map(|(a, b)| a * b).sum::<f64>().powi(2)).sum::<f64>();
    }
    (all > 0.0).then(|| held / all)
}

fn bend(angles: &[Vec<f64>], third: usize) -> f64 {
    let of_frame = |line: &Vec<f64>| {
        let last = line.len() - 1;
        line[(third + 1) * last / 3] - line[third * last / 3]
    };
    (angles.iter().map(|line| of_frame(line).powi(2)).sum::<f64>() / angles.len() as f64).sqrt()
}

fn mean_speed(poses: &[Pose], point: impl Fn(&Pose) -> Vec3) -> f64 {
    let way: f64 = poses.windows(2).map(|pair| (point(&pair[1]) - point(&pair[0])).norm()).sum();
    way / (poses[poses.len() - 1].time - poses[0].time)
}

/// Frames in a time [s], at least one.
fn frames(poses: &[Pose], time: f64) -> usize {
    let recorded = poses[poses.len() - 1].time - poses[0].time;
    ((time / recorded * (poses.len() - 1) as f64).round() as usize).clamp(1, poses.len() - 1)
}

fn path_curvature(poses: &[Pose], frequency: Option<f64>) -> Option<f64> {
    let cycle = frames(poses, frequency.map_or(WINDOW, f64::recip));
    let mut sum: Vec3 = poses[..cycle].iter().map(|pose| pose.center).sum();
    let mut path = vec![sum / cycle as f64];
    for k in cycle..poses.len() {
        sum += poses[k].center - poses[k - cycle].center;
        path.push(sum / cycle as f64);
    }
    // Directions of steps of a quarter of a cycle: of single frames they would be rounding.
    let points: Vec<Vec3> = path.into_iter().step_by((cycle / 4).max(1)).collect();
    let steps: Vec<Vec3> = points.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let length: f64 = steps.iter().map(|step| step.norm()).sum();
    let least = LEAST_REVERSAL * poses[0].length;
    let turned: f64 = steps.windows(2).map(|pair| left_turn(&pair[0], &pair[1])).sum();
    (steps.len() > 1 && length > least).then(|| turned / length)
}

/// Angle from one direction in the plane to the next, to the left [rad].
fn left_turn(from: &Vec3, to: &Vec3) -> f64 {
    libm::atan2(from.x * to.y - from.y * to.x, from.x * to.x + from.y * to.y)
}

fn omega_turns(poses: &[Pose], angles: &[Vec<f64>]) -> usize {
    let spans = |line: &Vec<f64>| {
        let [low, high] =
            line.iter().fold([f64::MAX, f64::MIN], |[low, high], angle| [low.min(*angle), high.max(*angle)]);
        high - low > PI
    };
    let deep: Vec<bool> = angles.iter().map(spans).collect();
    stretches(&deep).filter(|[first, end]| poses[end - 1].time - poses[*first].time >= SHORTEST_TURN).count()
}

fn reversals(poses: &[Pose]) -> usize {
    let half = frames(poses, 0.5 * WINDOW);
    let back: Vec<f64> = (0..poses.len())
        .map(|k| {
            let (first, last) = (&poses[k.saturating_sub(half)], &poses[(k + half).min(poses.len() - 1)]);
            let ahead = poses[k].heading.try_normalize(0.0).unwrap_or_else(Vec3::zeros);
            -(last.center - first.center).dot(&ahead) / (last.time - first.time)
        })
        .collect();
    let backing: Vec<bool> = back.iter().map(|speed| *speed > 0.0).collect();
    let counts = |[first, end]: &[usize; 2]| {
        let time = poses[end - 1].time - poses[*first].time;
        let speed = back[*first..*end].iter().sum::<f64>() / (end - first) as f64;
        time >= SHORTEST_REVERSAL && speed * time >= LEAST_REVERSAL * poses[0].length
    };
    stretches(&backing).filter(counts).count()
}

/// First and end of every stretch of true.
fn stretches(flags: &[bool]) -> impl Iterator<Item = [usize; 2]> + '_ {
    let starts = (0..flags.len()).filter(|k| flags[*k] && (*k == 0 || !flags[k - 1]));
    starts.map(|first| [first, flags[first..].iter().position(|flag| !flag).map_or(flags.len(), |n| first + n)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worm of 1 mm, 50 frames a second: its curvature at a place (0 … 1) and its centre and heading at a time [s].
    fn worm(seconds: f64, bend: impl Fn(f64, f64) -> f64, way: impl Fn(f64) -> (Vec3, Vec3)) -> Vec<Pose> {
        (0..=(50.0 * seconds) as usize)
            .map(|k| {
                let time = 0.02 * k as f64;
                let (center, heading) = way(time);
                Pose {
                    time,
                    curvature: (0..49).map(|place| bend((f64::from(place) + 0.5) / 49.0, time)).collect(),
                    center,
                    head: center + heading * 0.5,
                    width: 2e-4,
                    heading: heading * 1e-3,
                    length: 1e-3,
                    relative_length: 1.0,
                    relative_volume: 1.0,
                }
            })
            .collect()
    }

    fn straight(speed: f64) -> impl Fn(f64) -> (Vec3, Vec3) {
        move |time| (Vec3::new(speed * time, 0.0, 0.0), Vec3::new(1.0, 0.0, 0.0))
    }

    #[test]
    fn a_worm_in_the_shape_of_an_eigenworm_is_held_by_them_and_a_fast_ripple_is_not() {
        let wave = |cycles: f64| move |s: f64, _: f64| 7e3 * (2.0 * PI * cycles * s).cos();
        let crawl = Postures::of(&worm(2.0, wave(1.5), straight(0.0)), None);
        let ripple = Postures::of(&worm(2.0, wave(6.0), straight(0.0)), None);
        assert!(crawl.eigenworms.expect("bent") > 0.9, "{crawl:?}");
        assert!(ripple.eigenworms.expect("bent") < 0.2, "{ripple:?}");
        assert_eq!(Postures::of(&worm(2.0, |_, _| 0.0, straight(0.0)), None).eigenworms, None);
    }

    #[test]
    fn the_bend_of_a_third_is_its_curvature_times_its_length() {
        let bends = Postures::of(&worm(2.0, |s, _| if s > 0.67 { 3e3 } else { 0.0 }, straight(0.0)), None).bends;
        assert_eq!(bends[0], 0.0);
        assert!((bends[2] / 1.0 - 1.0).abs() < 0.05, "{bends:?}");
    }

    #[test]
    fn a_worm_that_backs_up_between_two_crawls_has_one_reversal() {
        // 0.2 mm/s forward, back for 2 s from 4 s on, forward again.
        let way = |time: f64| {
            let x = 2e-4 * (time.min(4.0) - (time - 4.0).clamp(0.0, 2.0) + (time - 6.0).max(0.0));
            (Vec3::new(x, 0.0, 0.0), Vec3::new(1.0, 0.0, 0.0))
        };
        let postures = Postures::of(&worm(10.0, |_, _| 0.0, way), None);
        assert_eq!((postures.reversals, postures.omega_turns), (1, 0));
        // 5 % of the body within a crawl is a reversal, less is not.
        assert_eq!(Postures::of(&worm(2.0, |_, _| 0.0, straight(2e-4)), None).reversals, 0);
        assert_eq!(Postures::of(&worm(2.0, |_, _| 0.0, straight(-1e-5)), None).reversals, 0);
    }

    #[test]
    fn a_worm_whose_head_meets_its_tail_turns_once() {
        let bend = |_: f64, time: f64| if (2.0..4.0).contains(&time) { 5e3 } else { 1e3 };
        assert_eq!(Postures::of(&worm(6.0, bend, straight(2e-4)), None).omega_turns, 1);
    }

    #[test]
    fn a_path_along_a_circle_has_its_curvature_to_the_left() {
        // A circle of 2 mm, counter-clockwise, at 0.2 mm/s.
        let way = |time: f64| {
            let angle = 0.1 * time;
            (Vec3::new(angle.sin(), -angle.cos(), 0.0) * 2e-3, Vec3::new(angle.cos(), angle.sin(), 0.0))
        };
        let postures = Postures::of(&worm(10.0, |_, _| 0.0, way), Some(0.5));
        assert!((postures.path_curvature.expect("it moves") / 500.0 - 1.0).abs() < 0.1, "{postures:?}");
        assert!(postures.head_speed > 2e-4, "{postures:?}");
    }
}
