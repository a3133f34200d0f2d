//! The cuticle as a wall for the liquid inside: what comes within a distance r₀ of it is pushed back.
//!
//!   wₖ = max(0, (r₀ − dₖ)/r₀),   Δx = −n̂ Σₖ wₖ (r₀ − dₖ) / Σₖ wₖ,   n = Σₖ wₖ nₖ
//!
//! dₖ depth below triangle k along its outward normal nₖ [m], negative outside, so that a particle that slipped
//! through is brought back in. Outward motion of the liquid stops there, and the triangle's corners take up its
//! momentum.
//!
//! Source: Ihmsen et al. 2010, Boundary handling and adaptive time-stepping for PCISPH, VRIPHYS 2010,
//! doi:10.2312/PE/vriphys/vriphys10/079-088 (weights and direction).

use crate::body::neighbors::Neighbors;
use crate::body::particles::Vec3;

/// The cuticle's triangles by corner.
#[derive(Debug, Clone, Default)]
pub struct Membrane {
    triangles: Vec<[usize; 3]>,
    /// Triangles that have each tissue particle as a corner.
    of_corner: Vec<Vec<usize>>,
}

impl Membrane {
    /// The membrane of these triangles over `corners` tissue particles, normals outwards.
    pub fn new(triangles: &[[usize; 3]], corners: usize) -> Self {
        let mut of_corner = vec![Vec::new(); corners];
        for (index, triangle) in triangles.iter().enumerate() {
            for corner in triangle {
                of_corner[*corner].push(index);
            }
        }
        Self { triangles: triangles.to_vec(), of_corner }
    }

    /// Keeps the liquid, the particles from `first_liquid` on, at distance `reach` r₀ [m] inside.
    pub fn hold(
        &self,
        neighbors: &Neighbors,
        reach: f64,
        first_liquid: usize,
        mass: &[f64],
        position: &mut [Vec3],
        velocity: &mut [Vec3],
    ) {
        let mut near = Vec::new();
        for i in first_liquid..position.len() {
            near.clear();
            near.extend(neighbors.of(i).filter(|j| *j < first_liquid).flat_map(|j| self.of_corner[j].iter().copied()));
            near.sort_unstable();
            near.dedup();
            let (mut normal, mut push, mut weight_sum) = (Vec3::zeros(), 0.0, 0.0);
            let mut nearest = (f64::INFINITY, 0);
            for k in &near {
                let [a, b, c] = self.triangles[*k].map(|corner| position[corner]);
                let Some(outward) = (b - a).cross(&(c - a)).try_normalize(0.0) else { continue };
                let depth = (a - position[i]).dot(&outward);
                let aside = (position[i] + outward * depth - (a + b + c) / 3.0).norm();
                if depth < reach && depth > -reach && aside < reach {
                    let weight = (reach - depth) / reach;
                    normal += outward * weight;
                    push += weight * (reach - depth);
                    weight_sum += weight;
                    if depth < nearest.0 {
                        nearest = (depth, *k);
                    }
                }
            }
            let Some(outward) = normal.try_normalize(0.0).filter(|_| weight_sum > 0.0) else { continue };
            position[i] -= outward * (push / weight_sum);
            let corners = self.triangles[nearest.1];
            let wall: Vec3 = corners.iter().map(|corner| velocity[*corner]).sum::<Vec3>() / 3.0;
            let leaving = (velocity[i] - wall).dot(&outward);
            if leaving > 0.0 {
                let wall_mass: f64 = corners.iter().map(|corner| mass[*corner]).sum();
                let impulse = outward * (leaving * mass[i] * wall_mass / (mass[i] + wall_mass));
                velocity[i] -= impulse / mass[i];
                for corner in corners {
                    velocity[corner] += impulse / wall_mass;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flat membrane under a liquid particle at `height` below it, which rises at 1 mm/s.
    fn held(height: f64) -> (Vec<Vec3>, Vec<Vec3>) {
        let spacing = 12e-6;
        let mut position: Vec<Vec3> =
            (0..25).map(|n| Vec3::new(f64::from(n % 5) - 2.0, f64::from(n / 5) - 2.0, 0.0) * spacing).collect();
        let corner = |x: usize, y: usize| y * 5 + x;
        let triangles: Vec<[usize; 3]> = (0..16)
            .flat_map(|n| {
                let (x, y) = (n % 4, n / 4);
                let [a, b, c, d] = [corner(x, y), corner(x + 1, y), corner(x + 1, y + 1), corner(x, y + 1)];
                [[a, b, c], [a, c, d]]
            })
            .collect();
        position.push(Vec3::new(0.0, 0.0, -height));
        let mut velocity = vec![Vec3::zeros(); 26];
        velocity[25] = Vec3::new(0.0, 0.0, 1e-3);
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 2.0 * spacing);
        Membrane::new(&triangles, 25).hold(&neighbors, spacing, 25, &[2e-12; 26], &mut position, &mut velocity);
        (position, velocity)
    }

    #[test]
    fn liquid_near_the_cuticle_is_pushed_back_to_its_distance() {
        let (position, velocity) = held(4e-6);
        assert!((position[25].z + 12e-6).abs() < 1e-18, "{}", position[25].z);
        assert!(velocity[25].z < 1e-3);
    }

    #[test]
    fn liquid_that_slipped_through_is_brought_back_in() {
        let (position, _) = held(-4e-6);
        assert!(position[25].z < 0.0, "{}", position[25].z);
    }

    #[test]
    fn the_cuticle_takes_up_the_momentum_of_what_it_stops() {
        let (_, velocity) = held(4e-6);
        let sum: f64 = velocity.iter().map(|v| v.z).sum();
        assert!((sum - 1e-3).abs() < 1e-18, "{sum}");
    }

    #[test]
    fn liquid_far_from_the_cuticle_is_left_alone() {
        let (position, velocity) = held(13e-6);
        assert_eq!((position[25].z, velocity[25].z), (-13e-6, 1e-3));
    }
}
