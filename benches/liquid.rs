//! The parts of a step of liquid on one thread, for 2 744, 29 791 and 300 763 particles: a cube that repeats all around.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nematode::body::neighbors::Neighbors;
use nematode::body::particles::Vec3;
use nematode::body::pool::{Filling, Pool};
use nematode::body::pressure::{Fluid, Pressure, Stop};
use nematode::body::smoothing::Smoothing;
use nematode::body::viscosity::{self, Viscosity};
use nematode::parallel;

/// Distance of particles [m], a worm's.
const SPACING: f64 = 12e-6;

/// Step [s].
const DT: f64 = 1e-3;

/// A cube of `side`³ particles, each a little off its place on a lattice.
fn cube(side: u32) -> Vec<Vec3> {
    let off = |n: u32, step: f64| 0.1 * ((f64::from(n) * step).fract() - 0.5);
    let place = |n: u32| {
        let x = Vec3::new(f64::from(n % side), f64::from(n / side % side), f64::from(n / side / side));
        (x + Vec3::new(0.5 + off(n, 0.8192), 0.5 + off(n, 0.6710), 0.5 + off(n, 0.5497))) * SPACING
    };
    (0..side.pow(3)).map(place).collect()
}

fn parts(criterion: &mut Criterion) {
    let smoothing = Smoothing::new(2.0 * SPACING);
    let fluid = Fluid { mass: 1000.0 * SPACING.powi(3), rest_density: 1000.0, smoothing, counts_itself: true };
    let mut group = criterion.benchmark_group("liquid");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for side in [14, 31, 67] {
        let position = cube(side);
        let count = position.len();
        let (still, moves) = (vec![Vec3::zeros(); count], vec![true; count]);
        // Velocities that no two neighbours share [m/s].
        let swirling: Vec<Vec3> = position.iter().map(|x| 1e-3 * (x * 1e6).map(f64::sin)).collect();
        let period = [f64::from(side) * SPACING; 3];
        let mut neighbors = Neighbors::default();
        neighbors.rebuild_in(&position, smoothing.length, period);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("neighbours", count), |bencher| {
            let mut neighbors = Neighbors::default();
            bencher.iter_custom(|times| {
                on_one_thread(times, || neighbors.rebuild_in(black_box(&position), smoothing.length, period))
            });
        });
        group.bench_function(BenchmarkId::new("pressure, one round", count), |bencher| {
            let mut pressure = Pressure::default();
            let stop = Stop { error: 0.0, fewest: 1, most: 1 };
            bencher.iter_custom(|times| {
                on_one_thread(times, || {
                    pressure.solve(&fluid, &stop, &neighbors, DT, &position, &still, &still, &moves);
                })
            });
        });
        group.bench_function(BenchmarkId::new("viscosity, explicit", count), |bencher| {
            let mut acceleration = still.clone();
            bencher.iter_custom(|times| {
                on_one_thread(times, || {
                    viscosity::add_acceleration(&fluid, 1e-3, &neighbors, &position, &still, &mut acceleration);
                })
            });
        });
        group.bench_function(BenchmarkId::new("viscosity, in stages", count), |bencher| {
            let mut viscosity = Viscosity::default();
            bencher.iter_custom(|times| {
                on_one_thread(times, || {
                    let mut velocity = swirling.clone();
                    viscosity.step(&fluid, 1e-3, &neighbors, DT, &position, &moves, &swirling, &mut velocity);
                })
            });
        });
        group.bench_function(BenchmarkId::new("whole step", count), |bencher| {
            let filling = Filling { spacing: SPACING, density: 1000.0, viscosity: 1e-3, error: 0.01 };
            let mut pool = Pool::new(&filling, period);
            position.iter().for_each(|x| pool.add_liquid(*x));
            bencher.iter_custom(|times| {
                on_one_thread(times, || {
                    black_box(pool.step(DT, Vec3::new(1e-3, 0.0, 0.0)));
                })
            });
        });
    }
    group.finish();
}

/// The time that so many rounds of `work` take on a pool of one thread, itself on it, as a run does.
fn on_one_thread(times: u64, mut work: impl FnMut() + Send) -> Duration {
    parallel::with_threads(1, || {
        let started = Instant::now();
        (0..times).for_each(|_| work());
        started.elapsed()
    })
}

criterion_group!(benches, parts);
criterion_main!(benches);
