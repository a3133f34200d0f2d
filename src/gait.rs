//! How a worm moves: speed, frequency, wavelength and direction of the wave, from its midline over time.
//!
//!   κ(s, t) ≈ a(s) + b(s) cos ωt + c(s) sin ωt         least squares; ω where the fit explains most
//!   arg (b − ic)(s) ≈ φ₀ − (2π/λ) s                    wavelength λ and direction from the slope
//!   v = (x(t + T) − x(t))·â / T                        mean over all cycles T, â from tail to head in each
//!
//! κ curvature [1/m], s arc length from the head [m], x centre of mass [m]. A fit with its own mean is exact for a
//! pure wave however few cycles there are, where a Fourier transform leaks. A positive speed is head first.
//!
//! Source: Zechmeister & Kürster 2009, doi:10.1051/0004-6361:200811296 (the fit); the quantities of `locomotion` benchmarks (Fang-Yen et al. 2010, doi:10.1073/pnas.1003016107); phase slope
//! over the middle 70 % of the body, where ends do not disturb it.

use std::f64::consts::PI;

use nalgebra::Matrix3;

use crate::body::particles::Vec3;
use crate::error::{Problem, nearest};
use crate::pose::Pose;
use crate::postures::Postures;
use crate::units::Dimension;

/// Which way the wave of bending runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wave {
    /// As in a worm that crawls forward.
    HeadToTail,
    /// As in a worm that backs up.
    TailToHead,
    /// The body hardly bends, or bends in place.
    None,
}

impl std::fmt::Display for Wave {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::HeadToTail => "head to tail",
            Self::TailToHead => "tail to head",
            Self::None => "none",
        })
    }
}

/// What a worm's movement amounts to.
#[derive(Debug, Clone, PartialEq)]
pub struct Gait {
    /// Speed of the centre of mass along the body, positive head first [m/s].
    pub forward_speed: f64,
    /// Undulation frequency [Hz]; none where there is no wave.
    pub frequency: Option<f64>,
    /// Wavelength over body length; none where there is no wave.
    pub wavelength: Option<f64>,
    /// Direction of the wave.
    pub wave: Wave,
    /// How much of the undulation is one wave that travels along the whole body: 1 for nothing else, about half for a bend
    /// that stands; none where there is no wave.
    pub travelling: Option<f64>,
    /// Root mean square of curvature times length.
    pub bending: f64,
    /// The same of what changes: curvature less its mean over time at each place.
    pub undulation: f64,
    /// The same in the rear third of the body.
    pub tail_undulation: f64,
    /// Mean arc length of the body [m].
    pub body_length: f64,
    /// Half of the body's greatest extent across its own axis, from tail to head, in the mean over time [m].
    pub amplitude: f64,
    /// Shapes and turns.
    pub postures: Postures,
    /// Smallest and largest length over that at rest.
    pub length: [f64; 2],
    /// Smallest and largest volume over that at rest.
    pub volume: [f64; 2],
}

/// What kind of gait it is, by its wavelength: worms on agar have 0.5 to 0.75 L, worms in water 1.2 to 1.9 L, and those
/// between are between (Berri et al. 2009, doi:10.2976/1.3082260).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Shorter than 0.9 of the body.
    Crawl,
    /// Between them.
    Intermediate,
    /// Longer than 1.2 of the body.
    Swim,
    /// No wave.
    None,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Crawl => "crawl",
            Self::Intermediate => "intermediate",
            Self::Swim => "swim",
            Self::None => "none",
        })
    }
}

/// The movement is too short to be analysed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{recorded:.2} s of movement are too short for a gait; {needed:.2} s are needed")]
pub struct TooShort {
    /// Time recorded after settling [s].
    pub recorded: f64,
    /// Time needed [s].
    pub needed: f64,
}

/// Least κL (root mean square) that counts as a wave; a straight worm's rounding and a resting worm's tone are
/// far below it, a crawling worm's 5 far above.
const LEAST_BENDING: f64 = 0.2;

/// Shortest movement with a frequency in it [s]: one cycle of the slowest crawl, 0.3 Hz, is a little over three,
/// a swimmer's four cycles fit in one and a half.
const SHORTEST: f64 = 1.5;

