//! The midline of a body and its curvature: the one function that is both what the worm feels and what we report.
//!
//!   κ(s) = dθ/ds,   κL its product with the body length (dimensionless)
//!
//! The midline runs through the rings' centres, head to tail. Curvature is taken in the body's own dorso-ventral
//! plane, from the tangents at ±`REACH` rings around a ring, and is positive where the worm bends to its back.

use crate::body::particles::{Tissue, Vec3};

/// Rings on each side that a tangent spans: 2 of 99 smooth the grain of single particles (24 µm) and keep
/// everything longer than a tenth of a worm's shortest wave.
const REACH: usize = 2;

/// A body's midline from head to tail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Midline {
    /// Centres of the rings [m].
    pub points: Vec<Vec3>,
    /// Unit tangents, towards the tail.
    pub tangent: Vec<Vec3>,
    /// Signed curvature [1/m], positive to the back.
    pub curvature: Vec<f64>,
}

impl Midline {
    /// The midline of a tissue whose particles stand at `position`.
    pub fn of(tissue: &Tissue, position: &[Vec3]) -> Self {
        let centre = |ring: usize| -> Vec3 {
            let on_ring = tissue
                .ring(ring)
                .filter(|i| tissue.on_surface[*i] && *i != tissue.head_pole() && *i != tissue.tail_pole());
            let (sum, count) = on_ring.fold((Vec3::zeros(), 0.0), |(sum, count), i| (sum + position[i], count + 1.0));
            sum / count
        };
        let points: Vec<Vec3> = (0..tissue.rings()).map(centre).collect();
        let to_the_back: Vec<Vec3> =
            (0..points.len()).map(|ring| position[tissue.dorsal[ring]] - position[tissue.ventral[ring]]).collect();
        Self::through(points, &to_the_back)
    }

    /// The midline through `points`, head to tail; `to_the_back` points to the dorsal side at each.
    pub fn through(points: Vec<Vec3>, to_the_back: &[Vec3]) -> Self {
        let last = points.len() - 1;
        let chord = |from: usize, to: usize| points[to] - points[from];
        let tangent: Vec<Vec3> = (0..=last)
            .map(|i| {
                chord(i.saturating_sub(REACH), (i + REACH).min(last)).try_normalize(0.0).unwrap_or_else(Vec3::zeros)
            })
            .collect();
        let curvature = (0..=last)
            .map(|i| {
                // Where the chords would leave the body, the curvature of the nearest ring inside stands.
                let i = i.clamp(REACH.min(last / 2), last - REACH.min(last / 2));
                let (a, b, c) = (points[i - REACH.min(i)], points[i], points[(i + REACH).min(last)]);
                let (before, after) = (b - a, c - b);
                let turn = after.normalize() - before.normalize();
                let back = (to_the_back[i] - tangent[i] * tangent[i].dot(&to_the_back[i]))
                    .try_normalize(0.0)
                    .unwrap_or_else(Vec3::zeros);
                turn.dot(&back) / (0.5 * (before.norm() + after.norm()))
            })
            .collect();
        Self { points, tangent, curvature }
    }

    /// Arc length through the centres [m].
    pub fn length(&self) -> f64 {
        self.points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum()
    }

    /// Mean curvature [1/m] of each of `parts` equal stretches of the body, head to tail.
    pub fn curvature_of_parts(&self, parts: usize) -> Vec<f64> {
        let rings = self.curvature.len();
        (0..parts)
            .map(|part| {
                let (from, to) = (part * rings / parts, ((part + 1) * rings / parts).max(part * rings / parts + 1));
                self.curvature[from..to].iter().sum::<f64>() / (to - from) as f64
            })
            .collect()
    }

    /// Curvature [1/m] at `count` equally spaced rings, linear between rings.
    pub fn curvature_at(&self, count: usize) -> Vec<f64> {
        let last = self.curvature.len() - 1;
        (0..count)
            .map(|k| {
                let ring = last as f64 * k as f64 / (count - 1) as f64;
                let (before, t) = ((ring as usize).min(last - 1), ring - (ring as usize).min(last - 1) as f64);
                self.curvature[before] * (1.0 - t) + self.curvature[before + 1] * t
            })
            .collect()
    }

    /// `count` points at equal arcs from head to tail [m].
    pub fn resampled(&self, count: usize) -> Vec<Vec3> {
        let mut arc = vec![0.0];
        for pair in self.points.windows(2) {
            arc.push(arc[arc.len() - 1] + (pair[1] - pair[0]).norm());
        }
        let total = arc[arc.len() - 1];
        (0..count)
            .map(|k| {
                let wanted = total * k as f64 / (count - 1) as f64;
                let after = arc.partition_point(|s| *s < wanted).clamp(1, arc.len() - 1);
                let t = (wanted - arc[after - 1]) / (arc[after] - arc[after - 1]);
                self.points[after - 1].lerp(&self.points[after], t)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arc_that_bends_to_the_back_has_the_curvature_of_its_circle() {
        let radius = 2e-4;
        let arc = |i: usize| {
            let angle = i as f64 * 0.06;
            Vec3::new(-radius * angle.sin(), radius * (1.0 - angle.cos()), 0.0)
        };
        let points: Vec<Vec3> = (0..99).map(arc).collect();
        let centre = Vec3::new(0.0, radius, 0.0);
        let back: Vec<Vec3> = points.iter().map(|p| centre - p).collect();
        let midline = Midline::through(points, &back);
        for curvature in &midline.curvature {
            // Chords of 0.12 rad differ from the arc by 0.12²/24 of its curvature.
            assert!((curvature * radius - 1.0).abs() < 1e-3, "{}", curvature * radius);
        }
        assert!((midline.length() - radius * 0.06 * 98.0).abs() < 1e-3 * midline.length());
    }
}
