//! Liquid around a body: a box full of particles like those inside it.
//!
//! They stand on a cubic lattice whose spacing a gives the density of the liquid inside, wherever there is neither body
//! nor obstacle. The sums of a lattice differ from the integrals that they stand for, so with V = m/ρ₀
//!
//!   Σⱼ m W(xⱼ) = 1.005 ρ₀ (this finds a),   μ' = μ a³ / (V² Σⱼ ½ ∇²W(xⱼ) xⱼ²)
//!
//! μ' [Pa·s] is what the sums need for a lattice to shear like a liquid of viscosity μ. Along an axis a box ends in
//! walls, or repeats; one that repeats goes along with the body. It is filled a little too much, since liquid that
//! only pushes needs it: what a body leaves behind is filled by what it pushes away in front.
//!
//! The body feels the liquid a step late. A drag D that foresees its answer keeps that stable, D (v − vₙ): it is
//! nothing while the body keeps its speed. D is twice what slender-body theory gives.

use crate::body::anatomy::Anatomy;
use crate::body::medium::Basin;
use crate::body::obstacle::Obstacle;
use crate::body::particles::Vec3;
use crate::body::pressure::Fluid;
use crate::error::Problem;

/// Drag per length that is foreseen, over the viscosity: twice 5.2 (see `models/media/water.toml`).
pub const FORESEEN: f64 = 10.4;

/// Liquid that only pushes begins this many spacings from the particles of a body; a little less than they stand from
/// each other, as the pressure moves it away and hardly back.
const CLEARANCE: f64 = 0.9;

/// Liquid that pulls too begins where a particle of the body ends. With 0.9 a layer is missing, and as its room is filled,
/// density falls by 2 to 3 %.
const CLEARANCE_OF_PULLING: f64 = 0.5;

/// Density of the lattice over that at rest: half of the error at which pressures are good enough.
const OVERFILLED: f64 = 1.005;

/// Layers of particles in a wall: as deep as the liquid feels.
const LAYERS: i32 = 2;

/// More are taken for a slip of the unit: at about a kilobyte each they would not fit into most machines.
const MOST_PARTICLES: f64 = 1e7;

/// Particles around a body.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where the liquid is [m].
    pub liquid: Vec<Vec3>,
    /// Where the walls are [m].
    pub walls: Vec<Vec3>,
    /// After which lengths the box repeats [m]; infinite where it has walls.
    pub period: [f64; 3],
    /// The viscosity that the sums need, μ' [Pa·s].
    pub viscosity: f64,
}

impl Surroundings {
    /// Whether a box has room for a straight worm and for the liquid to pass it.
    ///
    /// # Errors
    /// An axis along which it has not.
    pub fn have_room(basin: &Basin, anatomy: &Anatomy) -> Result<(), Problem> {
        let widest = anatomy.radius.iter().map(|(_, radius)| 2.0 * radius).fold(0.0, f64::max);
        let body = [anatomy.length + anatomy.spacing, widest, widest];
        for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
            // Two reaches: nothing may feel the same particle from both sides.
            let needed = body[axis] + 2.0 * anatomy.smoothing_length;
            if basin.size[axis] < needed {
                let found = format!("{:.0} um along {name}", 1e6 * basin.size[axis]);
                let problem = Problem::new(format!("a box of liquid has no room for this worm: it is {found}"));
                return Err(problem.help(format!("give {:.0} um at least; a worm that bends needs more", 1e6 * needed)));
            }
        }
        let particles = basin.size.iter().product::<f64>() / anatomy.spacing.powi(3);
        if particles > MOST_PARTICLES {
            let problem = Problem::new(format!("a box of liquid of this size takes {particles:.1e} particles"));
            return Err(problem.help(format!("give a smaller `box`: {MOST_PARTICLES:.0e} particles are 10 GB")));
        }
        Ok(())
    }

    /// The box of a medium around a straight worm, in particles of a liquid; obstacles are walls.
    pub fn new(basin: &Basin, obstacles: &[Obstacle], anatomy: &Anatomy, fluid: &Fluid) -> Self {
        let spacing = lattice_spacing(fluid);
        let counts = basin.size.map(|size| (size / spacing).round().max(1.0) as i32);
        let period: [f64; 3] =
            std::array::from_fn(
                |axis| {
                    if basin.walls[axis] { f64::INFINITY } else { f64::from(counts[axis]) * spacing }
                },
            );
        let margin = basin.walls.map(|walls| if walls { LAYERS } else { 0 });
        let (mut liquid, mut walls) = (Vec::new(), Vec::new());
        let clearance = if basin.pulls { CLEARANCE_OF_PULLING } else { CLEARANCE };
        for i in -margin[0]..counts[0] + margin[0] {
            for j in -margin[1]..counts[1] + margin[1] {
                for k in -margin[2]..counts[2] + margin[2] {
                    let place = |n: i32, axis: usize| (f64::from(n) + 0.5 - 0.5 * f64::from(counts[axis])) * spacing;
                    let x = Vec3::new(place(i, 0), place(j, 1), place(k, 2));
                    let inside =
                        (0..counts[0]).contains(&i) && (0..counts[1]).contains(&j) && (0..counts[2]).contains(&k);
                    let distance = |obstacle: &Obstacle| obstacle.distance(x, period).0;
                    let outside = obstacles.iter().map(distance).fold(f64::INFINITY, f64::min);
                    if !inside || outside < 0.0 {
                        // Deep in an obstacle nothing is felt.
                        if outside > -f64::from(LAYERS) * spacing || !inside {
                            walls.push(x);
                        }
                    } else if depth_in_worm(anatomy, x) < -clearance * spacing {
                        liquid.push(x);
                    }
                }
            }
        }
        let volume = fluid.mass / fluid.rest_density;
        let shear = over_lattice(spacing, fluid, |r| 0.5 * fluid.smoothing.shear(r) * r * r / 3.0);
        let viscosity = basin.viscosity * spacing.powi(3) / (volume * volume * shear);
        Self { liquid, walls, period, viscosity }
    }
}

