//! Laws of liquids, in pools of some hundred to some thousand particles.

use std::f64::consts::{PI, TAU};

use crate::body::particles::Vec3;
use crate::body::pool::{Filling, Pool};
use crate::validate::{Claim, Measured};

/// Standard gravity [m/s²].
const GRAVITY: f64 = 9.806_65;

/// Particles across the thin side of a flow that is the same all along it: what repeating needs, twice the reach.
pub(super) const THIN: usize = 4;

pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "Poiseuille flow from rest, largest difference",
        unit: "",
        tolerance: 0.02,
        source: "Morris, Fox & Zhu 1997, doi:10.1006/jcph.1997.5776; of the final speed, at 5 times",
        slow: false,
        experiment: Some(poiseuille),
    },
    Claim {
        name: "Couette flow from rest, largest difference",
        unit: "",
        tolerance: 0.02,
        source: "Morris, Fox & Zhu 1997, doi:10.1006/jcph.1997.5776; of the wall's speed, at 5 times",
        slow: false,
        experiment: Some(couette),
    },
    Claim {
        name: "hydrostatic column, pressure per depth",
        unit: "Pa/m",
        tolerance: 0.03,
        source: "Stevin: rho g",
        slow: false,
        experiment: Some(|| Ok(column()?.0)),
    },
    Claim {
        name: "hydrostatic column, largest density error",
        unit: "",
        tolerance: 0.01,
        source: "an incompressible liquid",
        slow: false,
        experiment: Some(|| Ok(column()?.1)),
    },
    Claim {
        name: "dam break, front sqrt(a/2g)/2 after it was at 1.5 a",
        unit: "a",
        tolerance: 0.08,
        source: "Martin & Moyce 1952, doi:10.1098/rsta.1952.0006, figure 3 (2.03, 2.07); Koshizuka & Oka 1996 (1.99)",
        slow: true,
        experiment: Some(|| Ok(Measured { value: dam_break()?.fronts[0], reference: 2.03 })),
    },
    Claim {
        name: "dam break, front sqrt(a/2g) after it was at 1.5 a",
        unit: "a",
        tolerance: 0.08,
        source: "Martin & Moyce 1952, doi:10.1098/rsta.1952.0006, figure 3 (2.61, 2.66); Koshizuka & Oka 1996 (2.45)",
        slow: true,
        experiment: Some(|| Ok(Measured { value: dam_break()?.fronts[1], reference: 2.57 })),
    },
    Claim {
        name: "dam break, most that its energy is above the first",
        unit: "",
        tolerance: 0.01,
        source: "first law; of what the water had",
        slow: true,
        experiment: Some(|| Ok(Measured { value: dam_break()?.gained, reference: 0.0 })),
    },
    Claim {
        name: "standing wave, frequency",
        unit: "Hz",
        tolerance: 0.05,
        source: "Airy: omega^2 = g k tanh(k h)",
        slow: true,
        experiment: Some(standing_wave),
    },
];

/// Water between two plates, `ROWS` spacings of 10 um apart, that fills a thin stretch of a channel without ends. The
/// plates lie at y = 0 and at y = `ROWS` spacings, the upper one moving along x with `speed` [m/s].
struct Channel {
    pool: Pool,
    width: f64,
}

const ROWS: usize = 20;

/// Kinematic viscosity of water [m²/s].
const NU: f64 = 1e-6;

impl Channel {
    fn new(speed: f64) -> Self {
        let spacing = 10e-6;
        let filling = Filling { spacing, density: 1000.0, viscosity: 1000.0 * NU, error: 1e-3 };
        let side = THIN as f64 * spacing;
        let mut pool = Pool::new(&filling, [side, f64::INFINITY, side]);
        let still = Vec3::zeros();
        for n in 0..THIN * THIN * (ROWS + 3) {
            let row = (n / (THIN * THIN)) as f64 - 1.0;
            let x = Vec3::new((n % THIN) as f64, row, (n / THIN % THIN) as f64) * spacing;
            match row {
                row if row <= 0.0 => pool.add_wall(x, still),
                row if row >= ROWS as f64 => pool.add_wall(x, Vec3::new(speed, 0.0, 0.0)),
                _ => pool.add_liquid(x),
            }
        }
        Self { pool, width: ROWS as f64 * spacing }
    }