/// The slowest undulation looked for, in cycles within the movement.
const FEWEST_CYCLES: f64 = 0.8;

/// The fastest undulation looked for [Hz]; swimming worms reach 2.
const FASTEST: f64 = 5.0;

/// Places that bend less than a tenth as much as the one that bends most, in power, have no phase of their own.
const LEAST_POWER: f64 = 0.01;

/// Steps between the frequencies that are looked at, in cycles within the movement: a peak is one cycle wide.
const COARSE: f64 = 0.25;

/// And around the best of them.
const FINE: f64 = 0.05;

/// The body's ends, as a fraction of its length, whose phases are left out.
const ENDS: f64 = 0.15;

/// Where the rear third of the body begins.
const REAR: f64 = 2.0 / 3.0;

/// One number of a gait, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Speed of the centre of mass, positive head first [m/s].
    ForwardSpeed,
    /// Of the undulation [Hz].
    Frequency,
    /// Over body length, positive from head to tail.
    Wavelength,
    /// Speed over that of the wave.
    Grip,
    /// How much of the undulation is one travelling wave.
    Travelling,
    /// Root mean square of curvature times length.
    Bending,
    /// The same of what changes.
    Undulation,
    /// The same of what changes in the rear third.
    TailUndulation,
    /// Part of the wave's speed that is not the worm's: 1 − grip.
    Slip,
    /// Half of the greatest extent across the body's axis [m].
    Amplitude,
    /// Mean speed of the head's tip [m/s].
    HeadSpeed,
    /// Of the path of the centre of mass, positive to the left [1/m].
    PathCurvature,
    /// Part of the tangent angle's square that four eigenworms of N2 hold.
    Eigenworms,
    /// Angle by which the front third is bent, rms [rad].
    FrontBend,
    /// The middle third.
    MiddleBend,
    /// The rear third.
    RearBend,
    /// How often the body spans more than π.
    OmegaTurns,
    /// How often it backed up.
    Reversals,
}

