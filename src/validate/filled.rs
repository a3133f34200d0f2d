//! Laws of liquids that fill their space: vortices, slow flow past a ball and a cylinder, a sheet that waves.
//!
//! Lengths are told in spacings of the particles. The surface of a body is where its outermost particles stand: there the
//! liquid sticks.

use std::f64::consts::{PI, TAU};

use crate::body::particles::Vec3;
use crate::body::pool::{Filling, Pool};
use crate::validate::flows::{THIN, fitted_slope};
use crate::validate::{Claim, Measured};

pub const CLAIMS: &[Claim] = &[
    Claim {
        name: "Taylor-Green vortices at Re 100, decay of the largest speed",
        unit: "1/s",
        tolerance: 0.05,
        source: "Taylor & Green 1937, doi:10.1098/rspa.1937.0036: exp(-8 pi^2 t/Re)",
        slow: true,
        experiment: Some(taylor_green),
    },
    Claim {
        name: "sphere sinking at Re 0.2 in a cubic array, speed",
        unit: "m/s",
        tolerance: 0.1,
        source: "Stokes: 2/9 drho g a^2/mu; Hasimoto 1959, doi:10.1017/S0022112059000222, for the array",
        slow: true,
        experiment: Some(sphere),
    },
    Claim {
        name: "cylinder at Re 0.5 in a square array, drag per length",
        unit: "N/m",
        tolerance: 0.15,
        source: "Sangani & Acrivos 1982, doi:10.1016/0301-9322(82)90029-5",
        slow: true,
        experiment: Some(cylinder),
    },
    Claim {
        name: "waving sheet at low Re, speed",
        unit: "m/s",
        tolerance: 0.1,
        source: "Taylor 1951, doi:10.1098/rspa.1951.0218: c (b k)^2/2 (1 - 19/16 (b k)^2)",
        slow: true,
        experiment: Some(sheet),
    },
];

/// Four vortices in a square of 1 m that repeats: the largest speed at eight times, as a rate.
fn taylor_green() -> Result<Measured, String> {
    let across: usize = 32;
    let spacing = 1.0 / across as f64;
    let reynolds = 100.0;
    let filling = Filling { spacing, density: 1000.0, viscosity: 1000.0 / reynolds, error: 1e-3 };
    let mut pool = Pool::new(&filling, [1.0, 1.0, THIN as f64 * spacing]);
    pool.fill();
    for n in 0..across * across * THIN {
        let place = [n % across, n / across % across, n / (across * across)].map(|n| (n as f64 + 0.5) * spacing);
        // A lattice that lies along the flow is stretched until rows lose sight of each other; 0.15 of a spacing break it.
        let askew = [0.819_172_513, 0.671_043_607, 0.549_700_478].map(|step| ((n + 1) as f64 * step).fract() - 0.5);
        pool.add_liquid(Vec3::from(place) + Vec3::from(askew) * (0.3 * spacing));
    }
    for (v, x) in pool.velocity.iter_mut().zip(&pool.position) {
        v.x = -libm::cos(TAU * x.x) * libm::sin(TAU * x.y);
        v.y = libm::sin(TAU * x.x) * libm::cos(TAU * x.y);
    }
    // The fastest passes an eighth of a spacing in a step.
    let steps = 256;
    let dt = 1.0 / f64::from(steps);
    let mut logarithms = vec![(0.0, 0.0)];
    for step in 1..=steps {
        pool.step(dt, Vec3::zeros());
        if step % (steps / 8) == 0 {
            let fastest = pool.velocity.iter().map(|v| v.norm()).fold(0.0, f64::max);
            logarithms.push((f64::from(step) * dt, libm::log(fastest)));
        }
    }
    Ok(Measured { value: -fitted_slope(logarithms.into_iter()), reference: 8.0 * PI * PI / reynolds })
}

/// Distance of particles in slow flows [m].
const SPACING: f64 = 10e-6;

/// Viscosity [Pa·s] and density [kg/m³] of water.
const MU: f64 = 1e-3;
const RHO: f64 = 1000.0;

/// A pool of water that repeats after so many spacings, with a body of these particles around its middle and liquid
/// wherever `outside` says how far outside the body it is, in spacings.
fn pool_around(size: [usize; 3], body: &[Vec3], outside: impl Fn(Vec3) -> f64) -> Pool {
    let filling = Filling { spacing: SPACING, density: RHO, viscosity: MU, error: 1e-3 };
    let mut pool = Pool::new(&filling, size.map(|n| n as f64 * SPACING));
    pool.fill();
    let middle = Vec3::from(size.map(|n| 0.5 * n as f64));
    for x in body {
        pool.add_wall((x + middle) * SPACING, Vec3::zeros());
    }
    for n in 0..size.iter().product() {
        let place = [n % size[0], n / size[0] % size[1], n / (size[0] * size[1])];
        let x = Vec3::from(place.map(|n| n as f64 + 0.5));
        // A particle of the body fills half a spacing around it.
        if outside(x - middle) > 0.5 {
            pool.add_liquid(x * SPACING);
        }
    }
    pool
}

/// Pushes the liquid along x with an acceleration [m/s²] until it has passed the body by a good way, and gives its mean
/// speed [m/s] over the last quarter, that of the body, 0, included. `fastest` [m/s] is about what comes out.
fn steady_speed(pool: &mut Pool, cells: usize, acceleration: f64, fastest: f64) -> f64 {
    let (dt, steps) = (0.15 * SPACING / fastest, 200);
    let mut mean = 0.0;
    for step in 0..steps {
        pool.step(dt, Vec3::new(acceleration, 0.0, 0.0));
        if step >= steps - steps / 4 {
            mean += pool.liquid().map(|i| pool.velocity[i].x).sum::<f64>() / cells as f64;
        }
    }
    mean / (steps / 4) as f64
}

