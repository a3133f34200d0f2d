//! Pressure of both signs in a liquid that fills its space: velocities are made free of divergence.
//!
//!   v* = vₙ − h ∇pₙ/ρ, then viscosity      ∇²q = ρ ∇·v*/h      v = v* − h ∇q/ρ      pₙ₊₁ = pₙ + q − 3μ ∇·v*
//!
//! p pressure [Pa], q its change [Pa], ρ density [kg/m³], μ viscosity [Pa·s], h time step [s]. The last term makes the
//! pressure right at walls too, where the change alone has no slope: what viscosity did to v*, μ (∇² + 2 ∇∇·) v*, it does to v
//! but for 3μ ∇(∇·v*). Sums over the neighbours j of particle i, with
//! d = xⱼ − xᵢ, r = |d| and w = −W'(r)/r:
//!
//!   ∇pᵢ = Lᵢ Σ (pⱼ − pᵢ) w d,   Lᵢ = (Σ w d dᵀ)⁻¹ over liquid      exact for linear p, one-sided at walls too
//!   ∇·vᵢ = Σ (vⱼ − vᵢ)·Lᵢ w d,   Lᵢ over all neighbours            exact for linear v
//!   ∇²qᵢ = Σ ½(fᵢ + fⱼ) ∇²W(r) (qⱼ − qᵢ) over liquid,   fᵢ = 6/Σ ∇²W(r) r² over all neighbours
//!
//! The last is symmetric and has no checkerboards, so conjugate gradients find q; a wall, which has no pressure of its
//! own, passes no flux. Pairs of liquid and wall have no part in pressure: a body in the liquid feels what
//! [`Projection::beside`] says. Pressures are known but for a constant: their mean is 0.
//!
//! Particles that follow a flow line up and leave gaps. They are moved aside a little, from where they are dense to where
//! they are not, and take the velocity of the place where they come to:
//!
//!   s = C a² Σ V w (xᵢ − xⱼ),   x ← x + h v + s,   v ← v + (s·∇) v
//!
//! with V the volume of a particle [m³] and a³ = V. First order in the step for velocities where inertia counts; a
//! steady flow does not depend on it.
//!
//! Source: Chorin 1968, doi:10.1090/S0025-5718-1968-0242392-2 (projection); Timmermans, Minev & van de Vosse 1996,
//! doi:10.1002/(SICI)1097-0363(19960415)22:7<673::AID-FLD373>3.0.CO;2-O (the change, and its last term);
//! Bonet & Lok 1999, doi:10.1016/S0045-7825(99)00051-1 (L); Xu, Stansby & Laurence 2009,
//! doi:10.1016/j.jcp.2009.05.032, and Lind et al. 2012, doi:10.1016/j.jcp.2011.10.027 (moving aside).

use nalgebra::Matrix3;

use crate::body::exchange::{Equations, Exchange};
use crate::body::multilevel::Scene;
use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::pressure::{Fluid, densities};
use crate::parallel;

/// Residual at which conjugate gradients stop, of what they are asked for: the next step goes on from what is left. Ten
/// times more changes none of the flows of `nematode validate body` by more than a quarter of a percent.
const TOLERANCE: f64 = 1e-3;

/// Most iterations of one step.
const MOST_ITERATIONS: usize = 1000;

/// What a pressure's change holds on to by itself, of what a neighbour conducts: in a pocket that is cut off, whose walls
/// ask for what can't be, pressure rises evenly, which moves nothing.
const COMPLIANCE: f64 = 1e-6;

/// C over the number of spacings that the fastest particle passes in a step: what comes to rest is not stirred.
const ASIDE: f64 = 4.0;

/// The largest C.
const MOST_ASIDE: f64 = 0.5;

/// The longest way aside, in spacings.
const LONGEST_ASIDE: f64 = 0.1;

/// det(M)/(tr(M)/3)³ is 1 on a lattice; from this on neighbours count as all around a particle.
const ROUND: f64 = 0.5;

/// How much more than it is, a mean moment weighs where neighbours are not all around.
const FLAT: f64 = 1.5;

