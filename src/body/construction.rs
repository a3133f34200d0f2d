//! Builds the particles of a worm from its anatomy: rings of tissue, springs, fibres, cuticle, liquid.
//!
//! A ring is an outer circle of particles (the cuticle's vertices), an inner one a spacing deeper,
//! and a particle on the axis where the body is too thin for more. Springs join what is closer than
//! 1.65 spacings in the same ring or the next (face and body diagonals included). Fibres are the axial
//! springs in the four muscle sectors. The core is filled with liquid.
//!
//! Axes: x from tail to head, y from ventral to dorsal, z from left to right; the worm lies on its side.
//!
//! Source of the figures: measured on Sibernetic's scene worm_alone_half_resolution (see `models/worm.toml`).

use std::cmp::Ordering;
use std::f64::consts::PI;

use crate::body::anatomy::{Anatomy, Elasticity};
use crate::body::calibration;
use crate::body::particles::{Fibre, Spring, Tissue, Vec3};
use crate::names::{Quadrant, muscle_index};

/// Springs reach this many spacings: to the face diagonal (√2) and most body diagonals (√3).
const SPRING_REACH: f64 = 1.65;

/// A particle of a ring under construction.
struct Spot {
    /// Position [m].
    position: Vec3,
    /// Angle from dorsal, positive to the left [rad]; not a number on the axis.
    angle: f64,
    /// 0 on the cuticle, 1 on the inner circle …
    layer: usize,
}

/// Builds the tissue at rest: straight and unstressed, its springs as stiff as the anatomy asks.
pub fn build_tissue(anatomy: &Anatomy) -> Tissue {
    let rings: Vec<Vec<Spot>> = (0..anatomy.rings).map(|ring| build_ring(anatomy, ring)).collect();
    let mut ring_start = vec![0];
    for ring in &rings {
        ring_start.push(ring_start[ring_start.len() - 1] + ring.len());
    }
    let position: Vec<Vec3> = rings.iter().flatten().map(|spot| spot.position).collect();
    let springs = build_springs(anatomy, &rings, &ring_start);
    let fibres = build_fibres(anatomy, &rings, &ring_start);
    let outer: Vec<Vec<(usize, f64)>> =
        rings.iter().zip(&ring_start).map(|(ring, start)| circle(ring, *start)).collect();
    let triangles = triangulate(&outer, ring_start[1] - 1, ring_start[anatomy.rings] - 1);
    let poles = [ring_start[1] - 1, ring_start[anatomy.rings] - 1];
    let mut on_surface: Vec<bool> = rings.iter().flatten().map(|spot| spot.layer == 0).collect();
    for pole in poles {
        on_surface[pole] = true;
    }
    let dorsal = outer.iter().map(|circle| circle.first().map_or(0, |(index, _)| *index)).collect();
    let ventral = outer.iter().map(|circle| circle.get(circle.len() / 2).map_or(0, |(index, _)| *index)).collect();
    let mut tissue = Tissue {
        mass: vec![anatomy.particle_mass; position.len()],
        position,
        ring_start,
        springs,
        fibres,
        contraction: anatomy.contraction,
        triangles,
        on_surface,
        dorsal,
        ventral,
    };
    if let Elasticity::BendingModulus(modulus) = anatomy.elasticity {
        calibration::calibrate(&mut tissue, modulus);
    }
    tissue
}

/// Fills the core with liquid particles; the pressure solve settles them afterwards.
pub fn fill_with_liquid(anatomy: &Anatomy) -> Vec<Vec3> {
    let mut liquid = Vec::new();
    for ring in 0..anatomy.rings {
        let (x, radius) = ring_place(anatomy, ring);
        let cavity = radius - 2.0 * anatomy.spacing;
        if cavity < 0.35 * anatomy.spacing {
            continue;
        }
        let mut r = cavity;
        while r > 0.6 * anatomy.spacing {
            for k in 0..even_count(r, anatomy.spacing) {
                let angle = 2.0 * PI * k as f64 / even_count(r, anatomy.spacing) as f64;
                liquid.push(Vec3::new(x, r * libm::cos(angle), -r * libm::sin(angle)));
            }
            r -= anatomy.spacing;
        }
        liquid.push(Vec3::new(x, 0.0, 0.0));
    }
    liquid
}

/// Place on the axis [m] and half-width [m] of a ring; the head is at positive x.
fn ring_place(anatomy: &Anatomy, ring: usize) -> (f64, f64) {
    let place = ring as f64 / (anatomy.rings - 1) as f64;
    (anatomy.length * (0.5 - place), anatomy.radius_at(place))
}

