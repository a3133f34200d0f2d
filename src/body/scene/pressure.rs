//! Pressure as the peer corrects it: PCISPH with a fixed count of corrections.
//!
//!   x* = x + h (v + h (a + a_p)), out of the boundary      ρᵢ* = m Σⱼ W(xᵢ* − xⱼ*)
//!   pᵢ ← pᵢ + max(0, δ (ρᵢ* − ρ₀))
//!   a_p,i = (m/ρᵢ*) Σⱼ ½ (pᵢ + pⱼ)/ρⱼ* |W'(rᵢⱼ)| r̂ᵢⱼ
//!
//! Pairs nearer than h/4 are pushed apart by ½ ρ₀ δ |W'(r + ¾ h)| instead, whatever their pressures. δ [m²/s²] is the
//! pressure that a density error asks for. The density leaves the particle itself out. Unlike `body/pressure.rs`,
//! pressure never falls within a step, the two halves of a pair may differ, and nothing looks at the error left.
//!
//! Source: Solenthaler & Pajarola 2009, doi:10.1145/1531326.1531346, as read in the source of Sibernetic 0.0.6.

use crate::body::particles::Vec3;
use crate::body::scene::boundary::Boundary;
use crate::body::scene::pairs::{MOST, Pairs, Row};
use crate::body::scene::sums;
use crate::body::smoothing::Smoothing;
use crate::{parallel, simd};

/// The constants of one solve.
pub struct Fluid {
    /// The unit of distances in rows [m].
    pub unit: f64,
    /// Mass of a particle [kg].
    pub mass: f64,
    /// ρ₀ [kg/m³].
    pub rest_density: f64,
    /// The smoothing functions.
    pub smoothing: Smoothing,
    /// δ [m²/s²].
    pub gain: f64,
    /// Corrections.
    pub iterations: usize,
}

/// What the solve starts from.
pub struct State<'a> {
    /// Who is near whom.
    pub pairs: &'a Pairs,
    /// Neighbours of each mover.
    pub rows: &'a [Row],
    /// The boundary.
    pub boundary: &'a Boundary,
    /// Positions of movers, then near boundary particles [m].
    pub place: &'a [Vec3],
    /// The same in the file's unit.
    pub rounded: &'a [[f32; 4]],
    /// Velocities of movers.
    pub velocity: &'a [Vec3],
    /// Accelerations of movers, without pressure.
    pub acceleration: &'a [Vec3],
}

/// Pressures and what they do, movers first, then near boundary particles.
#[derive(Debug, Clone, Default)]
pub struct Pressure {
    /// Pressure [Pa].
    pub pressure: Vec<f64>,
    /// Acceleration of movers by it [m/s²].
    pub acceleration: Vec<Vec3>,
    density: Vec<f64>,
    /// ½ p/ρ*, ½/ρ* of each particle.
    shares: Vec<[f32; 2]>,
    /// x* in the file's unit.
    predicted: Vec<[f32; 4]>,
    /// (h − r)²/r of each neighbour, in the file's unit; that of very near ones negative, which marks them.
    weights: Vec<[f32; MOST]>,
}

impl Pressure {
    /// Corrects the pressures over one step of `dt` [s].
    pub fn solve(&mut self, fluid: &Fluid, state: &State, dt: f64) {
        let (movers, count) = (state.rows.len(), state.place.len());
        self.pressure.clear();
        self.pressure.resize(count, 0.0);
        self.density.resize(count, 0.0);
        self.acceleration.clear();
        self.acceleration.resize(movers, Vec3::zeros());
        self.predicted.clear();
        self.predicted.extend_from_slice(state.rounded);
        self.shares.resize(count, [0.0; 2]);
        self.weigh(fluid, state);
        // |W'| is spiky (h − r)²; a unit of length goes with r̂, two with the square.
        let spiky = fluid.smoothing.steepness(0.0) / (fluid.smoothing.length / fluid.unit).powi(2);
        for _ in 0..fluid.iterations {
            let by_pressure = &self.acceleration;
            parallel::for_each(&mut self.predicted[..movers], |i, predicted| {
                let velocity = state.velocity[i] + (state.acceleration[i] + by_pressure[i]) * dt;
                let mut x = state.place[i] + velocity * dt;
                if state.rows[i].at_the_wall
                    && let Some(contact) = state.boundary.contact(state.pairs.walls(&state.rows[i]), x)
                {
                    x += contact.shift();
                }
                *predicted = [x.x, x.y, x.z, 0.0].map(|x| (x / fluid.unit) as f32);
            });
            self.measure(fluid, state);
            let density = &self.density;
            for (i, pressure) in self.pressure.iter_mut().enumerate() {
                *pressure += (fluid.gain * (density[i] - fluid.rest_density)).max(0.0);
                self.shares[i] = [(0.5 * *pressure / density[i]) as f32, (0.5 / density[i]) as f32];
            }
            let (pressure, shares, weights) = (&self.pressure, &self.shares, &self.weights);
            let apart = (fluid.rest_density * fluid.gain) as f32;
            parallel::for_each_chunk(&mut self.acceleration, |first, accelerations| {
                simd::widest(
                    #[inline(always)]
                    || {
                        for (n, acceleration) in accelerations.iter_mut().enumerate() {
                            let i = first + n;
                            let push = push(&state.rows[i], &weights[i], shares, pressure[i] as f32, apart);
                            *acceleration = push * (spiky * fluid.mass / density[i]);
                        }
                    },
                );
            });
        }
    }

