//! The sums over a particle's neighbours, in the file's unit of length, for a group of movers side by side.
//!
//!   S = Σ (h² − r²)³        C = Σ (h² − r²)³ (xᵢ − xⱼ)        D = Σ c (vⱼ − vᵢ)(h − r)
//!
//! S density, C cohesion, D viscosity, each without its constants; c is the share of viscosity between tissue and
//! agar.

use crate::body::scene::group::{Copied, Group, MOST, SIDE, Side, beside};

/// What all particles' sums share.
pub struct Sums {
    /// h, in the file's unit.
    pub reach: f32,
    /// Viscosity between tissue and agar over that between all others.
    pub to_agar: f32,
}

/// The sums of a group.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    /// S.
    pub density: Side,
    /// C.
    pub cohesion: [Side; 3],
    /// D.
    pub drag: [Side; 3],
}

impl Sum {
    /// Of nothing.
    pub const NONE: Self = Self { density: [0.0; SIDE], cohesion: [[0.0; SIDE]; 3], drag: [[0.0; SIDE]; 3] };
}

impl Sums {
    /// S, C and D of the movers from `first` on; `distance` is that of their neighbours, `tissue` says who of them hangs on
    /// springs, `moving` has all velocities; `copied` is room to work in.
    #[inline(always)]
    pub fn over(
        &self,
        group: &Group,
        distance: &[Side; MOST],
        first: usize,
        tissue: &[bool; SIDE],
        moving: &[[f32; 4]],
        copied: &mut Copied<4>,
    ) -> Sum {
        let mut velocity = [[[0.0; SIDE]; MOST]; 4];
        group.gather(moving, copied, &mut velocity);
        let own = beside(&moving[first..]);
        let mut sum = Sum::NONE;
        for n in 0..group.most.min(MOST) {
            let (mut share, mut weight) = ([0.0; SIDE], [0.0; SIDE]);
            for lane in 0..SIDE {
                let r = distance[n][lane];
                let apart = tissue[lane] && velocity[3][n][lane] != own[3][lane];
                share[lane] = if apart { self.to_agar } else { 1.0 } * (self.reach - r);
                let gap = self.reach * self.reach - r * r;
                weight[lane] = gap * gap * gap;
                sum.density[lane] += weight[lane];
            }
            for axis in 0..3 {
                for lane in 0..SIDE {
                    sum.cohesion[axis][lane] += weight[lane] * group.away[axis][n][lane];
                    sum.drag[axis][lane] += share[lane] * (velocity[axis][n][lane] - own[axis][lane]);
                }
            }
        }
        sum
    }
}