    /// The largest difference of any particle's speed from `theory(y, t)` at five times, as the flow builds up under
    /// an acceleration along x.
    fn largest_difference(&mut self, acceleration: f64, theory: impl Fn(f64, f64) -> f64) -> f64 {
        let time = self.width * self.width / NU;
        // 400 steps over the time that momentum takes across the channel.
        let (dt, steps) = (time / 400.0, 400);
        let mut largest = 0.0_f64;
        for step in 1..=steps {
            self.pool.step(dt, Vec3::new(acceleration, 0.0, 0.0));
            if [20, 40, 80, 160, 400].contains(&step) {
                let t = dt * f64::from(step);
                for i in self.pool.liquid() {
                    largest = largest.max((self.pool.velocity[i].x - theory(self.pool.position[i].y, t)).abs());
                }
            }
        }
        largest
    }
}

fn poiseuille() -> Result<Measured, String> {
    let mut channel = Channel::new(0.0);
    let d = channel.width;
    // Re 0.0125, as in the source.
    let fastest = 0.0125 * NU / d;
    let force = 8.0 * NU * fastest / (d * d);
    let theory = |y: f64, t: f64| {
        let term = |n: i32| {
            let k = f64::from(2 * n + 1) * PI;
            4.0 * force * d * d / (NU * k.powi(3)) * libm::sin(k * y / d) * libm::exp(-k * k * NU * t / (d * d))
        };
        force / (2.0 * NU) * y * (d - y) - (0..50).map(term).sum::<f64>()
    };
    Ok(Measured { value: channel.largest_difference(force, theory) / fastest, reference: 0.0 })
}

fn couette() -> Result<Measured, String> {
    let speed = 1.25e-5;
    let mut channel = Channel::new(speed);
    let d = channel.width;
    let theory = |y: f64, t: f64| {
        let term = |n: i32| {
            let k = f64::from(n) * PI;
            let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
            2.0 * speed / k * sign * libm::sin(k * y / d) * libm::exp(-k * k * NU * t / (d * d))
        };
        speed * y / d + (1..100).map(term).sum::<f64>()
    };
    Ok(Measured { value: channel.largest_difference(0.0, theory) / speed, reference: 0.0 })
}

/// Water 20 cm deep at rest: pressure per depth, and the largest density error.
fn column() -> Result<(Measured, Measured), String> {
    let spacing = 0.01;
    let (rows, side) = (20, THIN as f64 * spacing);
    // As thick as it must be to come to rest within a second.
    let filling = Filling { spacing, density: 1000.0, viscosity: 10.0, error: 1e-3 };
    let mut pool = Pool::new(&filling, [side, side, f64::INFINITY]);
    for n in 0..THIN * THIN * (rows + 2) {
        let layer = n / (THIN * THIN);
        let x = Vec3::new((n % THIN) as f64, (n / THIN % THIN) as f64, layer as f64 - 1.0) * spacing;
        if layer < 2 { pool.add_wall(x, Vec3::zeros()) } else { pool.add_liquid(x) }
    }
    let (dt, steps, settled) = (1e-3, 1000, 500);
    let middle: Vec<usize> = pool.liquid().filter(|i| (4..17).contains(&((i / (THIN * THIN)) - 2))).collect();
    let (mut slope, mut worst) = (0.0, 0.0_f64);
    for step in 0..steps {
        let corrected = pool.step(dt, Vec3::new(0.0, 0.0, -GRAVITY));
        if step >= settled {
            worst = worst.max(corrected.error);
            let pressure = pool.pressure();
            slope += fitted_slope(middle.iter().map(|i| (pool.position[*i].z, pressure[*i])));
        }
    }
    let slope = -slope / f64::from(steps - settled);
    Ok((Measured { value: slope, reference: filling.density * GRAVITY }, Measured { value: worst, reference: 0.0 }))
}

/// Slope of the straight line that fits the points best.
pub(super) fn fitted_slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = points.clone().count() as f64;
    let mean = |of: fn((f64, f64)) -> f64| points.clone().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let moment = |of: &dyn Fn((f64, f64)) -> f64| points.clone().map(of).sum::<f64>();
    moment(&|p| (p.0 - x) * (p.1 - y)) / moment(&|p| (p.0 - x).powi(2))
}

/// What a column of water does after its dam is gone.
struct Dam {
    /// How far the front is, in widths a of the column, one and two halves of sqrt(a/2g) after it passed 1.5 a.
    fronts: [f64; 2],
    /// The most that its energy was above that at the beginning, as a share of that.
    gained: f64,
}

