//! What holds the body in place without dragging on it: the water film on a plate, a solid floor, obstacles.
//!
//!   film    f_z = −k_f (z̄ − z₀) / n      on each of the n particles of a ring with mean height z̄
//!   floor   f_z = k_c (z_c − z)          on each particle below the floor
//!   others  `obstacle.rs`                on each particle inside
//!
//! k_f stiffness of the film on one ring [N/m], z₀ the height at which the body was laid down [m], k_c stiffness of
//! the contact [N/m], z_c height of the floor [m]. Pulling on a ring's mean leaves it free to roll.

use crate::body::envelope::Envelope;
use crate::body::medium::{Floor, Medium};
use crate::body::obstacle::Obstacle;
use crate::body::particles::{Tissue, Vec3};

/// What is so near above the floor [m] counts as touching it in the stiffness, not in the force: Newton's iterations
/// would else jump between touching and not touching. Chosen by trial.
const NEARLY: f64 = 5e-8;

/// The film, the floor and the obstacles of a medium under one body.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Stiffness of the film on one ring, k_f [N/m].
    film: f64,
    /// Height of each ring's centre at rest, z₀ [m].
    laid_at: Vec<f64>,
    floor: Option<Floor>,
    obstacles: Vec<Obstacle>,
    /// After which lengths space repeats [m].
    period: [f64; 3],
}

impl Contact {
    /// The contact of `tissue`, at rest, with `medium`; `pitch` is the distance between rings [m].
    pub fn new(medium: &Medium, tissue: &Tissue, pitch: f64) -> Self {
        let laid_at = (0..tissue.rings()).map(|ring| mean_height(tissue, &tissue.position, ring)).collect();
        Self {
            film: medium.film_stiffness * pitch,
            laid_at,
            floor: medium.floor,
            obstacles: medium.obstacles.clone(),
            period: [f64::INFINITY; 3],
        }
    }

    /// From now on obstacles repeat with a space that does so after `period` [m].
    pub fn repeat(&mut self, period: [f64; 3]) {
        self.period = period;
    }

    /// Adds the forces of film, floor and obstacles [N].
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
            for (x, force) in position.iter().zip(force.iter_mut()) {
                force.z += floor.stiffness * (floor.height - x.z).max(0.0);
            }
        }
        for obstacle in &self.obstacles {
            for (x, force) in position.iter().zip(force.iter_mut()) {
                if let Some(press) = obstacle.press(*x, self.period) {
                    *force += press.outwards * press.force;
                }
            }
        }
    }

    /// Whether film, floor or an obstacle has a hold on a body at `position` [m].
    pub fn holds(&self, position: &[Vec3]) -> bool {
        self.film > 0.0 || self.presses(position)
    }

    /// Whether the contact is as stiff at one place of the particles as at another.
    pub fn is_alike(&self, one: &[Vec3], other: &[Vec3]) -> bool {
        let down = |floor: &Floor, x: &Vec3| x.z < floor.height + NEARLY;
        let pairs = || one.iter().zip(other);
        let unmoved = |obstacle: &Obstacle| pairs().all(|(a, b)| obstacle.presses_alike(*a, *b, self.period));
        self.floor.is_none_or(|floor| pairs().all(|(a, b)| down(&floor, a) == down(&floor, b)))
            && self.obstacles.iter().all(unmoved)
    }

    /// Whether floor or obstacles press, or nearly so, on any of the particles; the film goes along with a worm on its plate.
    pub fn presses(&self, position: &[Vec3]) -> bool {
        let down = |x: &Vec3| self.floor.is_some_and(|floor| x.z < floor.height + NEARLY);
        let inside = |x: &Vec3| self.obstacles.iter().any(|obstacle| obstacle.press(*x, self.period).is_some());
        position.iter().any(|x| down(x) || inside(x))
    }

    /// Adds the stiffness of film, floor and obstacles [N/m].
    pub fn add_stiffness(&self, tissue: &Tissue, position: &[Vec3], matrix: &mut Envelope) {
        if self.film > 0.0 {
            for ring in 0..tissue.rings() {
                let count = tissue.ring(ring).len() as f64;
                matrix.add_to_all_pairs(tissue.ring(ring), 2, self.film / (count * count));
            }
        }
        if let Some(floor) = self.floor {
            for (i, x) in position[..tissue.position.len()].iter().enumerate() {
                if x.z < floor.height + NEARLY {
                    matrix.add(i, 2, floor.stiffness);
                }
            }
        }
        for obstacle in &self.obstacles {
            for (i, x) in position[..tissue.position.len()].iter().enumerate() {
                if let Some(press) = obstacle.press(*x, self.period) {
                    matrix.add_block(i, i, &(press.outwards * (press.outwards * press.stiffness).transpose()));
                }
            }
        }
    }

    /// Energy stored in the contact with floor and obstacles [J].
    pub fn energy(&self, position: &[Vec3]) -> f64 {
        let floor =
            |x: &Vec3| self.floor.map_or(0.0, |floor| 0.5 * floor.stiffness * (floor.height - x.z).max(0.0).powi(2));
        let others = |x: &Vec3| self.obstacles.iter().map(|obstacle| obstacle.energy(*x, self.period)).sum::<f64>();
        position.iter().map(|x| floor(x) + others(x)).sum()
    }
}

fn mean_height(tissue: &Tissue, position: &[Vec3], ring: usize) -> f64 {
    let range = tissue.ring(ring);
    let count = range.len() as f64;
    position[range].iter().map(|x| x.z).sum::<f64>() / count
}