impl Quantity {
    /// All, with the names that files use.
    pub const ALL: [(&'static str, Self, Dimension); 18] = [
        ("forward_speed", Self::ForwardSpeed, Dimension::VELOCITY),
        ("frequency", Self::Frequency, Dimension::PER_TIME),
        ("wavelength", Self::Wavelength, Dimension::NONE),
        ("grip", Self::Grip, Dimension::NONE),
        ("travelling", Self::Travelling, Dimension::NONE),
        ("bending", Self::Bending, Dimension::NONE),
        ("undulation", Self::Undulation, Dimension::NONE),
        ("tail_undulation", Self::TailUndulation, Dimension::NONE),
        ("slip", Self::Slip, Dimension::NONE),
        ("amplitude", Self::Amplitude, Dimension::LENGTH),
        ("head_speed", Self::HeadSpeed, Dimension::VELOCITY),
        ("path_curvature", Self::PathCurvature, Dimension::PER_LENGTH),
        ("eigenworms", Self::Eigenworms, Dimension::NONE),
        ("front_bend", Self::FrontBend, Dimension::NONE),
        ("middle_bend", Self::MiddleBend, Dimension::NONE),
        ("rear_bend", Self::RearBend, Dimension::NONE),
        ("omega_turns", Self::OmegaTurns, Dimension::NONE),
        ("reversals", Self::Reversals, Dimension::NONE),
    ];

    /// The quantity of that name, with its dimension.
    ///
    /// # Errors
    /// A problem with the nearest name.
    pub fn named(name: &str) -> Result<(Self, Dimension), Problem> {
        let names = || Self::ALL.iter().map(|(name, ..)| *name);
        let found = Self::ALL.iter().find(|(known, ..)| *known == name);
        found.map(|(_, quantity, dimension)| (*quantity, *dimension)).ok_or_else(|| {
            let problem = Problem::new(format!("no gait has the row \"{name}\""));
            problem.help(match nearest(name, names()) {
                Some(known) => format!("did you mean \"{known}\"?"),
                None => format!("the rows are {}", names().collect::<Vec<_>>().join(", ")),
            })
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, quantity, _)| *quantity == self).map_or("", |(name, ..)| name)
    }

    /// Its value in a gait, where it has one.
    pub fn of(self, gait: &Gait) -> Option<f64> {
        let value = match self {
            Self::ForwardSpeed => Some(gait.forward_speed),
            Self::Frequency => gait.frequency,
            Self::Wavelength => gait.wavelength.map(|length| match gait.wave {
                Wave::TailToHead => -length,
                Wave::HeadToTail | Wave::None => length,
            }),
            Self::Grip => gait.grip(gait.body_length),
            Self::Travelling => gait.travelling,
            Self::Bending => Some(gait.bending),
            Self::Undulation => Some(gait.undulation),
            Self::TailUndulation => Some(gait.tail_undulation),
            Self::Slip => gait.grip(gait.body_length).map(|grip| 1.0 - grip),
            Self::Amplitude => Some(gait.amplitude),
            Self::HeadSpeed => Some(gait.postures.head_speed),
            Self::PathCurvature => gait.postures.path_curvature,
            Self::Eigenworms => gait.postures.eigenworms,
            Self::FrontBend => Some(gait.postures.bends[0]),
            Self::MiddleBend => Some(gait.postures.bends[1]),
            Self::RearBend => Some(gait.postures.bends[2]),
            Self::OmegaTurns => Some(gait.postures.omega_turns as f64),
            Self::Reversals => Some(gait.postures.reversals as f64),
        };
        value.filter(|value| value.is_finite())
    }
}

impl Gait {
    /// The gait of a movement, ignoring what comes before `settled` [s].
    ///
    /// # Errors
    /// When less than 1.5 s remain.
    pub fn of(poses: &[Pose], settled: f64) -> Result<Self, TooShort> {
        let poses = &poses[poses.partition_point(|pose| pose.time < settled)..];
        let recorded = match poses {
            [first, .., last] => last.time - first.time,
            _ => 0.0,
        };
        if recorded < SHORTEST {
            return Err(TooShort { recorded, needed: SHORTEST });
        }
        let bending = root_mean_square(poses);
        let main = main_frequency(poses, recorded).filter(|_| bending >= LEAST_BENDING);
        let slope = main.and_then(|frequency| phase_slope(poses, frequency));
        let wave = match slope {
            Some(slope) if slope < 0.0 => Wave::HeadToTail,
            Some(_) => Wave::TailToHead,
            None => Wave::None,
        };
        Ok(Self {
            forward_speed: forward_speed(poses, main),
            frequency: main,
            travelling: main.zip(slope).map(|(frequency, slope)| travelling(poses, frequency, slope)),
            wavelength: slope.map(|slope| 2.0 * PI / slope.abs()),
            wave,
            bending,
            undulation: undulation(poses, 0.0),
            tail_undulation: undulation(poses, REAR),
            amplitude: poses.iter().map(|pose| 0.5 * pose.width).sum::<f64>() / poses.len() as f64,
            postures: Postures::of(poses, main),
            body_length: poses.iter().map(|pose| pose.length).sum::<f64>() / poses.len() as f64,
            length: range(poses.iter().map(|pose| pose.relative_length)),
            volume: range(poses.iter().map(|pose| pose.relative_volume)),
        })
    }

    /// What kind of gait it is.
    pub fn class(&self) -> Class {
        match self.wavelength {
            None => Class::None,
            Some(length) if length < 0.9 => Class::Crawl,
            Some(length) if length < 1.2 => Class::Intermediate,
            Some(_) => Class::Swim,
        }
    }

