//! What holds the body in place without dragging on it: the water film on a plate, and a solid floor.
//!
//!   film    f_z = −k_f (z̄ − z₀) / n      on each of the n particles of a ring with mean height z̄
//!   floor   f_z = k_c (z_c − z)          on each particle below the floor
//!
//! k_f stiffness of the film on one ring [N/m], z₀ the height at which the body was laid down [m], k_c stiffness of
//! the contact [N/m], z_c height of the floor [m]. Pulling on a ring's mean leaves it free to roll.

use crate::body::envelope::Envelope;
use crate::body::medium::{Floor, Medium};
use crate::body::particles::{Tissue, Vec3};

/// What is so near above the floor [m] counts as touching it in the stiffness, not in the force: Newton's iterations
/// would else jump between touching and not touching. Chosen by trial.
const NEARLY_DOWN: f64 = 5e-8;

/// The film and the floor of a medium under one body.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Stiffness of the film on one ring, k_f [N/m].
    film: f64,
    /// Height of each ring's centre at rest, z₀ [m].
    laid_at: Vec<f64>,
    floor: Option<Floor>,
}

impl Contact {
    /// The contact of `tissue`, at rest, with `medium`; `pitch` is the distance between rings [m].
    pub fn new(medium: &Medium, tissue: &Tissue, pitch: f64) -> Self {
        let laid_at = (0..tissue.rings()).map(|ring| mean_height(tissue, &tissue.position, ring)).collect();
        Self { film: medium.film_stiffness * pitch, laid_at, floor: medium.floor }
    }

    /// Adds the forces of film and floor [N].
    pub fn add_forces(&self, tissue: &Tissue, position: &[Vec3], force: &mut [Vec3]) {
        if self.film > 0.0 {
            for ring in 0..tissue.rings() {
                let lift = mean_height(tissue, position, ring) - self.laid_at[ring];
                let pull = self.film * lift / tissue.ring(ring).len() as f64;
                for i in tissue.ring(ring) {
                    force[i].z -= pull;
                }
            }
        }
        if let Some(floor) = self.floor {
            for (x, force) in position.iter().zip(force) {
                force.z += floor.stiffness * (floor.height - x.z).max(0.0);
            }
        }
    }

    /// Whether the same particles count as touching, wherever they are.
    pub fn is_alike(&self, one: &[Vec3], other: &[Vec3]) -> bool {
        let down = |floor: &Floor, x: &Vec3| x.z < floor.height + NEARLY_DOWN;
        self.floor.is_none_or(|floor| one.iter().zip(other).all(|(a, b)| down(&floor, a) == down(&floor, b)))
    }

    /// Adds the stiffness of film and floor [N/m].
    pub fn add_stiffness(&self, tissue: &Tissue, position: &[Vec3], matrix: &mut Envelope) {
        if self.film > 0.0 {
            for ring in 0..tissue.rings() {
                let count = tissue.ring(ring).len() as f64;
                matrix.add_to_all_pairs(tissue.ring(ring), 2, self.film / (count * count));
            }
        }
        if let Some(floor) = self.floor {
            for (i, x) in position[..tissue.position.len()].iter().enumerate() {
                if x.z < floor.height + NEARLY_DOWN {
                    matrix.add(i, 2, floor.stiffness);
                }
            }
        }
    }
}

fn mean_height(tissue: &Tissue, position: &[Vec3], ring: usize) -> f64 {
    let range = tissue.ring(ring);
    let count = range.len() as f64;
    position[range].iter().map(|x| x.z).sum::<f64>() / count
}