    /// (h − r)²/r of all pairs, which stays while pressures are corrected.
    fn weigh(&mut self, fluid: &Fluid, state: &State) {
        let reach = (fluid.smoothing.length / fluid.unit) as f32;
        let near = 0.25 * reach;
        self.weights.resize(state.rows.len(), [0.0; MOST]);
        parallel::for_each(&mut self.weights, |i, weights| {
            for (weight, r) in weights.iter_mut().zip(&state.rows[i].distance) {
                let gap = reach - r;
                let closer = near - r;
                let factor = if *r >= near { gap * gap } else { -closer * closer };
                // Two at one place push nowhere: their distance vector is zero.
                *weight = factor / r.max(f32::MIN_POSITIVE);
            }
        });
    }

    /// Densities at the predicted positions.
    fn measure(&mut self, fluid: &Fluid, state: &State) {
        let movers = state.rows.len();
        let predicted = &self.predicted;
        let reach = (fluid.smoothing.length / fluid.unit) as f32;
        let itself = f64::from(reach).powi(6);
        let scale = fluid.mass * fluid.smoothing.density(0.0) / itself;
        let (of_movers, of_walls) = self.density.split_at_mut(movers);
        parallel::for_each_chunk(of_movers, |first, densities| {
            simd::widest(
                #[inline(always)]
                || {
                    for (n, density) in densities.iter_mut().enumerate() {
                        let (i, row) = (first + n, &state.rows[first + n]);
                        // Distances first and weights after them: only the weights can be worked out side by side.
                        let mut weights = [0.0; MOST];
                        for (place, j) in weights.iter_mut().zip(&row.partner) {
                            *place = square(predicted[i], predicted[*j as usize]);
                        }
                        for place in &mut weights {
                            *place = weight(*place, reach);
                        }
                        // Empty places hold the particle itself.
                        weights[row.count..].fill(0.0);
                        *density = scale * sums::sum(&weights).max(itself);
                    }
                },
            );
        });
        parallel::for_each(of_walls, |wall, density| {
            let near = &state.pairs.movers_of_wall[wall];
            let sum: f32 =
                near.iter().map(|i| weight(square(predicted[movers + wall], predicted[*i as usize]), reach)).sum();
            let crowd = state.boundary.crowd[state.pairs.near_walls[wall] as usize];
            *density = (fluid.mass * crowd + scale * f64::from(sum)).max(scale * itself);
        });
    }
}

/// r² of two places, in the file's unit.
#[inline(always)]
fn square(a: [f32; 4], b: [f32; 4]) -> f32 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}

/// (h² − r²)³, or nothing beyond reach.
#[inline(always)]
fn weight(square: f32, reach: f32) -> f32 {
    let gap = (reach * reach - square).max(0.0);
    gap * gap * gap
}

/// Σⱼ ½ (pᵢ + pⱼ)/ρⱼ* (h − r)² r̂ᵢⱼ in the file's unit.
#[inline(always)]
fn push(row: &Row, weights: &[f32; MOST], shares: &[[f32; 2]], own: f32, apart: f32) -> Vec3 {
    let (mut pushing, mut half) = ([0.0f32; MOST], [0.0f32; MOST]);
    for (n, j) in row.partner.iter().enumerate() {
        [pushing[n], half[n]] = shares[*j as usize];
    }
    let mut factor = [0.0f32; MOST];
    for n in 0..MOST {
        let (weight, pushing, half) = (weights[n], pushing[n], half[n]);
        let (far, near) = (weight * (own * half + pushing), -weight * apart * half);
        factor[n] = if weight >= 0.0 { far } else { near };
    }
    let mut parts = row.away;
    for part in &mut parts {
        for (part, factor) in part.iter_mut().zip(&factor) {
            *part *= factor;
        }
    }
    Vec3::new(sums::sum(&parts[0]), sums::sum(&parts[1]), sums::sum(&parts[2]))
}
