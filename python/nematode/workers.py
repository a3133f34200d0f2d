"""Who does the work of a sweep: processes of this machine, or a Dask cluster. All speak ``concurrent.futures``."""

import multiprocessing
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from .errors import Diverged, InputError
from .optional import need


@contextmanager
def without_main():
    """Lets processes start that do not run the caller's script once more.

    A new process does so to find functions that stand in the script. Ours stand in this package; and a script that sweeps
    without asking for its ``__name__`` first would sweep in each worker.
    """
    main = sys.modules["__main__"]
    kept = {name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__}
    main.__dict__.update(dict.fromkeys(kept))
    try:
        yield
    finally:
        main.__dict__.update(kept)


class Processes:
    """Processes of this machine. Where one is killed, the others are lost with it; what they had in hand is done anew."""

    def __init__(self, workers):
        self.workers = workers
        self._start()

    def _start(self):
        # Forked children would inherit the engine's threads as they are, which may hold a lock.
        self.pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"))

    def submit(self, work, *arguments):
        try:
            return self.pool.submit(work, *arguments)
        except BrokenProcessPool:
            self.pool.shutdown(wait=False, cancel_futures=True)
            self._start()
            return self.pool.submit(work, *arguments)

    def close(self, cancel=False):
        # A run may take hours, and nobody waits for it any more. Python has a method for this from 3.14 on.
        lost = list((self.pool._processes or {}).values()) if cancel else []
        self.pool.shutdown(wait=not cancel, cancel_futures=True)
        for process in lost:
            process.terminate()


class Dask:
    """Workers of a Dask cluster: of one at that address, or of one on this machine for the time of the sweep."""

    def __init__(self, workers, scheduler=None):
        distributed = need("distributed", "sweep")
        self.cluster = None
        if scheduler is None:
            self.cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            )
        self.client = distributed.Client(scheduler or self.cluster, set_as_default=False)
        self.workers = max(1, sum(self.client.nthreads().values()))
        # A task may lose this many workers under it before Dask gives it up; the sweep's own retries come on top.
        self.executor = self.client.get_executor(pure=False)

    def submit(self, work, *arguments):
        return self.executor.submit(work, *arguments)

    def close(self, cancel=False):
        self.executor.shutdown(wait=not cancel)
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


class Here:
    """This process, one after the other: a job of an array, which has its own core."""

    workers = 1

    def submit(self, work, *arguments):
        from concurrent.futures import Future

        future = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, cancel=False):
        pass


def done(engine, tasks, retries):
    """Submits ``tasks``, an iterator of (name, function, arguments), so that no worker waits, and yields (name, result) as
    they come; the iterator may look at what has come so far before it gives the next.

    What a worker that was killed had in hand, or what the system refused, is tried again ``retries`` times, then raised.
    """
    running, tried = {}, {}
    tasks = iter(tasks)

    def start(task):
        running[engine.submit(task[1], *task[2])] = task

    try:
        more = True
        while more or running:
            # A few wait at the workers' door, so that none is idle while this process looks at results.
            while more and len(running) < 2 * engine.workers:
                task = next(tasks, None)
                more = task is not None
                if more:
                    start(task)
            finished = wait(running, return_when=FIRST_COMPLETED).done if running else ()
            for future in finished:
                task = running.pop(future)
                error = future.exception()
                if error is None:
                    yield task[0], future.result()
                elif isinstance(error, (InputError, Diverged)) or tried.get(task[0], 0) >= retries:
                    raise error
                else:
                    tried[task[0]] = tried.get(task[0], 0) + 1
                    start(task)
    except BaseException:
        engine.close(cancel=True)
        raise
    engine.close()
