"""What a step costs from Python beside one from Rust, and what a batch of worms saves.

    python python/benches/overhead.py

Rust and Python take turns, a slice of 25 steps each, so that both see the same machine; medians of the slices are
told, and the quietest: on a busy machine the median has others' work in it.
"""

import os
import statistics
import time

import numpy as np

import nematode
import nematode.gym

SLICE, SLICES = 25, 1000


def slices_of(take):
    """Seconds for each step, of each slice."""
    begun = time.perf_counter()
    take()
    return (time.perf_counter() - begun) / SLICE


def step_by_step(worm):
    step = worm.step
    for _ in range(SLICE):
        step()


def observed(worm):
    felt = np.empty(len(worm.sense_names))
    drives = np.full(len(worm.drive_names), np.nan)
    for _ in range(SLICE):
        worm.observe(out=felt)
        worm.drive(drives)
        worm.step()


def overhead(name):
    worm = nematode.Worm(nematode.experiment(name))
    rust, python, looped = [], [], []
    for turn in range(SLICES):
        # Each worm goes on from where the last slice left it, so that all three see the same motion.
        rust.append(worm._time_of_steps(SLICE) / SLICE)
        python.append(slices_of(lambda: step_by_step(worm)))
        looped.append(slices_of(lambda: observed(worm)))
    worm.drive(None)
    print(f"{name}, us a step{'':17}median   more   quietest   more")
    of_rust = None
    for what, seconds in (("in Rust", rust), ("worm.step()", python), ("observe, drive and step", looped)):
        micro = 1e6 * statistics.median(seconds), 1e6 * min(seconds)
        of_rust = of_rust or micro
        (median, least), (base, base_least) = micro, of_rust
        print(f"  {what:25} {median:8.1f} {median - base:+6.2f} {least:10.1f} {least - base_least:+6.2f}")


def batch(count, intervals=25):
    """100 worms as one batch, and as single environments one after the other."""
    actions = np.random.default_rng(0).random((count, 95))
    envs = nematode.gym.WormVectorEnv(count, duration=1e3)
    one = nematode.gym.WormVectorEnv(count, duration=1e3, threads=1)
    singles = [nematode.gym.WormEnv(duration=1e3) for _ in range(count)]
    for many in (envs, one):
        many.reset()
    for env in singles:
        env.reset()
    seconds = {"batch": [], "batch of one thread": [], "singles": []}
    for _ in range(intervals):
        for name, step in (
            ("batch", lambda: envs.step(actions)),
            ("batch of one thread", lambda: one.step(actions)),
            ("singles", lambda: [env.step(action) for env, action in zip(singles, actions)]),
        ):
            begun = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - begun)
    alone = statistics.median(seconds["singles"])
    for name, taken in seconds.items():
        median = statistics.median(taken)
        rate = count * envs._rules.steps / median
        least = min(seconds["singles"]) / min(taken)
        print(f"{count} worms of rods, {name}: {1e3 * median:.1f} ms an interval, {rate:.0f} worm steps/s")
        print(f"    {alone / median:.2f} times singles, {least:.2f} of the quietest")


if __name__ == "__main__":
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} cores, load {load:.1f}")
    for name in ("rod_wave", "bbc"):
        overhead(name)
    batch(100)
