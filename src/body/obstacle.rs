//! Obstacles that a body can't pass: spheres, posts and walls, each by its signed distance.
//!
//!   sphere  d = |x − c| − R        post  d = |x − c|ₓᵧ − R        wall  d = (x − c)·n
//!   force on a point at depth δ = max(0, −d):   F = k δ²/2w ∇d  for δ < w,   F = k (δ − w/2) ∇d  beyond
//!   stiffness   k min(1, δ/w) ∇d ∇dᵀ
//!
//! d how far outside a point is [m], k stiffness of the contact with one point [N/m], n unit normal, w the depth over which
//! the contact sets in, so that stiffness has no jump and Newton's method knows where it goes. A post stands along z, a
//! wall fills the half space behind it. The force has an energy, so that contact gives back no more than it took; there
//! is no friction. The curvature of the surface is left out of the stiffness: inside it would make that smaller and not
//! positive.
//!
//! Source: Terzopoulos et al. 1987, Elastically deformable models, doi:10.1145/37401.37427 (penalty by distance).

use serde::Deserialize;

use crate::body::particles::Vec3;
use crate::error::Problems;
use crate::settings::{Settings, Spanned};
use crate::units::Dimension;

/// Depth over which a contact sets in, w [m]: a hundredth of a worm's radius. Chosen by us.
const ONSET: f64 = 4e-7;

/// Contacts whose share of the full stiffness differs by no more than this may share a factor: Newton's method then still shrinks
/// its moves to a quarter. Chosen by us.
const ALIKE: f64 = 0.25;

/// How an obstacle presses on a point that it touches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Press {
    /// Force outwards [N].
    pub force: f64,
    /// How fast it grows with depth [N/m].
    pub stiffness: f64,
    /// Unit vector out of the obstacle.
    pub outwards: Vec3,
}

/// The form of an obstacle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A ball.
    Sphere {
        /// Its middle [m].
        centre: Vec3,
        /// Its radius [m].
        radius: f64,
    },
    /// A cylinder along z without ends.
    Post {
        /// x and y of its axis [m].
        centre: [f64; 2],
        /// Its radius [m].
        radius: f64,
    },
    /// A plane with everything behind it.
    Wall {
        /// A point of it [m].
        point: Vec3,
        /// Its unit normal, out of the obstacle.
        normal: Vec3,
    },
}

/// Something that no body passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obstacle {
    /// Its form and place.
    pub shape: Shape,
    /// Stiffness of the contact with one particle or end of a rod, k [N/m].
    pub stiffness: f64,
}

impl Obstacle {
    /// How far outside `x` is [m], negative inside, and the direction in which that grows fastest. Space repeats after
    /// `period` [m], infinite where it does not.
    pub fn distance(&self, x: Vec3, period: [f64; 3]) -> (f64, Vec3) {
        let nearest = |mut away: Vec3| {
            for axis in (0..3).filter(|axis| period[*axis].is_finite()) {
                away[axis] -= period[axis] * (away[axis] / period[axis]).round();
            }
            away
        };
        // A point in the very middle is pushed anywhere: along x.
        let round = |away: Vec3, radius: f64| {
            let r = away.norm();
            (r - radius, if r > 0.0 { away / r } else { Vec3::x() })
        };
        match self.shape {
            Shape::Sphere { centre, radius } => round(nearest(x - centre), radius),
            Shape::Post { centre: [cx, cy], radius } => round(nearest(Vec3::new(x.x - cx, x.y - cy, 0.0)), radius),
            Shape::Wall { point, normal } => ((x - point).dot(&normal), normal),
        }
    }

    /// How it presses on a point at `x`; not at all where it does not touch.
    pub fn press(&self, x: Vec3, period: [f64; 3]) -> Option<Press> {
        let (distance, outwards) = self.distance(x, period);
        let depth = -distance;
        // A place that is no number touches nothing.
        (depth > 0.0).then(|| {
            let set_in = (depth / ONSET).min(1.0);
            let force = self.stiffness * set_in * (depth - 0.5 * set_in * ONSET);
            Press { force, stiffness: self.stiffness * set_in, outwards }
        })
    }

    /// Energy stored in the contact with a point at `x` [J].
    pub fn energy(&self, x: Vec3, period: [f64; 3]) -> f64 {
        let depth = (-self.distance(x, period).0).max(0.0);
        let set_in = depth.min(ONSET);
        let beyond = depth - set_in;
        self.stiffness * (set_in.powi(3) / (6.0 * ONSET) + 0.5 * beyond * (beyond + ONSET))
    }

    /// Whether its contact with a point is much the same at two places.
    pub fn presses_alike(&self, one: Vec3, other: Vec3, period: [f64; 3]) -> bool {
        let set_in = |x: Vec3| (-self.distance(x, period).0 / ONSET).clamp(0.0, 1.0);
        (set_in(one) - set_in(other)).abs() <= ALIKE
    }

    /// Its radius [m]; none of a wall.
    pub fn radius(&self) -> Option<f64> {
        match self.shape {
            Shape::Sphere { radius, .. } | Shape::Post { radius, .. } => Some(radius),
            Shape::Wall { .. } => None,
        }
    }
}

