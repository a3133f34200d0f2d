//! Long work on a thread of its own, while Python's own hears Ctrl-C and tells how far it is.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// How often Python is asked whether to go on, in wall time: a person does not feel it, and it costs nothing.
const LOOK: Duration = Duration::from_millis(50);

/// What the two threads share.
#[derive(Default)]
pub struct Watch {
    done: AtomicU64,
    all: AtomicU64,
    stop: AtomicBool,
}

impl Watch {
    /// Says how much is done, and hears whether to go on.
    pub fn tell(&self, done: u64, all: u64) -> ControlFlow<()> {
        self.done.store(done, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Does `work` without the interpreter's lock; `told(done, all)` is called every so often. Gives what came of it, and what
/// stopped it: Ctrl-C, or what `told` raised.
pub fn watched<R: Send>(
    py: Python<'_>,
    told: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch) -> R + Send,
) -> PyResult<(R, Option<PyErr>)> {
    let watch = Watch::default();
    let (finished, wait) = mpsc::channel();
    let mut stopped = None;
    let result = thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let result = work(&watch);
            // Where nobody waits any more, nobody needs to hear it.
            let _ = finished.send(());
            result
        });
        // The receiver is moved in, for only its owner may wait on it without the interpreter's lock.
        let mut wait = Some(wait);
        while let Some(waiting) = wait.take() {
            let (over, waiting) = py.detach(move || {
                let over = !matches!(waiting.recv_timeout(LOOK), Err(mpsc::RecvTimeoutError::Timeout));
                (over, waiting)
            });
            let progress = || match told {
                Some(told) => {
                    told.call1((watch.done.load(Ordering::Relaxed), watch.all.load(Ordering::Relaxed))).map(drop)
                }
                None => Ok(()),
            };
            if stopped.is_none()
                && let Err(error) = py.check_signals().and_then(|()| progress())
            {
                watch.stop.store(true, Ordering::Relaxed);
                stopped = Some(error);
            }
            if !over && !worker.is_finished() {
                wait = Some(waiting);
            }
        }
        py.detach(|| worker.join())
    });
    let result = result.map_err(|_| PyRuntimeError::new_err("a defect of the engine: its thread panicked"))?;
    Ok((result, stopped))
}