/// What is known of the liquid as it lies.
#[derive(Debug, Clone, Copy)]
pub struct Lying<'a> {
    /// Constants of the liquid.
    pub fluid: &'a Fluid,
    /// Who is near whom.
    pub neighbors: &'a Neighbors,
    /// Where particles are [m].
    pub position: &'a [Vec3],
    /// Which are liquid; the others are walls.
    pub moves: &'a [bool],
    /// Which are inside a body: liquid there has nothing in common with liquid outside.
    pub enclosed: &'a [bool],
}

impl Lying<'_> {
    /// From particle `i` of the liquid to each neighbour that it feels: who, the way there [m], and w [1/m⁵].
    #[inline]
    fn around(&self, i: usize) -> impl Iterator<Item = (usize, Vec3, f64)> + '_ {
        let felt = move |j: &usize| !self.moves[*j] || self.enclosed[*j] == self.enclosed[i];
        self.neighbors.of(i).filter(felt).map(move |j| {
            let d = -self.neighbors.away(self.position, i, j);
            let r = d.norm();
            (j, d, if r > 0.0 { self.fluid.smoothing.steepness(r) / r } else { 0.0 })
        })
    }
}

/// What the neighbours of a particle of the liquid are like, as they lie.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    /// L over all neighbours [m⁵].
    all: Matrix3<f64>,
    /// L over those that are liquid [m⁵].
    liquid: Matrix3<f64>,
    /// f [m³].
    scale: f64,
    /// Σ w (xᵢ − xⱼ), where there is more room [1/m⁴].
    crowded: Vec3,
}

/// Pressures, and where particles are moved aside to.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    /// Pressure of each particle of the liquid [Pa]; walls have none of their own.
    pub pressure: Vec<f64>,
    /// Density of each particle as the smoothed sum measures it [kg/m³].
    pub density: Vec<f64>,
    /// Sum of what pressure changed the velocities of the liquid by in this step [m/s].
    pub pushed: Vec3,
    /// C of this step.
    stirring: f64,
    around: Vec<Around>,
    change: Vec<f64>,
    divergence: Vec<f64>,
    exchange: Exchange,
}

/// L from M = Σ w d dᵀ. The flatter M is, the more it is taken for a sphere: what neighbours in a plane say of the way
/// out of it would be noise.
fn corrected(moment: Matrix3<f64>) -> Matrix3<f64> {
    let mean = moment.trace() / 3.0;
    if mean <= 0.0 {
        return Matrix3::zeros();
    }
    let round = moment.determinant() / mean.powi(3);
    let flat = (1.0 - round / ROUND).clamp(0.0, 1.0);
    let blend = moment * (1.0 - flat) + Matrix3::from_diagonal_element(mean * flat * FLAT);
    blend.try_inverse().unwrap_or_else(Matrix3::zeros)
}

/// Sum of the values of those that move.
fn sum_of_movers(values: &[Vec3], moves: &[bool]) -> Vec3 {
    let along = |axis: usize| parallel::ordered_sum(values.len(), |i| if moves[i] { values[i][axis] } else { 0.0 });
    Vec3::new(along(0), along(1), along(2))
}

impl Projection {
    /// Looks at the liquid as it lies, and lets the pressures of the last step push it over `dt` [s].
    pub fn push(&mut self, lying: &Lying<'_>, dt: f64, velocity: &mut [Vec3]) {
        let Lying { fluid, neighbors, position, moves, .. } = *lying;
        let count = position.len();
        densities(fluid, neighbors, position, &mut self.density);
        self.around.resize(count, Around::default());
        parallel::for_each(&mut self.around, |i, around| {
            if !moves[i] {
                return;
            }
            let (mut all, mut liquid) = (Matrix3::zeros(), Matrix3::zeros());
            let (mut spread, mut crowded) = (0.0, Vec3::zeros());
            for (j, d, w) in lying.around(i) {
                let moment = d * (d * w).transpose();
                all += moment;
                if moves[j] {
                    liquid += moment;
                }
                spread += fluid.smoothing.laplacian(d.norm()) * d.norm_squared();
                crowded -= d * w;
            }
            *around = Around {
                all: corrected(all),
                liquid: corrected(liquid),
                scale: if spread > 0.0 { 6.0 / spread } else { 0.0 },
                crowded,
            };
        });
        self.pressure.resize(count, 0.0);
        self.pushed = self.fall(lying, &self.pressure, dt, velocity);
    }

