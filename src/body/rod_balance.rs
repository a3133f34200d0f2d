//! The balance of forces on a row of rods (`rod.rs`) to first order: drag and springs become one banded matrix.
//!
//! A spring between the ends a and b of neighbouring rods pushes with F = P − K L, L its length, u its direction:
//!
//!   S = (K + F/L) u uᵀ − F/L · 1          minus the derivative of its force by the place of its end b
//!   Q = R (−sin φ, cos φ) · (± 1)         how an end moves as its rod turns
//!
//! S, S Q and Q S Q, summed over the four springs of a segment, are its part of the matrix; the ends move on circles,
//! which adds ± F u·R to the terms of turning. The matrix is exact and symmetric, so that Newton's method converges
//! quadratically. Four segments are worked out side by side.

use crate::body::banded::Banded;
use crate::body::obstacle::{Obstacle, Press};
use crate::body::particles::Vec3;
use crate::body::rod::{Pose, each};

/// What a step needs besides, kept from step to step, in columns over the segments and over the rods.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Springs on the back, on the belly and across.
    pub(super) links: [Links; 4],
    /// x, y, R cos φ, R sin φ.
    rods: [Vec<f64>; 4],
    /// Derivative of the drag of each rod by its place: xx, xy, yy and turning.
    drag: Vec<[f64; 4]>,
    lead: f64,
    matrix: Banded,
    /// Forces, then the changes that balance them.
    pub(super) force: Vec<f64>,
}

/// One kind of spring in every segment.
#[derive(Debug, Clone)]
pub(super) struct Links {
    pub(super) push: Vec<f64>,
    pub(super) stiffness: Vec<f64>,
    pub(super) length: Vec<f64>,
    pub(super) length_before: Vec<f64>,
}

/// The ends that each spring of a segment joins, on the rod before and the one after: 1 is the back, −1 the belly.
const ENDS: [[f64; 2]; 4] = [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]];

/// Sums over the four springs of a segment, `S` the derivative of a spring's force, `Q` how an end moves as its rod
/// turns, a the rod before and b the one after.
#[derive(Clone, Copy)]
struct Sums {
    /// S: xx, xy, yy.
    stiffness: [Lanes; 3],
    /// S Qa, S Qb.
    turned: [[Lanes; 2]; 2],
    /// Qa S Qa, Qa S Qb, Qb S Qb, and what the ends' circles add to the first and the last.
    turning: [Lanes; 3],
    /// The push on b, and that on a reversed.
    push: [Lanes; 2],
    /// Torques on b, and that on a reversed.
    torque: [Lanes; 2],
}

impl Work {
    pub(super) fn new(rest: &[[f64; 2]]) -> Self {
        let joints = rest.len() + 1;
        let lanes = rest.len().next_multiple_of(WIDTH);
        let link = |kind: usize| {
            let mut length: Vec<f64> = rest.iter().map(|rest| rest[kind]).collect();
            length.resize(lanes, 0.0);
            Links { push: vec![0.0; lanes], stiffness: vec![0.0; lanes], length_before: length.clone(), length }
        };
        Self {
            links: [link(0), link(0), link(1), link(1)],
            rods: std::array::from_fn(|_| vec![0.0; lanes + 1]),
            drag: vec![[0.0; 4]; joints],
            lead: 0.0,
            matrix: Banded::new(3 * joints),
            force: vec![0.0; Banded::padded(3 * joints)],
        }
    }

    /// Drag of every rod in this direction. It is that foretold for the end of the step, so that drag is linear
    /// within the step; the error is of second order in the step, as the formula in time.
    pub(super) fn drag(
        &mut self,
        radius: &[f64],
        direction: &[[f64; 2]],
        [tangential, normal]: [f64; 2],
        turning: f64,
        lead: f64,
    ) {
        for (drag, (radius, [c, s])) in self.drag.iter_mut().zip(radius.iter().zip(direction)) {
            *drag = [
                normal * c * c + tangential * s * s,
                (normal - tangential) * c * s,
                normal * s * s + tangential * c * c,
                turning * tangential * radius * radius,
            ];
        }
        self.lead = lead;
    }

