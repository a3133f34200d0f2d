//! Springs, dashpots and fibres of the tissue: their forces and their stiffness matrix.
//!
//! A spring of stiffness k with a dashpot of relaxation time τ beside it, over one implicit step of length h
//! that begins at length lₙ, is one spring in disguise:
//!
//!   force = k [(l − L₀) + τ (l − lₙ)/h] d = k' (l − L') d,   k' = k (1 + τ/h),   L' = (L₀ + lₙ τ/h)/(1 + τ/h)
//!
//! l length [m], L₀ rest length [m], d unit vector along the spring. A fibre pulls with a force F [N] along d,
//! whatever its length, or as `contraction.rs` says. Stiffness, positive part only, so that the matrix stays positive definite:
//!
//!   spring  k' [d dᵀ + max(0, 1 − L'/l)(1 − d dᵀ)]        fibre  max(0, ∂F/∂l) d dᵀ + (F/l)(1 − d dᵀ)
//!
//! Where that is too bold, a share θ of k' may be kept across: max(θ, 1 − L'/l). With θ = 1 the matrix is an upper
//! bound of the true stiffness, and every move lowers the energy (a projective-dynamics step).
//!
//! Source: Bouaziz et al. 2014, Projective dynamics, doi:10.1145/2601097.2601116 (the bound);
//! Teran et al. 2005, Robust quasistatic finite elements and flesh simulation, SCA 2005,
//! doi:10.1145/1073368.1073394 (dropping the negative part of the stiffness).

use nalgebra::Matrix3;

use crate::body::contraction::Contraction;
use crate::body::envelope::Envelope;
use crate::body::particles::{Fibre, Spring, Tissue, Vec3};

/// A spring with its dashpot over one step.
#[derive(Debug, Clone, Copy)]
pub struct Damped {
    /// k' over k.
    pub stiffening: f64,
    /// L' [m].
    pub rest: f64,
}

/// Springs whose dashpots start at the lengths of `position`.
///
/// `damping_time` τ [s], `dt` h [s].
pub fn damp(springs: &[Spring], position: &[Vec3], damping_time: f64, dt: f64) -> Vec<Damped> {
    let ratio = damping_time / dt;
    let damped = |spring: &Spring| {
        let length = (position[spring.b] - position[spring.a]).norm();
        Damped { stiffening: 1.0 + ratio, rest: (spring.rest + ratio * length) / (1.0 + ratio) }
    };
    springs.iter().map(damped).collect()
}

/// A fibre over one step.
#[derive(Debug, Clone, Copy)]
pub struct Pull {
    /// Its force at rest length and without motion [N].
    pub force: f64,
    /// Its length at rest [m].
    pub rest: f64,
    /// Its length at the start of the step [m].
    pub start: f64,
}

impl Pull {
    /// The fibres of a tissue in a step that starts at `position`; `fibre_force` is that of one fibre of each muscle [N].
    pub fn all(tissue: &Tissue, position: &[Vec3], fibre_force: &[f64]) -> Vec<Self> {
        let length = |fibre: &Fibre, position: &[Vec3]| (position[fibre.b] - position[fibre.a]).norm();
        let moving = tissue.contraction.is_some();
        let pull = |fibre: &Fibre| {
            let force = fibre_force[fibre.muscle];
            let [rest, start] = if moving { [&tissue.position, position].map(|x| length(fibre, x)) } else { [1.0; 2] };
            Self { force, rest, start }
        };
        tissue.fibres.iter().map(pull).collect()
    }

    /// The force at a length [m] a step of `dt` [s] after the start, and its slope [N/m].
    fn at(&self, length: f64, contraction: Option<&Contraction>, dt: f64) -> (f64, f64) {
        contraction.map_or((self.force, 0.0), |contraction| {
            let (pull, slope) = contraction.pull(length / self.rest, self.start / self.rest, dt);
            (self.force * pull, self.force * slope / self.rest)
        })
    }
}

/// Adds the forces of springs and fibres [N] at the end of a step of `dt` [s].
pub fn add_forces(tissue: &Tissue, damped: &[Damped], pulls: &[Pull], dt: f64, position: &[Vec3], force: &mut [Vec3]) {
    for (spring, damped) in tissue.springs.iter().zip(damped) {
        let along = position[spring.b] - position[spring.a];
        let length = along.norm();
        let pull = along * (spring.stiffness * damped.stiffening * (length - damped.rest) / length);
        force[spring.a] += pull;
        force[spring.b] -= pull;
    }
    for (fibre, pull) in tissue.fibres.iter().zip(pulls) {
        let along = position[fibre.b] - position[fibre.a];
        let length = along.norm();
        let pull = along * (pull.at(length, tissue.contraction.as_ref(), dt).0 / length);
        force[fibre.a] += pull;
        force[fibre.b] -= pull;
    }
}

/// Adds the stiffness of springs and fibres [N/m]; `caution` θ is the share of a spring's stiffness kept across it.
pub fn add_stiffness(
    tissue: &Tissue,
    damped: &[Damped],
    pulls: &[Pull],
    dt: f64,
    position: &[Vec3],
    caution: f64,
    matrix: &mut Envelope,
) {
    for (spring, damped) in tissue.springs.iter().zip(damped) {
        let along = position[spring.b] - position[spring.a];
        let length = along.norm();
        let stiffness = spring.stiffness * damped.stiffening;
        let across = stiffness * (1.0 - damped.rest / length).max(caution);
        add_pair(matrix, spring.a, spring.b, along / length, stiffness, across);
    }
    for (fibre, pull) in tissue.fibres.iter().zip(pulls) {
        let along = position[fibre.b] - position[fibre.a];
        let length = along.norm();
        let (force, slope) = pull.at(length, tissue.contraction.as_ref(), dt);
        add_pair(matrix, fibre.a, fibre.b, along / length, slope.max(0.0), force / length);
    }
}

/// Adds the stiffness of one pair: `along` its direction d and `across` it.
fn add_pair(matrix: &mut Envelope, a: usize, b: usize, d: Vec3, along: f64, across: f64) {
    let block = d * (d * (along - across)).transpose() + Matrix3::from_diagonal_element(across);
    matrix.add_block(a, a, &block);
    matrix.add_block(b, b, &block);
    matrix.add_block(a, b, &-block);
}

/// Energy stored in the springs [J].
pub fn energy(tissue: &Tissue, position: &[Vec3]) -> f64 {
    let stretch = |spring: &Spring| (position[spring.b] - position[spring.a]).norm() - spring.rest;
    tissue.springs.iter().map(|spring| 0.5 * spring.stiffness * stretch(spring).powi(2)).sum()
}