    /// Speed over the wave's own, 1 − slip: v/(f λ); `length` is the body's [m].
    pub fn grip(&self, length: f64) -> Option<f64> {
        Some(self.forward_speed / (self.frequency? * self.wavelength? * length))
    }
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}

fn root_mean_square(poses: &[Pose]) -> f64 {
    let mean_square = |pose: &Pose| {
        pose.curvature.iter().map(|k| (k * pose.length).powi(2)).sum::<f64>() / pose.curvature.len() as f64
    };
    (poses.iter().map(mean_square).sum::<f64>() / poses.len() as f64).sqrt()
}

/// Root mean square of what changes of curvature times length, behind a place along the body.
fn undulation(poses: &[Pose], from: f64) -> f64 {
    let places = poses[0].curvature.len();
    let first = (from * places as f64) as usize;
    let of_place = |place: usize| {
        let bends = || poses.iter().map(|pose| pose.curvature[place] * pose.length);
        let mean = bends().sum::<f64>() / poses.len() as f64;
        bends().map(|bend| (bend - mean).powi(2)).sum::<f64>()
    };
    ((first..places).map(of_place).sum::<f64>() / ((places - first) * poses.len()) as f64).sqrt()
}

/// The best sine wave of one frequency at every place: its cosine and sine parts, and how much of the squared
/// deviations it explains.
fn fit(poses: &[Pose], frequency: f64) -> (Vec<(f64, f64)>, f64) {
    let waves: Vec<Vec3> = poses
        .iter()
        .map(|pose| {
            let angle = 2.0 * PI * frequency * (pose.time - poses[0].time);
            Vec3::new(libm::cos(angle), libm::sin(angle), 1.0)
        })
        .collect();
    let normal: Matrix3<f64> = waves.iter().map(|wave| wave * wave.transpose()).sum();
    let Some(inverse) = normal.try_inverse() else { return (vec![(0.0, 0.0); poses[0].curvature.len()], 0.0) };
    let mut explained = 0.0;
    let parts = (0..poses[0].curvature.len())
        .map(|place| {
            let mean = poses.iter().map(|pose| pose.curvature[place]).sum::<f64>() / poses.len() as f64;
            let against: Vec3 =
                poses.iter().zip(&waves).map(|(pose, wave)| wave * (pose.curvature[place] - mean)).sum();
            let best = inverse * against;
            explained += best.dot(&against);
            (best.x, best.y)
        })
        .collect();
    (parts, explained)
}

/// The frequency at which the body bends most [Hz]: found among all with a few places, then narrowed down with all.
fn main_frequency(poses: &[Pose], recorded: f64) -> Option<f64> {
    let sampling = (poses.len() - 1) as f64 / recorded;
    let (coarse, fine) = (COARSE / recorded, FINE / recorded);
    let lowest = FEWEST_CYCLES / recorded;
    let count = (((0.5 * sampling).min(FASTEST) - lowest) / coarse) as usize;
    let bends = few_places(poses);
    let powers: Vec<f64> =
        (0..count).map(|k| power(&bends, 2.0 * PI * (lowest + coarse * k as f64) / sampling)).collect();
    let best = (0..count).max_by(|a, b| powers[*a].total_cmp(&powers[*b]))?;
    // A peak on the edge of what was looked at is a drift or noise, not an undulation.
    if best == 0 || best + 1 >= count || powers[best] <= 0.0 {
        return None;
    }
    let around = (2.0 * COARSE / FINE) as usize + 1;
    let first = lowest + coarse * best as f64 - fine * around as f64;
    let powers: Vec<f64> = (0..=2 * around).map(|k| fit(poses, first + fine * k as f64).1).collect();
    let best = (1..2 * around).max_by(|a, b| powers[*a].total_cmp(&powers[*b]))?;
    let (before, here, after) = (powers[best - 1], powers[best], powers[best + 1]);
    let shift = 0.5 * (before - after) / (before - 2.0 * here + after);
    Some(first + fine * (best as f64 + shift.clamp(-1.0, 1.0)))
}

/// Curvature less its mean at a few places over time.
fn few_places(poses: &[Pose]) -> Vec<Vec<f64>> {
    let places = poses[0].curvature.len();
    let at = |place: usize| {
        let mean = poses.iter().map(|pose| pose.curvature[place]).sum::<f64>() / poses.len() as f64;
        poses.iter().map(|pose| pose.curvature[place] - mean).collect()
    };
    (0..places).step_by((places / 8).max(1)).map(at).collect()
}

/// Power of the Fourier transform at an angle per frame [rad], in a recurrence that needs one cosine (Goertzel 1958,
/// doi:10.2307/2310304). Where there are cycles it is close to what a fit explains.
fn power(bends: &[Vec<f64>], angle: f64) -> f64 {
    let twice = 2.0 * libm::cos(angle);
    let of_place = |bend: &Vec<f64>| {
        let (one, two) = bend.iter().fold((0.0, 0.0), |(one, two), bend| (bend + twice * one - two, one));
        one * one + two * two - twice * one * two
    };
    bends.iter().map(of_place).sum()
}

/// Slope of the phase along the body [rad per body length].
fn phase_slope(poses: &[Pose], frequency: f64) -> Option<f64> {
    let places = poses[0].curvature.len();
    let (parts, _) = fit(poses, frequency);
    let mut before: Option<f64> = None;
    let mut points = Vec::new();
    for (place, (cosine, sine)) in parts.into_iter().enumerate() {
        let s = (place as f64 + 0.5) / places as f64;
        if !(ENDS..=1.0 - ENDS).contains(&s) {
            continue;
        }
        // κ ≈ r cos(ωt + phase) has cosine part r cos(phase) and sine part −r sin(phase).
        let mut phase = libm::atan2(-sine, cosine);
        if let Some(before) = before {
            phase += 2.0 * PI * ((before - phase) / (2.0 * PI)).round();
        }
        before = Some(phase);
        points.push((s, phase, cosine * cosine + sine * sine));
    }
    // Every place that bends counts alike, else the head, which bends most, would stand for the whole body.
    let most = points.iter().map(|p| p.2).fold(0.0, f64::max);
    for point in &mut points {
        point.2 = f64::from(point.2 > LEAST_POWER * most);
    }
    let weight: f64 = points.iter().map(|(.., w)| w).sum();
    let mean = |value: fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| p.2 * value(p)).sum::<f64>() / weight;
    let (s, phase) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| p.2 * (p.0 - s).powi(2)).sum();
    let slope = points.iter().map(|p| p.2 * (p.0 - s) * (p.1 - phase)).sum::<f64>() / spread;
    // Less than a tenth of a wave along the body is a standing bend.
    (slope.abs() > 0.1 * 2.0 * PI).then_some(slope)
}