    /// The rods stand here; the matrix and the forces begin with their drag.
    pub(super) fn place(&mut self, radius: &[f64], pose: &[Pose], direction: &[[f64; 2]], past: &[Pose], lead: f64) {
        for (i, (pose, past)) in pose.iter().zip(past).enumerate() {
            let ([c, s], radius) = (direction[i], radius[i]);
            for (column, value) in self.rods.iter_mut().zip([pose[0], pose[1], radius * c, radius * s]) {
                column[i] = value;
            }
            let [vx, vy, spin] = each(pose, past, |y, past| lead * y + past);
            let [xx, xy, yy, turn] = self.drag[i];
            self.force[3 * i] = -(xx * vx + xy * vy);
            self.force[3 * i + 1] = -(xy * vx + yy * vy);
            self.force[3 * i + 2] = -turn * spin;
            *self.matrix.column(3 * i) = [xx * lead, xy * lead, 0.0, 0.0, 0.0, 0.0];
            *self.matrix.column(3 * i + 1) = [yy * lead, 0.0, 0.0, 0.0, 0.0, 0.0];
            *self.matrix.column(3 * i + 2) = [turn * lead, 0.0, 0.0, 0.0, 0.0, 0.0];
        }
    }

    /// Adds the contact of the rods' ends with obstacles, as they stand: force, torque, and what stiffness is positive.
    pub(super) fn touch(&mut self, obstacles: &[Obstacle]) {
        let [x, y, across, up] = &self.rods;
        for obstacle in obstacles {
            for i in 0..self.drag.len() {
                for side in [1.0, -1.0] {
                    let arm = Vec3::new(side * across[i], side * up[i], 0.0);
                    let end = Vec3::new(x[i], y[i], 0.0) + arm;
                    let Some(Press { force, stiffness: k, outwards: n }) = obstacle.press(end, [f64::INFINITY; 3])
                    else {
                        continue;
                    };
                    // How far the end goes outwards as its rod turns.
                    let turn = n.y * arm.x - n.x * arm.y;
                    for (sum, part) in self.force[3 * i..].iter_mut().zip([n.x, n.y, turn]) {
                        *sum += force * part;
                    }
                    let circle = (force * n.dot(&arm)).max(0.0);
                    let columns: [&[f64]; 3] = [
                        &[k * n.x * n.x, k * n.x * n.y, k * n.x * turn],
                        &[k * n.y * n.y, k * n.y * turn],
                        &[k * turn * turn + circle],
                    ];
                    for (j, values) in columns.into_iter().enumerate() {
                        for (entry, value) in self.matrix.column(3 * i + j).iter_mut().zip(values) {
                            *entry += value;
                        }
                    }
                }
            }
        }
    }

    /// Turns forces into the changes that balance them, to first order.
    #[inline(always)]
    pub(super) fn solve(&mut self) {
        self.join();
        self.matrix.factorise();
        self.matrix.solve(&mut self.force);
    }

    /// Keeps the lengths of all springs as the rods stand.
    #[inline(always)]
    pub(super) fn remember_lengths(&mut self) {
        for (kind, ends) in ENDS.into_iter().enumerate() {
            for first in (0..self.links[kind].length.len()).step_by(WIDTH) {
                let [d, _, _] = self.spans(first, ends);
                let length = Lanes((d[0] * d[0] + d[1] * d[1]).0.map(f64::sqrt));
                let links = &mut self.links[kind];
                for lane in 0..WIDTH {
                    let now = std::mem::replace(&mut links.length[first + lane], length.0[lane]);
                    links.length_before[first + lane] = now;
                }
            }
        }
    }

    /// From the first end of a spring to its second, and from the rods' centres to these ends.
    #[inline(always)]
    fn spans(&self, first: usize, [ea, eb]: [f64; 2]) -> [[Lanes; 2]; 3] {
        let rod = |k: usize, offset: usize| Lanes::of(&self.rods[k][first + offset..]);
        let pa = [rod(2, 0).scaled(ea), rod(3, 0).scaled(ea)];
        let pb = [rod(2, 1).scaled(eb), rod(3, 1).scaled(eb)];
        [[rod(0, 1) - rod(0, 0) + pb[0] - pa[0], rod(1, 1) - rod(1, 0) + pb[1] - pa[1]], pa, pb]
    }

    /// Adds the springs to force and matrix, some segments side by side.
    #[inline(always)]
    fn join(&mut self) {
        let segments = self.drag.len() - 1;
        for first in (0..segments).step_by(WIDTH) {
            let sums = self.sums(first);
            for lane in 0..WIDTH.min(segments - first) {
                self.scatter(first + lane, &sums, lane);
            }
        }
    }

