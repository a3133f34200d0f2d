//! The sums over a particle's neighbours, in the file's unit of length, 32 places side by side.
//!
//!   S = Σ (h² − r²)³        C = Σ (h² − r²)³ (xᵢ − xⱼ)        D = Σ c (vⱼ − vᵢ)(h − r)
//!
//! S density, C cohesion, D viscosity, each without its constants; c is the share of viscosity between tissue and
//! agar. Sums run in eight lanes that are added in order, so that every vector width gives the same bits.

use crate::body::particles::Vec3;
use crate::body::scene::pairs::{MOST, Row};
use crate::simd;

/// Lanes of a sum: what the widest registers hold of f32, halved, so that narrower ones still run well.
const LANES: usize = 8;

/// Σ over all places of `terms`.
#[inline(always)]
pub fn sum(terms: &[f32; MOST]) -> f64 {
    let mut lanes = [0.0f32; LANES];
    for chunk in terms.chunks_exact(LANES) {
        for (lane, term) in lanes.iter_mut().zip(chunk) {
            *lane += term;
        }
    }
    lanes.iter().map(|lane| f64::from(*lane)).sum()
}

/// What all particles' sums share.
pub struct Sums {
    /// h, in the file's unit.
    pub reach: f32,
    /// Viscosity between tissue and agar over that between all others.
    pub to_agar: f32,
}

impl Sums {
    /// S (in x), C and D of particle `i`; `tissue` says whether it hangs on springs, `moving` has all velocities.
    #[inline]
    pub fn over(&self, row: &Row, i: usize, tissue: bool, moving: &[[f32; 4]]) -> [Vec3; 3] {
        simd::widest(
            #[inline(always)]
            || {
                let mut drag = [[0.0f32; MOST]; 3];
                let mut agar = [0.0f32; MOST];
                let own = moving[i];
                for (n, j) in row.partner.iter().enumerate() {
                    [drag[0][n], drag[1][n], drag[2][n], agar[n]] = moving[*j as usize];
                }
                let mut share = [0.0f32; MOST];
                for n in 0..MOST {
                    let between = if tissue && agar[n] != own[3] { self.to_agar } else { 1.0 };
                    share[n] = between * (self.reach - row.distance[n]);
                }
                for (drag, own) in drag.iter_mut().zip(own) {
                    for (drag, share) in drag.iter_mut().zip(&share) {
                        *drag = (*drag - own) * share;
                    }
                }
                let mut weight = [0.0f32; MOST];
                for (weight, r) in weight.iter_mut().zip(&row.distance) {
                    let gap = self.reach * self.reach - r * r;
                    *weight = gap * gap * gap;
                }
                let mut pull = row.away;
                for pull in &mut pull {
                    for (pull, weight) in pull.iter_mut().zip(&weight) {
                        *pull *= weight;
                    }
                }
                let vector = |parts: &[[f32; MOST]; 3]| Vec3::new(sum(&parts[0]), sum(&parts[1]), sum(&parts[2]));
                [Vec3::new(sum(&weight), 0.0, 0.0), vector(&pull), vector(&drag)]
            },
        )
    }
}