/// |Σ z e^(i 2π s/λ)| / Σ |z| over the places s of the body, z = b − ic the part of curvature with this frequency: how far all
/// places agree that one wave of this slope of phase passes them.
fn travelling(poses: &[Pose], frequency: f64, slope: f64) -> f64 {
    let (parts, _) = fit(poses, frequency);
    let places = parts.len() as f64;
    let mut sum = [0.0; 2];
    let mut all = 0.0;
    for (place, (cosine, sine)) in parts.iter().enumerate() {
        let (s, c) = libm::sincos(-slope * (place as f64 + 0.5) / places);
        // z = cosine − i sine, turned back by the phase of the wave there.
        sum[0] += cosine * c + sine * s;
        sum[1] += cosine * s - sine * c;
        all += libm::hypot(*cosine, *sine);
    }
    libm::hypot(sum[0], sum[1]) / all
}

/// Displacement along the body over one cycle, by time, in the mean over every cycle that fits [m/s]. A worm that
/// swims in a circle comes back, but is not slow: the body's direction is that of each cycle.
fn forward_speed(poses: &[Pose], frequency: Option<f64>) -> f64 {
    let speeds = speeds(poses, frames_of_cycle(poses, frequency));
    let count = speeds.len() as f64;
    speeds.into_iter().map(|[_, speed]| speed).sum::<f64>() / count
}

/// Frames in one cycle of a movement of two poses or more; all of them where it has no frequency [Hz].
pub fn frames_of_cycle(poses: &[Pose], frequency: Option<f64>) -> usize {
    let recorded = poses[poses.len() - 1].time - poses[0].time;
    let frames = (poses.len() - 1) as f64;
    frequency.map_or(frames, |f| (frames / (recorded * f)).round()).clamp(1.0, frames) as usize
}

