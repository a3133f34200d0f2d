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
use crate::body::scene::group::{Copied, Group, MOST, SIDE, Side, beside, vector};
use crate::body::scene::pairs::Pairs;
use crate::body::scene::sums::Sum;
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
    pub groups: &'a [(Group, Sum)],
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
}

impl Pressure {
    /// Corrects the pressures over one step of `dt` [s].
    pub fn solve(&mut self, fluid: &Fluid, state: &State, dt: f64) {
        let (movers, count) = (state.velocity.len(), state.place.len());
        self.pressure.clear();
        self.pressure.resize(count, 0.0);
        self.density.resize(count, 0.0);
        self.acceleration.clear();
        self.acceleration.resize(movers, Vec3::zeros());
        self.predicted.clear();
        self.predicted.extend_from_slice(state.rounded);
        self.shares.resize(count, [0.0; 2]);
        // |W'| is spiky (h − r)²; a unit of length goes with r̂, two with the square.
        let spiky = fluid.smoothing.steepness(0.0) / (fluid.smoothing.length / fluid.unit).powi(2);
        for _ in 0..fluid.iterations {
            let by_pressure = &self.acceleration;
            parallel::for_each(&mut self.predicted[..movers], |i, predicted| {
                let velocity = state.velocity[i] + (state.acceleration[i] + by_pressure[i]) * dt;
                let mut x = state.place[i] + velocity * dt;
                let (group, lane) = (&state.groups[i / SIDE].0, i % SIDE);
                if group.at_the_wall[lane]
                    && let Some(contact) = state.boundary.contact(state.pairs.walls(group, lane), x)
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
            let (pressure, shares) = (&self.pressure, &self.shares);
            let apart = (fluid.rest_density * fluid.gain) as f32;
            parallel::for_each_chunk(&mut self.acceleration, |first, accelerations| {
                simd::widest(
                    #[inline(always)]
                    || {
                        let mut room = Room::new();
                        for (g, accelerations) in accelerations.chunks_mut(SIDE).enumerate() {
                            let first = first + g * SIDE;
                            let group = &state.groups[first / SIDE].0;
                            let push = push(group, first, shares, pressure, apart, &mut room);
                            for (lane, acceleration) in accelerations.iter_mut().enumerate() {
                                *acceleration = vector(&push, lane) * (spiky * fluid.mass / density[first + lane]);
                            }
                        }
                    },
                );
            });
        }
    }

    /// Densities at the predicted positions.
    fn measure(&mut self, fluid: &Fluid, state: &State) {
        let movers = state.velocity.len();
        let predicted = &self.predicted;
        let reach = (fluid.smoothing.length / fluid.unit) as f32;
        let itself = f64::from(reach).powi(6);
        let scale = fluid.mass * fluid.smoothing.density(0.0) / itself;
        let (of_movers, of_walls) = self.density.split_at_mut(movers);
        parallel::for_each_chunk(of_movers, |first, densities| {
            simd::widest(
                #[inline(always)]
                || {
                    let mut room = Room::new();
                    for (g, densities) in densities.chunks_mut(SIDE).enumerate() {
                        let first = first + g * SIDE;
                        let group = &state.groups[first / SIDE].0;
                        let crowd = crowd(group, first, predicted, reach, &mut room);
                        for (density, crowd) in densities.iter_mut().zip(crowd) {
                            *density = scale * f64::from(crowd).max(itself);
                        }
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

/// (h − r)²/r of neighbours at these distances, which stays while pressures are corrected; in the file's unit. That of
/// very near ones is negative, which marks them.
#[inline(always)]
pub fn weigh(reach: f32, distance: &[Side; MOST], weight: &mut [Side; MOST]) {
    let near = 0.25 * reach;
    for (weight, distance) in weight.as_flattened_mut().iter_mut().zip(distance.as_flattened()) {
        let (gap, closer) = (reach - distance, near - distance);
        let factor = if *distance >= near { gap * gap } else { -closer * closer };
        // Two at one place push nowhere: their distance vector is zero.
        *weight = factor / distance.max(f32::MIN_POSITIVE);
    }
}

/// Room to work in, for `N` numbers of each neighbour of a group.
struct Room<const N: usize> {
    copied: Copied<N>,
    sorted: [[Side; MOST]; N],
}

impl<const N: usize> Room<N> {
    fn new() -> Self {
        Self { copied: [[[0.0; N]; SIDE]; MOST], sorted: [[[0.0; SIDE]; MOST]; N] }
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

/// Σⱼ (h² − r²)³ of the movers from `first` on, in the file's unit.
#[inline(always)]
fn crowd(group: &Group, first: usize, predicted: &[[f32; 4]], reach: f32, room: &mut Room<4>) -> Side {
    group.gather(predicted, &mut room.copied, &mut room.sorted);
    let [x, y, z, _] = beside(&predicted[first..]);
    let [xs, ys, zs, weights] = &mut room.sorted;
    for n in 0..group.most.min(MOST) {
        for lane in 0..SIDE {
            let (x, y, z) = (x[lane] - xs[n][lane], y[lane] - ys[n][lane], z[lane] - zs[n][lane]);
            weights[n][lane] = weight(x * x + y * y + z * z, reach);
        }
    }
    for (lane, count) in group.count.iter().enumerate() {
        // Empty places hold the particle itself.
        weights[*count as usize..group.most].iter_mut().for_each(|weights| weights[lane] = 0.0);
    }
    let mut sum = [0.0; SIDE];
    for weights in &weights[..group.most] {
        for lane in 0..SIDE {
            sum[lane] += weights[lane];
        }
    }
    sum
}

/// Σⱼ ½ (pᵢ + pⱼ)/ρⱼ* (h − r)² r̂ᵢⱼ of the movers from `first` on, in the file's unit.
#[inline(always)]
fn push(
    group: &Group,
    first: usize,
    shares: &[[f32; 2]],
    pressure: &[f64],
    apart: f32,
    room: &mut Room<2>,
) -> [Side; 3] {
    group.gather(shares, &mut room.copied, &mut room.sorted);
    let [pushing, half] = &room.sorted;
    let mut own = [0.0; SIDE];
    own.iter_mut().zip(&pressure[first..]).for_each(|(own, pressure)| *own = *pressure as f32);
    let mut sum = [[0.0; SIDE]; 3];
    for n in 0..group.most.min(MOST) {
        let mut factor = [0.0; SIDE];
        for lane in 0..SIDE {
            let (weight, half) = (group.weight[n][lane], half[n][lane]);
            let (far, near) = (weight * (own[lane] * half + pushing[n][lane]), -weight * apart * half);
            factor[lane] = if weight >= 0.0 { far } else { near };
        }
        for (sum, away) in sum.iter_mut().zip(&group.away) {
            for lane in 0..SIDE {
                sum[lane] += away[n][lane] * factor[lane];
            }
        }
    }
    sum
}