    /// Makes `velocity` [m/s] free of divergence in a liquid of `viscosity` [Pa·s]; walls that `slide` along themselves
    /// stay where they are. Gives the iterations that it took.
    pub fn project(&mut self, lying: &Lying<'_>, viscosity: f64, dt: f64, slide: bool, velocity: &mut [Vec3]) -> usize {
        let Lying { fluid, moves, .. } = *lying;
        let count = velocity.len();
        self.diverge(lying, slide, velocity);
        let (around, divergence) = (&self.around, &self.divergence);
        let volume = fluid.mass / fluid.rest_density;
        let own = COMPLIANCE / libm::cbrt(volume * volume);
        let equations = Equations {
            neighbors: lying.neighbors,
            moves,
            own: |_| own,
            pair: |i: usize, j: usize| {
                if !moves[j] || lying.enclosed[j] != lying.enclosed[i] {
                    return 0.0;
                }
                let r = lying.neighbors.away(lying.position, i, j).norm();
                0.5 * (around[i].scale + around[j].scale) * fluid.smoothing.laplacian(r)
            },
            // One that is alone keeps its pressure.
            asked: |i: usize, _| {
                if around[i].liquid.trace() > 0.0 { -divergence[i] * fluid.rest_density / dt } else { 0.0 }
            },
        };
        self.change.clear();
        self.change.resize(count, 0.0);
        let scene = Scene {
            position: lying.position,
            moves,
            enclosed: lying.enclosed,
            period: lying.neighbors.period(),
            spacing: fluid.smoothing.length,
            own,
        };
        self.exchange.solve(&equations, &scene, &mut self.change, TOLERANCE, MOST_ITERATIONS);
        self.pushed += self.fall(lying, &self.change, dt, velocity);
        let fastest = parallel::largest(count, |i| if moves[i] { velocity[i].norm() } else { 0.0 });
        self.stirring = (ASIDE * fastest * dt / libm::cbrt(volume)).min(MOST_ASIDE);
        let (change, divergence) = (&self.change, &self.divergence);
        parallel::for_each(&mut self.pressure, |i, pressure| {
            *pressure = if moves[i] { *pressure + change[i] - 3.0 * viscosity * divergence[i] } else { 0.0 };
        });
        Self::balance(lying, &mut self.pressure);
        self.exchange.iterations
    }

    /// Works out the divergence of `velocity` [1/s].
    fn diverge(&mut self, lying: &Lying<'_>, slide: bool, velocity: &[Vec3]) {
        let moves = lying.moves;
        self.divergence.resize(velocity.len(), 0.0);
        let around = &self.around;
        parallel::for_each(&mut self.divergence, |i, divergence| {
            *divergence = 0.0;
            if moves[i] {
                let of = |j: usize| if moves[j] || !slide { velocity[j] } else { Vec3::zeros() };
                for (j, d, w) in lying.around(i) {
                    *divergence += (of(j) - velocity[i]).dot(&(around[i].all * d)) * w;
                }
            }
        });
    }

    /// How far particle `i` of the liquid is moved aside [m].
    pub fn aside(&self, lying: &Lying<'_>, i: usize) -> Vec3 {
        let volume = lying.fluid.mass / lying.fluid.rest_density;
        let spacing = libm::cbrt(volume);
        let aside = self.around[i].crowded * (self.stirring * spacing * spacing * volume);
        aside * (LONGEST_ASIDE * spacing / aside.norm()).min(1.0)
    }

    /// By how much `velocity` [m/s] differs at a place so far `aside` [m] of particle `i`.
    pub fn carried(&self, lying: &Lying<'_>, i: usize, aside: Vec3, velocity: &[Vec3]) -> Vec3 {
        let direction = self.around[i].all * aside;
        lying
            .around(i)
            .fold(Vec3::zeros(), |change, (j, d, w)| change + (velocity[j] - velocity[i]) * (direction.dot(&d) * w))
    }

