"""A sweep of rod worms on different engines and numbers of workers: wall time, and what is left when a worker is killed.

    python python/benches/sweep_engines.py --worms 200 --duration '10 s' processes:1 processes:2 dask:2 ray:2
    python python/benches/sweep_engines.py --kill processes:2 dask:2 ray:2

Engines take turns, each in a process of its own, so that none profits from what another has loaded. Ray is none of the
package's engines (docs/sweeps.md says why); here it is driven through its futures.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nematode
from nematode import workers
from nematode.sweep import sweep


class Ray:
    """Ray's futures as an engine of the package."""

    def __init__(self, count):
        import ray

        self.ray, self.workers, self.remote = ray, count, {}
        ray.init(num_cpus=count, include_dashboard=False, _node_ip_address="127.0.0.1", logging_level="ERROR")

    def submit(self, work, *arguments):
        if work not in self.remote:
            self.remote[work] = self.ray.remote(max_retries=3)(work)
        return self.remote[work].remote(*arguments).future()

    def close(self, cancel=False):
        self.ray.shutdown()


def workers_of(engine):
    """The processes below this one that do the work."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    below, found = {os.getpid()}, []
    for _ in range(6):
        below |= {int(pid) for pid, parent, *_ in rows if int(parent) in below}
    marks = {"processes": "spawn_main", "dask": "spawn_main", "ray": "ray::"}
    for pid, _, *args in rows:
        if int(pid) in below and args and marks[engine] in args[0]:
            found.append(int(pid))
    return found


def one(engine, count, worms, duration, kill):
    begun, name = time.perf_counter(), engine
    if engine == "ray":
        # Begun here, for Ray wants the script's name, which the sweep hides.
        ray = Ray(count)
        workers.Processes = lambda _: ray
        engine = "processes"
    with tempfile.TemporaryDirectory() as folder:

        def kill_one():
            while len(list(Path(folder).glob("sweep/rows/*/0*.json"))) < worms // 4:
                time.sleep(0.02)
            victims = workers_of(name)
            os.kill(victims[-1], signal.SIGKILL)
            print(f"    killed one of {len(victims)} processes", flush=True)

        if kill:
            threading.Thread(target=kill_one, daemon=True).start()
        frame = sweep(
            nematode.experiment("rod_wave"), {"body.mixture": "log 0.02..1"}, Path(folder) / "sweep", samples=worms,
            duration=duration, workers=count, engine=engine, progress=False,
        )  # fmt: skip
        wall = time.perf_counter() - begun
    own = resource.getrusage(resource.RUSAGE_SELF)
    whole = sorted(frame["index"]) == list(range(worms)) and (frame.status == "done").all()
    print(
        json.dumps({"wall": wall, "cpu": own.ru_utime + own.ru_stime, "work": frame.wall.sum(), "whole": bool(whole)})
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("engines", nargs="+", metavar="ENGINE:WORKERS")
    parser.add_argument("--worms", type=int, default=200)
    parser.add_argument("--duration", default="10 s")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kill", action="store_true", help="kill a worker after a quarter of the worms")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        engine, count = options.engines[0].split(":")
        one(engine, int(count), options.worms, options.duration, options.kill)
        return
    print(f"{options.worms} worms of rods, {options.duration} each, on {os.cpu_count()} cores")
    for _ in range(options.rounds):
        for engine in options.engines:
            command = [sys.executable, __file__, "--inside", engine, f"--worms={options.worms}"]
            command += [f"--duration={options.duration}"] + ["--kill"] * options.kill
            load = os.getloadavg()[0]
            begun = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True)
            whole = time.perf_counter() - begun
            if done.returncode:
                print(f"{engine}: failed\n{done.stderr[-2000:]}")
                continue
            *notes, last = done.stdout.strip().splitlines()
            told = json.loads(last)
            print(
                f"{engine:12} {told['wall']:6.1f} s ({whole:.1f} s with Python's start), stepping {told['work']:.1f} s, "
                f"own process {told['cpu']:.1f} CPU s, every worm once: {told['whole']}, load before {load:.1f}"
            )
            print("\n".join(notes), end="\n" if notes else "", flush=True)


if __name__ == "__main__":
    main()