/// `[[sphere]]` in a medium's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SphereFile {
    at: [Spanned<String>; 3],
    radius: Spanned<String>,
    stiffness: Spanned<String>,
}

/// `[[post]]` in a medium's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostFile {
    at: [Spanned<String>; 2],
    radius: Spanned<String>,
    stiffness: Spanned<String>,
}

/// `[[wall]]` in a medium's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallFile {
    at: [Spanned<String>; 3],
    normal: Spanned<[f64; 3]>,
    stiffness: Spanned<String>,
}

impl WallFile {
    /// Where it stands in its file.
    pub(super) fn place(&self) -> std::ops::Range<usize> {
        self.normal.span()
    }
}

/// Reads the obstacles of a medium, problems going where all do.
pub fn read(
    settings: &Settings,
    spheres: &[SphereFile],
    posts: &[PostFile],
    walls: &[WallFile],
    problems: &mut Problems,
) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    let length = |text: &Spanned<String>, problems: &mut Problems| settings.quantity(text, Dimension::LENGTH, problems);
    for sphere in spheres {
        let centre = Vec3::from(sphere.at.each_ref().map(|text| length(text, problems)));
        let radius = settings.positive(&sphere.radius, Dimension::LENGTH, problems);
        let stiffness = settings.positive(&sphere.stiffness, Dimension::STIFFNESS, problems);
        obstacles.push(Obstacle { shape: Shape::Sphere { centre, radius }, stiffness });
    }
    for post in posts {
        let centre = post.at.each_ref().map(|text| length(text, problems));
        let radius = settings.positive(&post.radius, Dimension::LENGTH, problems);
        let stiffness = settings.positive(&post.stiffness, Dimension::STIFFNESS, problems);
        obstacles.push(Obstacle { shape: Shape::Post { centre, radius }, stiffness });
    }
    for wall in walls {
        let point = Vec3::from(wall.at.each_ref().map(|text| length(text, problems)));
        let stiffness = settings.positive(&wall.stiffness, Dimension::STIFFNESS, problems);
        let normal = Vec3::from(*wall.normal.get_ref()).try_normalize(0.0).filter(|normal| normal.norm().is_finite());
        match normal {
            Some(normal) => obstacles.push(Obstacle { shape: Shape::Wall { point, normal }, stiffness }),
            None => {
                let problem = settings.problem(wall.normal.span(), "a wall's normal points nowhere");
                problems.push(problem.help("give a direction out of the wall, such as [0.0, 1.0, 0.0]"));
            }
        }
    }
    obstacles
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: [f64; 3] = [f64::INFINITY; 3];

    fn all() -> [Obstacle; 3] {
        let centre = Vec3::new(1e-3, 2e-3, 3e-3);
        let normal = Vec3::new(1.0, 2.0, -2.0) / 3.0;
        [
            Shape::Sphere { centre, radius: 0.7e-3 },
            Shape::Post { centre: [1e-3, 2e-3], radius: 0.7e-3 },
            Shape::Wall { point: centre, normal },
        ]
        .map(|shape| Obstacle { shape, stiffness: 2.0 })
    }

    #[test]
    fn the_force_is_minus_the_gradient_of_the_energy_and_the_stiffness_that_of_the_force() {
        for obstacle in all() {
            for depth in [0.3 * ONSET, 1e-6] {
                // A point at this depth, wherever the surface is.
                let mut x = Vec3::new(0.8e-3, 1.9e-3, 3.3e-3);
                let (distance, outwards) = obstacle.distance(x, NEVER);
                x -= outwards * (distance + depth);
                let press = obstacle.press(x, NEVER).expect("it touches");
                let step = 1e-3 * ONSET;
                let slope = |f: &dyn Fn(Vec3) -> f64| (f(x + outwards * step) - f(x - outwards * step)) / (2.0 * step);
                let force = -slope(&|x| obstacle.energy(x, NEVER));
                let stiffness = -slope(&|x| obstacle.press(x, NEVER).map_or(0.0, |press| press.force));
                // Central differences, and rounding of places of millimetres in steps below a nanometre.
                assert!((press.force / force - 1.0).abs() < 1e-4, "{obstacle:?}: {} {force}", press.force);
                assert!((press.stiffness / stiffness - 1.0).abs() < 1e-4, "{obstacle:?}: {press:?} {stiffness}");
            }
        }
    }

    #[test]
    fn what_is_outside_feels_nothing_and_what_repeats_is_felt_from_its_nearest_image() {
        for obstacle in all() {
            let (distance, outwards) = obstacle.distance(Vec3::zeros(), NEVER);
            assert_eq!(obstacle.press(outwards * (1e-9 - distance), NEVER), None, "{obstacle:?}");
        }
        let sphere = all()[0];
        let here = sphere.distance(Vec3::new(1.5e-3, 2e-3, 3e-3), [4e-3; 3]);
        let there = sphere.distance(Vec3::new(5.5e-3, -2e-3, 7e-3), [4e-3; 3]);
        assert!((here.0 - there.0).abs() < 1e-15 && (here.1 - there.1).norm() < 1e-12);
    }
}
