//! The springs of a step on one thread, for 2 744, 29 791 and 300 763 particles: a block of tissue on a lattice, each
//! particle tied to its nearest and to those across the faces, 8.0 to 8.8 springs a particle, where a worm has 6.9.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nematode::body::elasticity;
use nematode::body::particles::{Spring, Tissue, Vec3};

/// Distance of particles [m], a worm's.
const SPACING: f64 = 12e-6;

/// Stiffness of a spring [N/m]; what it is does not change the work.
const STIFFNESS: f64 = 1e-3;

/// A block of `side`³ particles.
fn block(side: usize) -> Tissue {
    let place = |n: usize| [n % side, n / side % side, n / side / side];
    let position: Vec<Vec3> = (0..side.pow(3)).map(|n| Vec3::from(place(n).map(|x| x as f64)) * SPACING).collect();
    // Each pair once: the ways to the nearest and across the faces that lead to a later particle.
    let ways: [[isize; 3]; 9] =
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [-1, 1, 0], [1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]];
    let mut springs = Vec::new();
    for a in 0..position.len() {
        for way in ways {
            let there = [0, 1, 2].map(|axis| place(a)[axis].checked_add_signed(way[axis]).filter(|x| *x < side));
            if let [Some(x), Some(y), Some(z)] = there {
                let b = x + side * (y + side * z);
                let rest = (position[b] - position[a]).norm();
                springs.push(Spring { a, b, rest, stiffness: STIFFNESS, hoop: false });
            }
        }
    }
    let count = position.len();
    Tissue {
        mass: vec![1e-12; count],
        ring_start: vec![0, count],
        springs,
        fibres: Vec::new(),
        contraction: None,
        triangles: Vec::new(),
        on_surface: vec![false; count],
        dorsal: Vec::new(),
        ventral: Vec::new(),
        position,
    }
}

fn springs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("elasticity");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for side in [14, 31, 67] {
        let tissue = block(side);
        let count = tissue.position.len();
        // A little stretched, and a little off: no force is zero.
        let position: Vec<Vec3> =
            tissue.position.iter().enumerate().map(|(n, x)| x * (1.01 + 1e-3 * (n as f64).sin())).collect();
        let damped = elasticity::damp(&tissue.springs, &tissue.position, 1e-3, 1e-3);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("dashpots", count), |bencher| {
            bencher.iter(|| black_box(elasticity::damp(&tissue.springs, black_box(&position), 1e-3, 1e-3)))
        });
        group.bench_function(BenchmarkId::new("forces", count), |bencher| {
            let mut force = vec![Vec3::zeros(); count];
            bencher.iter(|| {
                elasticity::add_forces(&tissue, &damped, &[], 1e-3, black_box(&position), &mut force);
                black_box(&mut force);
            })
        });
    }
    group.finish();
}

criterion_group!(benches, springs);
criterion_main!(benches);