/// How deep a point lies in a straight worm, roughly [m]; negative outside.
fn depth_in_worm(anatomy: &Anatomy, x: Vec3) -> f64 {
    // The poles close the body half a spacing beyond its first and last ring.
    let half = 0.5 * (anatomy.length + anatomy.spacing);
    let place = (0.5 - x.x / anatomy.length).clamp(0.0, 1.0);
    let across = libm::hypot(x.y, x.z);
    let beyond = x.x.abs() - half;
    let aside = across - anatomy.radius_at(place);
    if beyond > 0.0 { -libm::hypot(beyond, aside.max(0.0)) } else { (-aside).min(-beyond) }
}

/// The spacing of a cubic lattice that is filled as it should be [m].
fn lattice_spacing(fluid: &Fluid) -> f64 {
    let (mut near, mut far) = (0.3 * fluid.smoothing.length, 0.9 * fluid.smoothing.length);
    // Sixty halvings end at the last digit.
    for _ in 0..60 {
        let spacing = 0.5 * (near + far);
        let density = fluid.mass * over_lattice(spacing, fluid, |r| fluid.smoothing.density(r * r));
        if density > OVERFILLED * fluid.rest_density { near = spacing } else { far = spacing }
    }
    0.5 * (near + far)
}

/// Sum over all points of a cubic lattice within reach of one of them, itself too.
fn over_lattice(spacing: f64, fluid: &Fluid, term: impl Fn(f64) -> f64) -> f64 {
    let reach = (fluid.smoothing.length / spacing).ceil() as i32;
    let along = || -reach..=reach;
    let points = along().flat_map(|i| along().flat_map(move |j| along().map(move |k| [i, j, k])));
    let distances = points.map(|point| Vec3::from(point.map(f64::from)).norm() * spacing);
    distances.filter(|r| *r < fluid.smoothing.length).map(term).sum()
}

/// The point of a box that repeats, between 0 and its period, that stands for `x`.
pub fn into_box(x: &Vec3, period: [f64; 3]) -> Vec3 {
    let mut inside = *x;
    for axis in (0..3).filter(|axis| period[*axis].is_finite()) {
        inside[axis] = x[axis].rem_euclid(period[axis]);
        // The remainder of a small negative number rounds to the period itself.
        if inside[axis] >= period[axis] {
            inside[axis] = 0.0;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::smoothing::Smoothing;

    #[test]
    fn the_lattice_is_as_dense_as_asked() {
        let smoothing = Smoothing::new(24.72e-6);
        let fluid = Fluid { mass: 2e-12, rest_density: 1070.0, smoothing, counts_itself: true };
        let spacing = lattice_spacing(&fluid);
        let density = fluid.mass * over_lattice(spacing, &fluid, |r| smoothing.density(r * r));
        assert!((density / (OVERFILLED * 1070.0) - 1.0).abs() < 1e-12, "{density}");
        // Sibernetic's own lattice of 12.36 µm has 1070 kg/m³ with the particle itself.
        assert!((spacing - 12.36e-6).abs() < 0.05e-6, "{spacing}");
    }

    #[test]
    fn a_box_that_repeats_holds_every_point() {
        let inside = into_box(&Vec3::new(-1e-30, 7.5, -2.0), [1.0, 2.0, f64::INFINITY]);
        assert_eq!(inside, Vec3::new(0.0, 1.5, -2.0));
    }
}