    #[inline(always)]
    fn sums(&self, first: usize) -> Sums {
        let zero = Lanes::all(0.0);
        let mut sums = Sums {
            stiffness: [zero; 3],
            turned: [[zero; 2]; 2],
            turning: [zero; 3],
            push: [zero; 2],
            torque: [zero; 2],
        };
        for (link, ends) in self.links.iter().zip(ENDS) {
            let [d, pa, pb] = self.spans(first, ends);
            let ([qa, qb], square) = ([pa, pb].map(|p| [p[1].scaled(-1.0), p[0]]), d[0] * d[0] + d[1] * d[1]);
            let inverse = square.inverse_root();
            let u = [d[0] * inverse, d[1] * inverse];
            let stiffness = Lanes::of(&link.stiffness[first..]);
            let f = Lanes::of(&link.push[first..]) - stiffness * square * inverse;
            // S = (K + F/L) u uᵀ − F/L
            let aside = f * inverse;
            let along = stiffness + aside;
            let s = [along * u[0] * u[0] - aside, along * u[0] * u[1], along * u[1] * u[1] - aside];
            let turned = [qa, qb].map(|q| [s[0] * q[0] + s[1] * q[1], s[1] * q[0] + s[2] * q[1]]);
            let push = [f * u[0], f * u[1]];
            let dot = |a: [Lanes; 2], b: [Lanes; 2]| a[0] * b[0] + a[1] * b[1];
            add(&mut sums.stiffness, s);
            add(&mut sums.push, push);
            add(&mut sums.turned[0], turned[0]);
            add(&mut sums.turned[1], turned[1]);
            sums.turning[0] = sums.turning[0] + dot(qa, turned[0]) - dot(push, pa);
            sums.turning[1] = sums.turning[1] + dot(qa, turned[1]);
            sums.turning[2] = sums.turning[2] + dot(qb, turned[1]) + dot(push, pb);
            sums.torque[0] = sums.torque[0] + dot(qa, push);
            sums.torque[1] = sums.torque[1] + dot(qb, push);
        }
        sums
    }

    /// Adds one segment to the rows and columns of its two rods.
    #[inline(always)]
    fn scatter(&mut self, segment: usize, sums: &Sums, lane: usize) {
        let first = 3 * segment;
        let [xx, xy, yy] = sums.stiffness.map(|value| value.0[lane]);
        let [[xa, ya], [xb, yb]] = sums.turned.map(|pair| pair.map(|value| value.0[lane]));
        let [aa, ab, bb] = sums.turning.map(|value| value.0[lane]);
        let columns: [&[f64]; 6] = [
            &[xx, xy, xa, -xx, -xy, -xb],
            &[yy, ya, -xy, -yy, -yb],
            &[aa, -xa, -ya, -ab],
            &[xx, xy, xb],
            &[yy, yb],
            &[bb],
        ];
        for (j, values) in columns.into_iter().enumerate() {
            for (entry, value) in self.matrix.column(first + j).iter_mut().zip(values) {
                *entry += value;
            }
        }
        let ([fx, fy], [ta, tb]) = (sums.push.map(|value| value.0[lane]), sums.torque.map(|value| value.0[lane]));
        for (force, value) in self.force[first..first + 6].iter_mut().zip([-fx, -fy, -ta, fx, fy, tb]) {
            *force += value;
        }
    }
}

/// Adds number by number.
#[inline(always)]
fn add<const N: usize>(sums: &mut [Lanes; N], values: [Lanes; N]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = *sum + value;
    }
}

/// Segments that are worked out side by side.
const WIDTH: usize = 4;

/// One number of each of them.
#[derive(Debug, Clone, Copy)]
struct Lanes([f64; WIDTH]);

impl Lanes {
    #[inline(always)]
    fn all(value: f64) -> Self {
        Self([value; WIDTH])
    }

    #[inline(always)]
    fn of(values: &[f64]) -> Self {
        let mut lanes = [0.0; WIDTH];
        lanes.copy_from_slice(&values[..WIDTH]);
        Self(lanes)
    }

    #[inline(always)]
    fn scaled(self, by: f64) -> Self {
        self * Self::all(by)
    }

    /// 1/√x.
    #[inline(always)]
    fn inverse_root(self) -> Self {
        Self(self.0.map(|x| 1.0 / x.sqrt()))
    }
}

impl std::ops::Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }
}

impl std::ops::Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }
}

impl std::ops::Mul for Lanes {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }
}