/// How many particles stand on a circle: an even number, so that the ring mirrors itself dorsal to ventral
/// and left to right, and a straight worm stays straight.
fn even_count(radius: f64, spacing: f64) -> usize {
    (2 * (PI * radius / spacing).round() as usize).max(4)
}

fn build_ring(anatomy: &Anatomy, ring: usize) -> Vec<Spot> {
    let (x, radius) = ring_place(anatomy, ring);
    let spacing = anatomy.spacing;
    let mut spots = Vec::new();
    let mut circle = |radius: f64, layer: usize| {
        let count = even_count(radius, spacing);
        for k in 0..count {
            let turn = 2.0 * PI * k as f64 / count as f64;
            let angle = if turn > PI { turn - 2.0 * PI } else { turn };
            let position = Vec3::new(x, radius * libm::cos(turn), -radius * libm::sin(turn));
            spots.push(Spot { position, angle, layer });
        }
    };
    circle(radius, 0);
    let inner = radius - spacing;
    if inner > 0.6 * spacing {
        circle(inner, 1);
    } else if inner > 0.0 {
        spots.push(Spot { position: Vec3::new(x, 0.0, 0.0), angle: f64::NAN, layer: 1 });
    }
    // The two poles close the cuticle, half a spacing beyond the last rings.
    let outwards = if ring == 0 { 0.5 } else { -0.5 };
    if ring == 0 || ring + 1 == anatomy.rings {
        let position = Vec3::new(x + outwards * spacing, 0.0, 0.0);
        spots.push(Spot { position, angle: f64::NAN, layer: 2 });
    }
    spots
}

fn build_springs(anatomy: &Anatomy, rings: &[Vec<Spot>], ring_start: &[usize]) -> Vec<Spring> {
    let reach = SPRING_REACH * anatomy.spacing;
    let spots: Vec<&Spot> = rings.iter().flatten().collect();
    let soft = match anatomy.elasticity {
        Elasticity::SpringStiffness(stiffness) => stiffness,
        // Any start will do: calibration scales it.
        Elasticity::BendingModulus(_) => 1.0,
    };
    let mut springs = Vec::new();
    for ring in 0..rings.len() {
        let next_end = ring_start[(ring + 2).min(rings.len())];
        for a in ring_start[ring]..ring_start[ring + 1] {
            for b in a + 1..next_end {
                let rest = (spots[b].position - spots[a].position).norm();
                if rest <= reach {
                    let hoop = b < ring_start[ring + 1] && spots[a].layer == 0 && spots[b].layer == 0;
                    let stiff = anatomy.hoop_stiffness.filter(|_| hoop);
                    springs.push(Spring { a, b, rest, stiffness: stiff.unwrap_or(soft), hoop: stiff.is_some() });
                }
            }
        }
    }
    springs
}

/// The axial springs inside the muscle sectors, each given to the muscle cell that covers its place.
fn build_fibres(anatomy: &Anatomy, rings: &[Vec<Spot>], ring_start: &[usize]) -> Vec<Fibre> {
    let mut fibres = Vec::new();
    for ring in 0..rings.len() - 1 {
        let place = (ring as f64 + 0.5) / (rings.len() - 1) as f64;
        for quadrant in Quadrant::ALL {
            let pairs = axial_pairs(anatomy, &rings[ring], &rings[ring + 1], quadrant);
            for (rank, &(i, j)) in pairs.iter().enumerate() {
                let row = row_at(place, rank, pairs.len(), anatomy.muscle_rows);
                // MVL24 does not exist: its place belongs to MVL23.
                if let Some(muscle) = muscle_index(quadrant, row).or_else(|| muscle_index(quadrant, row - 1)) {
                    fibres.push(Fibre { a: ring_start[ring] + i, b: ring_start[ring + 1] + j, muscle });
                }
            }
        }
    }
    fibres
}

/// Pairs of particles of two neighbouring rings that lie in a quadrant and behind each other,
/// from the dorsal or ventral midline to the lateral one.
fn axial_pairs(anatomy: &Anatomy, ring: &[Spot], next: &[Spot], quadrant: Quadrant) -> Vec<(usize, usize)> {
    let behind = |spot: &Spot, members: &[usize]| {
        let distance = |j: &usize| (next[*j].position.yz() - spot.position.yz()).norm();
        let within_reach = |j: &usize| (next[*j].position - spot.position).norm() <= SPRING_REACH * anatomy.spacing;
        let same_layer = members.iter().copied().filter(|j| next[*j].layer == spot.layer && within_reach(j));
        same_layer.min_by(|p, q| distance(p).total_cmp(&distance(q)))
    };
    let next_members = quadrant_members(anatomy, next, quadrant);
    quadrant_members(anatomy, ring, quadrant)
        .into_iter()
        .filter_map(|i| Some((i, behind(&ring[i], &next_members)?)))
        .collect()
}