/// Displacement along the body within every `cycle` frames, by time: the middle of each [s], and the speed [m/s], positive
/// head first. None where there are no more than `cycle` poses.
pub fn speeds(poses: &[Pose], cycle: usize) -> Vec<[f64; 2]> {
    let mut heading: Vec3 = poses.iter().take(cycle).map(|pose| pose.heading).sum();
    let within = |last: usize| {
        let (first, last) = (&poses[last - cycle], &poses[last]);
        heading += last.heading;
        let moved = heading.try_normalize(0.0).map_or(0.0, |ahead| (last.center - first.center).dot(&ahead));
        heading -= first.heading;
        [0.5 * (first.time + last.time), moved / (last.time - first.time)]
    };
    (cycle..poses.len()).map(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worm of 1 mm whose curvature is a wave of this frequency [Hz] and wavelength [L], moving along −x, its
    /// head first; a negative wavelength runs from tail to head.
    fn crawling(frequency: f64, wavelength: f64, speed: f64) -> Vec<Pose> {
        (0..=250)
            .map(|k| {
                let time = 0.02 * f64::from(k);
                let bend = |place: i32| {
                    let s = (f64::from(place) + 0.5) / 49.0;
                    7e3 * (2.0 * PI * (frequency * time - s / wavelength)).cos() + 300.0
                };
                Pose {
                    time,
                    curvature: (0..49).map(bend).collect(),
                    center: Vec3::new(-speed * time, 0.0, 0.0),
                    head: Vec3::new(-speed * time - 5e-4, 0.0, 0.0),
                    width: 2e-4,
                    heading: Vec3::new(-1e-3, 1e-4 * (2.0 * PI * frequency * time).sin(), 0.0),
                    length: 1e-3,
                    relative_length: 1.0,
                    relative_volume: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn a_known_wave_is_found_with_its_direction() {
        let gait = Gait::of(&crawling(0.47, 0.65, 2e-4), 0.0).expect("long enough");
        // Exact but for the parabola through three points of the explained power.
        assert!((gait.frequency.expect("a wave") / 0.47 - 1.0).abs() < 1e-3, "{gait:?}");
        assert!((gait.wavelength.expect("a wave") / 0.65 - 1.0).abs() < 1e-3, "{gait:?}");
        assert!((gait.forward_speed / 2e-4 - 1.0).abs() < 1e-3, "{gait:?}");
        assert_eq!(gait.wave, Wave::HeadToTail);
        assert!((gait.travelling.expect("a wave") - 1.0).abs() < 1e-3, "{gait:?}");
        assert_eq!(Gait::of(&crawling(0.47, -0.65, 2e-4), 0.0).expect("long enough").wave, Wave::TailToHead);
    }

    #[test]
    fn a_worm_that_slides_tail_first_has_a_negative_speed() {
        assert!(Gait::of(&crawling(0.4, 0.65, -2e-4), 1.0).expect("long enough").forward_speed < -1e-4);
    }

    #[test]
    fn a_worm_that_swims_in_a_circle_is_as_fast_as_one_that_swims_straight() {
        let mut poses = crawling(0.47, 0.65, 0.0);
        for pose in &mut poses {
            // Once around in 5 s, at 0.2 mm/s.
            let angle = 0.4 * PI * pose.time;
            let ahead = |angle: f64| Vec3::new(angle.cos(), angle.sin(), 0.0);
            pose.heading = ahead(angle);
            pose.center = ahead(angle - 0.5 * PI) * (2e-4 / (0.4 * PI));
        }
        let gait = Gait::of(&poses, 0.0).expect("long enough");
        // The chord of a cycle of 2.1 s, 2.7 rad, is shorter than its arc by sin(1.34)/1.34.
        assert!((gait.forward_speed / 2e-4 - 1.337_f64.sin() / 1.337).abs() < 5e-3, "{gait:?}");
    }

    #[test]
    fn a_still_worm_has_no_wave() {
        let mut poses = crawling(0.4, 0.65, 0.0);
        for pose in &mut poses {
            pose.curvature.fill(0.0);
        }
        let gait = Gait::of(&poses, 0.0).expect("long enough");
        assert_eq!((gait.wave, gait.frequency), (Wave::None, None));
    }

    #[test]
    fn a_movement_too_short_says_how_long_it_must_be() {
        let error = Gait::of(&crawling(0.4, 0.65, 0.0), 4.0).expect_err("one second is left");
        assert_eq!(error.to_string(), "1.00 s of movement are too short for a gait; 1.50 s are needed");
    }
}
