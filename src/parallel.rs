//! The only file that knows rayon: work split into fixed chunks, so that the number of
//! threads decides who computes a value and never which value is computed.

use rayon::prelude::*;

/// How many items one task takes: large enough to be worth a task, and fixed, so that
/// the split does not depend on the number of threads.
pub const CHUNK: usize = 256;

/// Runs `work(index, &mut items[index])` for every item, in parallel over fixed chunks.
///
/// Each item is written by one task alone; `work` must read only what no task writes.
pub fn for_each<T: Send>(items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
    let run = |(chunk_index, chunk): (usize, &mut [T])| {
        for (offset, item) in chunk.iter_mut().enumerate() {
            work(chunk_index * CHUNK + offset, item);
        }
    };
    if items.len() <= CHUNK {
        run((0, items));
    } else {
        items.par_chunks_mut(CHUNK).enumerate().for_each(run);
    }
}

/// Runs `work(first, &mut items[first..first + n])` for chunks of at most [`CHUNK`] items: as [`for_each`], for work that
/// shares its preparation.
pub fn for_each_chunk<T: Send>(items: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    if items.len() <= CHUNK {
        work(0, items);
    } else {
        items.par_chunks_mut(CHUNK).enumerate().for_each(|(index, chunk)| work(index * CHUNK, chunk));
    }
}

/// Runs `work(index, &mut items[index])` for every item, each a task of its own: for few and large items.
pub fn for_each_large<T: Send>(items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
    if items.len() <= 1 {
        items.iter_mut().enumerate().for_each(|(index, item)| work(index, item));
    } else {
        items.par_iter_mut().enumerate().for_each(|(index, item)| work(index, item));
    }
}

/// Runs `work(index, &mut items[index], &mut values[index * CHUNK..][..n])` for every item and the chunk of values that
/// goes with it, each a task of its own.
pub fn for_each_with_chunk<T: Send, V: Send>(
    items: &mut [T],
    values: &mut [V],
    work: impl Fn(usize, &mut T, &mut [V]) + Sync,
) {
    if items.len() <= 1 {
        items.iter_mut().for_each(|item| work(0, item, values));
    } else {
        let pairs = items.par_iter_mut().zip(values.par_chunks_mut(CHUNK));
        pairs.enumerate().for_each(|(index, (item, values))| work(index, item, values));
    }
}

/// Sorts items that are all different, so that there is one order only.
pub fn sort<T: Ord + Send>(items: &mut [T]) {
    if items.len() <= 16 * CHUNK { items.sort_unstable() } else { items.par_sort_unstable() }
}

/// The largest of `term(0)` … `term(len − 1)`, and of zero; what is no number is passed over.
pub fn largest(len: usize, term: impl Fn(usize) -> f64 + Sync) -> f64 {
    let of_chunk = |chunk: usize| (chunk * CHUNK..((chunk + 1) * CHUNK).min(len)).map(&term).fold(0.0_f64, f64::max);
    let chunks = len.div_ceil(CHUNK);
    if chunks <= 1 {
        return of_chunk(0);
    }
    (0..chunks).into_par_iter().map(of_chunk).reduce(|| 0.0, f64::max)
}

/// `work(0)`, … `work(count − 1)`, each a task of its own, in their order: for few and large pieces of work.
pub fn map<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    (0..count).into_par_iter().map(work).collect()
}

/// The sum of `term(0) + … + term(len − 1)`, added chunk by chunk in order, so that it has
/// the same bits on any number of threads.
pub fn ordered_sum(len: usize, term: impl Fn(usize) -> f64 + Sync) -> f64 {
    let chunk_sum = |chunk: usize| -> f64 { (chunk * CHUNK..((chunk + 1) * CHUNK).min(len)).map(&term).sum() };
    let chunks = len.div_ceil(CHUNK);
    if chunks <= 1 {
        return chunk_sum(0);
    }
    (0..chunks).into_par_iter().map(chunk_sum).collect::<Vec<f64>>().iter().sum()
}

/// Threads that are kept, for work that comes in many small portions.
#[derive(Debug)]
pub struct Threads(Option<rayon::ThreadPool>);

impl Threads {
    /// So many of them; where the system gives none, work runs on those that there are.
    pub fn new(count: usize) -> Self {
        Self(rayon::ThreadPoolBuilder::new().num_threads(count).build().ok())
    }

    /// Runs `work` on them.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// Runs `work` on a pool of `threads` threads, itself on one of them, so that a pool of one never waits.
pub fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // The system gave no threads; the result is the same on the ones there are.
        Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_has_the_same_bits_on_any_number_of_threads() {
        let sum = || ordered_sum(10_000, |i| 1.0 / (1.0 + i as f64));
        let one = with_threads(1, sum);
        assert_eq!(one.to_bits(), with_threads(2, sum).to_bits());
        assert_eq!(one.to_bits(), with_threads(8, sum).to_bits());
    }

    #[test]
    fn every_item_is_visited_once_with_its_own_index() {
        let mut items = vec![0usize; 1000];
        with_threads(8, || for_each(&mut items, |index, item| *item += index + 1));
        Threads::new(2).run(|| for_each_large(&mut items[1..], |index, item| *item += index - *item + 2));
        assert!(items.iter().enumerate().all(|(index, item)| *item == index + 1));
    }
}