    /// Pressure at particle `i` of a wall [Pa]: the mean of what is near of the liquid, and 0, the mean of all, where
    /// there is none.
    pub fn beside(&self, lying: &Lying<'_>, i: usize, inside: bool) -> f64 {
        let near = lying.neighbors.of(i).filter(|j| lying.moves[*j] && lying.enclosed[*j] == inside);
        let (sum, weights) = near.fold((0.0, 0.0), |(sum, weights), j| {
            let weight = lying.fluid.smoothing.laplacian(lying.neighbors.away(lying.position, i, j).norm());
            (sum + self.pressure[j] * weight, weights + weight)
        });
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    /// Lets `velocity` of the liquid fall along the slope of a pressure over `dt` [s]; gives the sum of its changes [m/s].
    fn fall(&self, lying: &Lying<'_>, pressure: &[f64], dt: f64, velocity: &mut [Vec3]) -> Vec3 {
        let (moves, before) = (lying.moves, sum_of_movers(velocity, lying.moves));
        parallel::for_each(velocity, |i, v| {
            if moves[i] {
                *v -= self.gradient(lying, i, pressure) * (dt / lying.fluid.rest_density);
            }
        });
        sum_of_movers(velocity, moves) - before
    }

    /// ∇p at particle `i` of the liquid.
    #[inline]
    fn gradient(&self, lying: &Lying<'_>, i: usize, pressure: &[f64]) -> Vec3 {
        let liquid = lying.around(i).filter(|(j, ..)| lying.moves[*j]);
        let sum = liquid.fold(Vec3::zeros(), |sum, (j, d, w)| sum + d * (w * (pressure[j] - pressure[i])));
        self.around[i].liquid * sum
    }

    /// Takes from the values of the liquid their mean, inside bodies and outside for itself.
    fn balance(lying: &Lying<'_>, values: &mut [f64]) {
        let Lying { moves, enclosed, .. } = *lying;
        for inside in [false, true] {
            let belongs = |i: usize| moves[i] && enclosed[i] == inside;
            let among = &*values;
            let count = parallel::ordered_sum(among.len(), |i| if belongs(i) { 1.0 } else { 0.0 });
            let mean =
                parallel::ordered_sum(among.len(), |i| if belongs(i) { among[i] } else { 0.0 }) / f64::max(count, 1.0);
            parallel::for_each(values, |i, value| *value -= if belongs(i) { mean } else { 0.0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::smoothing::Smoothing;

    const SPACING: f64 = 10e-6;
    const RHO: f64 = 1000.0;

    /// Water between two plates of two layers each, below and above ten layers that repeat along x and y; every particle
    /// stands a little beside its place on a lattice.
    struct Slab {
        fluid: Fluid,
        neighbors: Neighbors,
        position: Vec<Vec3>,
        moves: Vec<bool>,
        enclosed: Vec<bool>,
    }

    impl Slab {
        fn new() -> Self {
            let smoothing = Smoothing::new(2.0 * SPACING);
            let fluid = Fluid { mass: RHO * SPACING.powi(3), rest_density: RHO, smoothing, counts_itself: true };
            let mut slab = Self {
                fluid,
                neighbors: Neighbors::default(),
                position: Vec::new(),
                moves: Vec::new(),
                enclosed: vec![false; 6 * 6 * 14],
            };
            for n in 0..6 * 6 * 14 {
                let (x, y, z) = (n % 6, n / 6 % 6, n / 36);
                let askew = |step: f64| (f64::from(n) * step).fract() - 0.5;
                let beside = Vec3::new(askew(0.819_172_5), askew(0.671_043_6), askew(0.549_700_5)) * 0.2;
                let moves = (2..12).contains(&z);
                let place = Vec3::new(f64::from(x) + 0.5, f64::from(y) + 0.5, f64::from(z) - 1.0);
                slab.position.push((place + if moves { beside } else { Vec3::zeros() }) * SPACING);
                slab.moves.push(moves);
            }
            let period = [6.0 * SPACING, 6.0 * SPACING, f64::INFINITY];
            slab.neighbors.rebuild_around(&slab.position, 2.0 * SPACING, &slab.moves, Some(period));
            slab
        }

        fn lying(&self) -> Lying<'_> {
            let Self { fluid, neighbors, position, moves, enclosed } = self;
            Lying { fluid, neighbors, position, moves, enclosed }
        }

        fn liquid(&self) -> impl Iterator<Item = usize> + '_ {
            (0..self.moves.len()).filter(|i| self.moves[*i])
        }
    }

    #[test]
    fn a_pressure_that_rises_evenly_has_its_slope_at_walls_too() {
        let slab = Slab::new();
        let mut projection = Projection::default();
        let mut velocity = vec![Vec3::zeros(); slab.position.len()];
        projection.push(&slab.lying(), 1e-3, &mut velocity);
        let slope = Vec3::new(0.0, 0.0, 3e4);
        let pressure: Vec<f64> = slab.position.iter().map(|x| slope.dot(x)).collect();
        for i in slab.liquid() {
            let found = projection.gradient(&slab.lying(), i, &pressure);
            assert!((found - slope).norm() < 1e-9 * slope.norm(), "{found} at {}", slab.position[i]);
        }
    }

    #[test]
    fn weight_is_borne_by_pressures_below_and_above_their_mean_and_nothing_moves() {
        let slab = Slab::new();
        let mut projection = Projection::default();
        let (g, dt) = (Vec3::new(0.0, 0.0, -9.8), 1e-5);
        let mut velocity = vec![Vec3::zeros(); slab.position.len()];
        // Each step goes on from the pressures of the last.
        for _ in 0..60 {
            for i in slab.liquid() {
                velocity[i] += g * dt;
            }
            projection.push(&slab.lying(), dt, &mut velocity);
            projection.project(&slab.lying(), 0.0, dt, false, &mut velocity);
        }
        let fallen = g.norm() * dt * 60.0;
        for i in slab.liquid() {
            // What is left has no divergence that the sums could see; a hundredth of what weight would have made of it.
            assert!(velocity[i].norm() < 0.01 * fallen, "{} of {fallen}", velocity[i]);
            let height = slab.position[i].z - 5.5 * SPACING;
            let wanted = -RHO * g.norm() * height;
            let deepest = RHO * g.norm() * 5.0 * SPACING;
            assert!((projection.pressure[i] - wanted).abs() < 0.02 * deepest, "{} {wanted}", projection.pressure[i]);
        }
        assert!(slab.liquid().any(|i| projection.pressure[i] < 0.0));
    }

    #[test]
    fn what_flows_together_is_parted_and_what_only_turns_is_let_be() {
        let slab = Slab::new();
        let k = std::f64::consts::TAU / (6.0 * SPACING);
        // Towards planes across x, and along y by an amount that depends on x.
        let wave = |x: &Vec3| Vec3::new(libm::sin(k * x.x), libm::cos(k * x.x), 0.0) * 1e-3;
        let middle = |x: &Vec3| (x.z / SPACING - 5.5).abs() < 2.0;
        let mut projection = Projection::default();
        let mut velocity: Vec<Vec3> = slab.position.iter().map(wave).collect();
        for i in (0..velocity.len()).filter(|i| !slab.moves[*i]) {
            velocity[i].x = 0.0;
        }
        let dt = 1e-6;
        for _ in 0..10 {
            projection.push(&slab.lying(), dt, &mut velocity);
            projection.pressure.fill(0.0);
            projection.project(&slab.lying(), 0.0, dt, false, &mut velocity);
        }
        let rms = |of: &dyn Fn(usize) -> f64| {
            let seen: Vec<f64> = slab.liquid().filter(|i| middle(&slab.position[*i])).map(of).collect();
            (seen.iter().map(|v| v * v).sum::<f64>() / seen.len() as f64).sqrt()
        };
        let before = 1e-3 / 2.0_f64.sqrt();
        let (together, aside) = (rms(&|i| velocity[i].x), rms(&|i| velocity[i].y - wave(&slab.position[i]).y));
        // Six particles to a wave: a tenth of its speed is what such sums miss.
        assert!(together < 0.1 * before, "{together} of {before}");
        assert!(aside < 0.1 * before, "{aside} of {before}");
    }
}