/// Radius of a ball and of a cylinder, in spacings.
const RADIUS: f64 = 4.0;

/// A ball of which one sinks in every cube of 16 spacings: seen from the ball, its weight pushes the liquid past it.
fn sphere() -> Result<Measured, String> {
    let size = 16_usize;
    let golden = PI * (1.0 + 5.0_f64.sqrt());
    let mut body = Vec::new();
    // Shells, on each the particles along a spiral: evenly spread.
    for shell in 0..3 {
        let radius = RADIUS - f64::from(shell);
        let count = (4.0 * PI * radius * radius).round();
        for n in (0..count as usize).map(|n| n as f64 + 0.5) {
            let (z, angle) = (1.0 - 2.0 * n / count, golden * n);
            let r = (1.0 - z * z).sqrt();
            body.push(Vec3::new(r * libm::cos(angle), r * libm::sin(angle), z) * radius);
        }
    }
    let mut pool = pool_around([size; 3], &body, |x| x.norm() - RADIUS);
    let filled = 4.0 / 3.0 * PI * RADIUS.powi(3) / (size as f64).powi(3);
    let a = RADIUS * SPACING;
    // Hasimoto's sum, to the order of the filled share squared.
    let slower = 1.0 - 1.7601 * libm::cbrt(filled) + filled - 1.5593 * filled * filled;
    // As heavy as it must be for Re 0.2.
    let speed = 0.2 * MU / RHO / (2.0 * a);
    let weight = 6.0 * PI * MU * a * speed / slower;
    let acceleration = weight / (RHO * (size as f64 * SPACING).powi(3));
    let value = steady_speed(&mut pool, size.pow(3), acceleration, speed);
    Ok(Measured { value, reference: speed })
}

/// A cylinder across a flow, one in every square of 30 spacings.
fn cylinder() -> Result<Measured, String> {
    let size = 30_usize;
    let mut body = Vec::new();
    for layer in 0..THIN {
        for ring in 0..3 {
            let radius = RADIUS - f64::from(ring);
            let count = (TAU * radius).round();
            for n in 0..count as usize {
                // Every other layer is turned by half a particle.
                let angle = TAU * (n as f64 + 0.5 * (layer % 2) as f64) / count;
                let z = layer as f64 + 0.5 - 0.5 * THIN as f64;
                body.push(Vec3::new(radius * libm::cos(angle), radius * libm::sin(angle), z));
            }
        }
    }
    let mut pool = pool_around([size, size, THIN], &body, |x| libm::hypot(x.x, x.y) - RADIUS);
    let filled = PI * RADIUS * RADIUS / (size * size) as f64;
    let drag_over_viscosity =
        4.0 * PI / (-0.5 * libm::log(filled) - 0.738 + filled - 0.887 * filled * filled + 2.038 * filled.powi(3));
    let speed = 0.5 * MU / RHO / (2.0 * RADIUS * SPACING);
    let drag = drag_over_viscosity * MU * speed;
    let acceleration = drag / (RHO * (size as f64 * SPACING).powi(2));
    let found = steady_speed(&mut pool, size * size * THIN, acceleration, speed);
    // The drag is given and the speed comes out; at this Re one is proportional to the other.
    Ok(Measured { value: drag * speed / found, reference: drag })
}

/// A sheet whose particles move up and down as a wave passes along it: the liquid far from it streams along with the
/// wave, which is as fast as the sheet would swim the other way.
fn sheet() -> Result<Measured, String> {
    let [long, high] = [40_usize, 60];
    let k = TAU / long as f64;
    let amplitude = 0.3 / k;
    let mut body = Vec::new();
    for n in 0..long * THIN * 3 {
        let place = Vec3::new((n % long) as f64, (n / (long * THIN)) as f64, (n / long % THIN) as f64);
        body.push(place + Vec3::new(0.5 - 0.5 * long as f64, -1.0, 0.5 - 0.5 * THIN as f64));
    }
    let height = |x: f64, phase: f64| amplitude * libm::sin(k * x - phase);
    let mut pool = pool_around([long, high, THIN], &body, |x| {
        // The sheet of three layers lies half the box along: the phase of its wave is that of the box's middle.
        (x.y - height(x.x, 0.0)).abs() - 1.0
    });
    pool.walls_push();
    // The wave passes in a time in which momentum spreads over two wavelengths.
    let omega = 0.2 * MU / RHO * (k / SPACING).powi(2);
    let steps = 100;
    let dt = TAU / omega / f64::from(steps);
    let (mut stream, periods) = (0.0, 3);
    for step in 0..steps * periods {
        let phase = omega * dt * f64::from(step);
        for (i, x) in body.iter().enumerate() {
            pool.position[i].y = (x.y + 0.5 * high as f64 + height(x.x, phase)) * SPACING;
            // What carries it to where it is in the next step.
            pool.velocity[i].y = (height(x.x, phase + omega * dt) - height(x.x, phase)) * SPACING / dt;
        }
        pool.step(dt, Vec3::zeros());
        if step >= steps * (periods - 1) {
            let far = |i: &usize| (pool.position[*i].y / SPACING - 0.5 * high as f64).abs() > 0.4 * high as f64;
            let (sum, count) = pool.liquid().filter(far).fold((0.0, 0), |(s, n), i| (s + pool.velocity[i].x, n + 1));
            stream += sum / f64::from(count) / f64::from(steps);
        }
    }
    let bk = amplitude * k;
    let wave = omega / (k / SPACING);
    Ok(Measured { value: stream, reference: wave * bk * bk / 2.0 * (1.0 - 19.0 / 16.0 * bk * bk) })
}
