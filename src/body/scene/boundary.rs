//! Boundary particles: a layer of them stops what comes nearer than their rest distance.
//!
//!   w_b = max(0, (r₀ − d_b)/r₀),   n = Σ_b w_b n_b,   c = Σ_b w_b c_b
//!   Δx = n/√(n·n + c²) · Σ_b w_b (r₀ − d_b) / Σ_b w_b
//!   v ← e (v − (n·v) n)  where  n·v < 0
//!
//! d_b distance to boundary particle b [m], n_b its normal into the room, e what is left of the velocity. c_b is its
//! type, 3, which a slip of the peer takes for a fourth component of the normal: a push is a third of what it would
//! be, and its worms lie 1 µm deeper. n in the third line is the sum as it is, not a unit vector, as in the peer,
//! and e acts at every step of a contact.
//!
//! Source: Ihmsen et al. 2010, Boundary handling and adaptive time-stepping for PCISPH, VRIPHYS 2010,
//! doi:10.2312/PE/vriphys/vriphys10/079-088; the rest: read in the source of Sibernetic 0.0.6.

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;
use crate::body::smoothing::Smoothing;

/// The boundary of a scene.
#[derive(Debug, Clone)]
pub struct Boundary {
    /// Where its particles are [m].
    pub position: Vec<Vec3>,
    /// Their normals into the room, with c.
    normal: Vec<(Vec3, f64)>,
    /// Σ W over the other boundary particles near each [1/m³], which never changes.
    pub crowd: Vec<f64>,
    rest_distance: f64,
    rebound: f64,
}

/// What the boundary does to one particle near it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact {
    /// n, not of unit length.
    normal: Vec3,
    /// c.
    code: f64,
    /// Length of Δx [m].
    push: f64,
}

impl Contact {
    /// Δx [m].
    pub fn shift(&self) -> Vec3 {
        self.normal * (self.push / (self.normal.norm_squared() + self.code * self.code).sqrt())
    }
}

impl Boundary {
    /// A boundary of particles with normals, that pushes within `rest_distance` [m].
    pub fn new(
        position: Vec<Vec3>,
        normal: Vec<(Vec3, f64)>,
        rest_distance: f64,
        rebound: f64,
        smoothing: &Smoothing,
    ) -> Self {
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, smoothing.length);
        let weight = |i: usize, j: usize| smoothing.density((position[i] - position[j]).norm_squared());
        let crowd = (0..position.len()).map(|i| neighbors.of(i).map(|j| weight(i, j)).sum()).collect();
        Self { crowd, position, normal, rest_distance, rebound }
    }

    /// The contact of a particle at `x` with those of the boundary particles `near` it that it touches.
    #[inline]
    pub fn contact(&self, near: impl Iterator<Item = usize>, x: Vec3) -> Option<Contact> {
        let (mut normal, mut code, mut sum, mut pushes) = (Vec3::zeros(), 0.0, 0.0, 0.0);
        // Most are not near enough by far: no root is taken for them.
        let far = 1.001 * self.rest_distance * self.rest_distance;
        for b in near {
            let square = (x - self.position[b]).norm_squared();
            if square > far {
                continue;
            }
            let gap = self.rest_distance - square.sqrt();
            if gap > 0.0 {
                let weight = gap / self.rest_distance;
                normal += self.normal[b].0 * weight;
                code += self.normal[b].1 * weight;
                sum += weight;
                pushes += weight * gap;
            }
        }
        (normal != Vec3::zeros()).then(|| Contact { normal, code, push: pushes / sum })
    }

    /// Takes the velocity into the boundary away.
    pub fn stop(&self, contact: &Contact, velocity: &mut Vec3) {
        let inwards = contact.normal.dot(velocity);
        if inwards < 0.0 {
            *velocity = (*velocity - contact.normal * inwards) * self.rebound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A floor of particles at rest distance from each other, and one particle above its middle.
    fn touch(height: f64) -> Option<Contact> {
        let floor: Vec<Vec3> =
            (0..25).map(|n| Vec3::new(f64::from(n % 5) - 2.0, 0.0, f64::from(n / 5) - 2.0) * 12e-6).collect();
        let up = vec![(Vec3::new(0.0, 1.0, 0.0), 0.0); 25];
        let boundary = Boundary::new(floor, up, 12e-6, 0.99, &Smoothing::new(24e-6));
        boundary.contact(0..25, Vec3::new(0.0, height, 0.0))
    }

    #[test]
    fn a_floor_lifts_what_comes_too_near_to_its_rest_distance() {
        let contact = touch(9e-6).expect("it touches");
        assert!((contact.shift() - Vec3::new(0.0, 3e-6, 0.0)).norm() < 1e-18, "{contact:?}");
        assert_eq!(touch(12.1e-6), None);
    }

    #[test]
    fn only_what_moves_into_the_floor_is_stopped() {
        let boundary = Boundary::new(Vec::new(), Vec::new(), 12e-6, 0.99, &Smoothing::new(24e-6));
        let contact = Contact { normal: Vec3::new(0.0, 1.0, 0.0), code: 0.0, push: 1e-6 };
        let (mut up, mut down) = (Vec3::new(1.0, 2.0, 0.0), Vec3::new(1.0, -2.0, 0.0));
        boundary.stop(&contact, &mut up);
        boundary.stop(&contact, &mut down);
        assert_eq!(up, Vec3::new(1.0, 2.0, 0.0));
        assert_eq!(down, Vec3::new(0.99, 0.0, 0.0));
    }
}