/// The particles of a ring in a quadrant: those inside the muscle sector, or where a thin circle has none
/// inside, the one nearest to its middle; from the dorsal or ventral midline to the lateral one.
fn quadrant_members(anatomy: &Anatomy, ring: &[Spot], quadrant: Quadrant) -> Vec<usize> {
    let [from, to] = anatomy.muscle_sector;
    let from_midline = |spot: &Spot| {
        let angle = if quadrant.is_dorsal() { spot.angle.abs() } else { PI - spot.angle.abs() };
        let on_side = if quadrant.is_left() { spot.angle > 0.0 } else { spot.angle < 0.0 };
        (on_side && angle > 1e-9 && angle < PI / 2.0).then_some(angle)
    };
    let mut members: Vec<(f64, usize)> = Vec::new();
    for layer in 0..2 {
        let circle: Vec<(f64, usize)> = ring
            .iter()
            .enumerate()
            .filter(|(_, spot)| spot.layer == layer)
            .filter_map(|(i, spot)| Some((from_midline(spot)?, i)))
            .collect();
        let inside = circle.iter().copied().filter(|(angle, _)| (from..=to).contains(angle));
        let before = members.len();
        members.extend(inside);
        if members.len() == before {
            let off_middle = |angle: f64| (angle - 0.5 * (from + to)).abs();
            members.extend(circle.into_iter().min_by(|p, q| off_middle(p.0).total_cmp(&off_middle(q.0))));
        }
    }
    members.sort_by(|p, q| p.0.total_cmp(&q.0).then(p.1.cmp(&q.1)));
    members.into_iter().map(|(_, i)| i).collect()
}

/// The row, from 1, of the muscle cell that the fibre of this rank (of `count`, from the midline out) belongs to.
///
/// The cells of a quadrant lie in two staggered files, each cell two rows long: odd rows next to the dorsal or
/// ventral cord, even rows next to the lateral one. A lone fibre in the middle goes to the row of its place.
/// Source: WormAtlas, muscle system, somatic muscle (doi:10.3908/wormatlas.1.7).
fn row_at(place: f64, rank: usize, count: usize, rows: usize) -> usize {
    let slot = ((place * rows as f64) as usize).min(rows - 1);
    match (2 * rank + 1).cmp(&count) {
        Ordering::Less => slot / 2 * 2 + 1,
        Ordering::Equal => slot + 1,
        Ordering::Greater => (slot.div_ceil(2) * 2).clamp(2.min(rows), rows),
    }
}

/// The cuticle's particles of one ring, with their angle in [0, 2π), in the order of the angle.
fn circle(ring: &[Spot], start: usize) -> Vec<(usize, f64)> {
    ring.iter()
        .enumerate()
        .filter(|(_, spot)| spot.layer == 0)
        .map(|(i, spot)| (start + i, if spot.angle < 0.0 { spot.angle + 2.0 * PI } else { spot.angle }))
        .collect()
}

/// Zips neighbouring circles into triangles and closes both ends with fans around the poles;
/// all normals point outwards.
fn triangulate(circles: &[Vec<(usize, f64)>], head_pole: usize, tail_pole: usize) -> Vec<[usize; 3]> {
    let mut triangles = Vec::new();
    for pair in circles.windows(2) {
        let (front, back) = (&pair[0], &pair[1]);
        let (mut i, mut j) = (0, 0);
        let turn =
            |circle: &[(usize, f64)], k: usize| circle[k % circle.len()].1 + 2.0 * PI * (k / circle.len()) as f64;
        while i < front.len() || j < back.len() {
            let (a, b) = (front[i % front.len()].0, back[j % back.len()].0);
            let front_first = turn(front, i + 1) <= turn(back, j + 1);
            if j >= back.len() || (i < front.len() && front_first) {
                i += 1;
                triangles.push([a, front[i % front.len()].0, b]);
            } else {
                j += 1;
                triangles.push([a, back[j % back.len()].0, b]);
            }
        }
    }
    if let (Some(first), Some(last)) = (circles.first(), circles.last()) {
        for k in 0..first.len() {
            triangles.push([head_pole, first[(k + 1) % first.len()].0, first[k].0]);
        }
        for k in 0..last.len() {
            triangles.push([tail_pole, last[k].0, last[(k + 1) % last.len()].0]);
        }
    }
    triangles
}