/// A column of water, a = 10 cm wide and 2 a high, after its dam is gone.
///
/// In the experiments the dam is drawn away, which takes a fifth of sqrt(a/2g) that nobody knows exactly: the clock
/// starts when the front passes 1.5 a, here and there.
fn dam_break() -> Result<Dam, String> {
    let (wide, a) = (20, 0.1);
    let spacing = a / f64::from(wide);
    let filling = Filling { spacing, density: 1000.0, viscosity: 1e-3, error: 5e-3 };
    let mut pool = Pool::new(&filling, [f64::INFINITY, THIN as f64 * spacing, f64::INFINITY]);
    for x in -2..5 * wide {
        for z in -2..3 * wide {
            for y in 0..THIN {
                // Half a spacing from the walls' own planes at x = 0 and z = 0.
                let place = Vec3::new(f64::from(x) + 0.5, y as f64, f64::from(z) + 0.5) * spacing;
                if x < 0 || z < 0 {
                    pool.add_wall(place, Vec3::zeros());
                } else if x < wide && z < 2 * wide {
                    pool.add_liquid(place);
                }
            }
        }
    }
    let energy = |pool: &Pool| {
        let of = |i: usize| 0.5 * pool.velocity[i].norm_squared() + GRAVITY * pool.position[i].z;
        pool.liquid().map(of).sum::<f64>()
    };
    let (at_first, mut gained) = (energy(&pool), 0.0_f64);
    // Time and front, in sqrt(a/2g) and a; the fastest passes an eighth of a spacing in a step.
    let (unit, step) = ((0.5 * a / GRAVITY).sqrt(), 4e-3);
    let (mut last, mut passed, mut fronts) = ((0.0, 1.0), None, Vec::new());
    while fronts.len() < 2 {
        if last.0 > 4.0 {
            return Err("the front does not come so far".to_string());
        }
        pool.step(step * unit, Vec3::new(0.0, 0.0, -GRAVITY));
        gained = gained.max(energy(&pool) / at_first - 1.0);
        // The flow is the same all across: the front is the mean of the foremost particle in each lane.
        let mut front = [0.0_f64; THIN];
        for i in pool.liquid() {
            let lane = (pool.position[i].y / spacing) as usize % THIN;
            front[lane] = front[lane].max(pool.position[i].x + 0.5 * spacing);
        }
        let now = (last.0 + step, front.iter().sum::<f64>() / (THIN as f64 * a));
        if passed.is_none() && now.1 >= 1.5 {
            passed = Some(last.0 + step * (1.5 - last.1) / (now.1 - last.1));
        }
        let due = passed.map(|passed| passed + 0.5 * (fronts.len() + 1) as f64);
        if let Some(due) = due.filter(|due| now.0 >= *due) {
            fronts.push(last.1 + (now.1 - last.1) * (due - last.0) / step);
        }
        last = now;
    }
    Ok(Dam { fronts: [fronts[0], fronts[1]], gained })
}

/// A wave of 1 m on water half as deep, set going with no amplitude: half a period later it has none again.
fn standing_wave() -> Result<Measured, String> {
    let (across, deep) = (40, 20);
    let spacing = 1.0 / f64::from(across);
    let filling = Filling { spacing, density: 1000.0, viscosity: 1e-3, error: 1e-3 };
    let mut pool = Pool::new(&filling, [1.0, THIN as f64 * spacing, f64::INFINITY]);
    let depth = f64::from(deep) * spacing;
    let omega = (GRAVITY * TAU * libm::tanh(TAU * depth)).sqrt();
    for x in 0..across {
        for z in -2..deep {
            for y in 0..THIN {
                let place = Vec3::new(f64::from(x) + 0.5, y as f64, f64::from(z) + 0.5) * spacing;
                if z < 0 { pool.add_wall(place, Vec3::zeros()) } else { pool.add_liquid(place) }
            }
        }
    }
    // An amplitude of 3 % of the wavelength: steep enough to be seen over one spacing, and still nearly linear.
    let speed = 0.03 * omega / libm::sinh(TAU * depth);
    for i in pool.liquid().collect::<Vec<usize>>() {
        let x = pool.position[i];
        let (along, up) = (-libm::sin(TAU * x.x) * libm::cosh(TAU * x.z), libm::cos(TAU * x.x) * libm::sinh(TAU * x.z));
        pool.velocity[i] = Vec3::new(along, 0.0, up) * speed;
    }
    let height =
        |pool: &Pool| pool.liquid().map(|i| pool.position[i].z * libm::cos(TAU * pool.position[i].x)).sum::<f64>();
    let dt = TAU / omega / 800.0;
    let (mut last, mut risen) = (height(&pool), false);
    for step in 1..=600 {
        pool.step(dt, Vec3::new(0.0, 0.0, -GRAVITY));
        let now = height(&pool);
        risen |= step > 100;
        if risen && now <= 0.0 {
            let half = dt * (f64::from(step) - now / (now - last));
            return Ok(Measured { value: 0.5 / half, reference: omega / TAU });
        }
        last = now;
    }
    Err("the wave does not come back".to_string())
}
