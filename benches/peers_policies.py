"""CPU time of a policy's step and of its training: nematode beside ncps, on the same nets and shapes.

    python benches/peers_policies.py POLICY_TIME VENV [--torch VENV]

POLICY_TIME is target/release/examples/policy_time (cargo build --release --example policy_time). VENV is a folder outside
the repository; where it is missing, it is made, with ncps, keras and JAX from PyPI. --torch names one that has ncps and torch.
Every figure is user + system time of the process per call, the median of nine rounds, one thread. The peer's LTC on JAX
needs its reversal potentials as floats, which are cast here. "train" is the gradient and a step of Adam.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

CLOCK = r"""
import os, resource, statistics, sys, json
import numpy as np

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

def time(work, calls):
    work()
    rounds = []
    for _ in range(9):
        before = cpu()
        for _ in range(calls):
            work()
        rounds.append((cpu() - before) / calls * 1e6)
    return statistics.median(rounds)

def tell(name, works):
    for what, work, calls in works:
        try:
            taken = time(work, calls)
        except Exception as error:
            print(json.dumps([name, what, None, str(error)[:80]]), flush=True)
            continue
        print(json.dumps([name, what, taken / (32 if what == "step" else 1), ""]), flush=True)
"""

KERAS = CLOCK + r"""
os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax, jax.numpy as jnp, keras
from ncps.wirings import NCP, AutoNCP
from ncps.keras import LTC

@jax.jit
def adam(weights, gradient, mean, square, count):
    mean = [0.9 * m + 0.1 * g for m, g in zip(mean, gradient)]
    square = [0.999 * s + 0.001 * g * g for s, g in zip(square, gradient)]
    rate = 0.01 * jnp.sqrt(1 - 0.999 ** count) / (1 - 0.9 ** count)
    return [w - rate * m / (jnp.sqrt(s) + 1e-8) for w, m, s in zip(weights, mean, square)], mean, square

for name, wiring, inputs in (("ncp19", NCP(12, 6, 1, 6, 4, 6, 6), 32), ("auto28_4", AutoNCP(28, 4), 20)):
    model = LTC(wiring, return_sequences=True)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(32, 32, inputs)), jnp.float32)
    model(x)
    weights = [jnp.asarray(w.value, jnp.float32) for w in model.trainable_variables]
    fixed = [w.value for w in model.non_trainable_variables]
    forward = jax.jit(lambda w, x: model.stateless_call(w, fixed, x)[0])
    gradient = jax.jit(jax.grad(lambda w, x: jnp.mean(model.stateless_call(w, fixed, x)[0] ** 2)))
    zeros = [jnp.zeros_like(w) for w in weights]
    tell(name, (
        ("step", lambda: jax.block_until_ready(forward(weights, x[:1])), 20),
        ("sequence", lambda: jax.block_until_ready(forward(weights, x)), 5),
        ("gradient", lambda: jax.block_until_ready(gradient(weights, x)), 3),
        ("train", lambda: jax.block_until_ready(adam(weights, gradient(weights, x), zeros, zeros, 1.0)), 3),
    ))
"""

TORCH = CLOCK + r"""
import torch
from ncps.wirings import NCP, AutoNCP
from ncps.torch import LTC

torch.set_num_threads(1)
for name, wiring, inputs in (("ncp19", NCP(12, 6, 1, 6, 4, 6, 6), 32), ("auto28_4", AutoNCP(28, 4), 20)):
    model = LTC(inputs, wiring)
    x = torch.tensor(np.random.default_rng(1).normal(size=(32, 32, inputs)), dtype=torch.float32)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)

    def forward(x):
        with torch.no_grad():
            model(x)

    def gradient():
        optimiser.zero_grad()
        (model(x)[0] ** 2).mean().backward()

    def train():
        gradient()
        optimiser.step()

    tell(name, (("step", lambda: forward(x[:1]), 5), ("sequence", lambda: forward(x), 3), ("gradient", gradient, 2), ("train", train, 2)))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("policy_time", type=pathlib.Path)
    parser.add_argument("venv", type=pathlib.Path)
    parser.add_argument("--torch", type=pathlib.Path, help="a virtual environment with ncps and torch")
    arguments = parser.parse_args()
    python = arguments.venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", arguments.venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy", "ncps", "keras", "jax"], check=True)
    told = subprocess.run([arguments.policy_time], capture_output=True, text=True, check=True).stdout
    ours = {tuple(row[:2]): row[2] for row in map(json.loads, told.splitlines())}
    peers = [("ncps on Keras and JAX, jitted", python, KERAS)]
    if arguments.torch:
        peers.append(("ncps on torch", arguments.torch / "bin" / "python", TORCH))
    print("| net | what | nematode [CPU us] | peer | peer [CPU us] | ratio |")
    print("|---|---|---|---|---|---|", flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for called, python, code in peers:
        with subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as peer:
            for line in peer.stdout:
                name, what, taken, error = json.loads(line)
                own = ours[name, what]
                if taken is None:
                    print(f"| {name} | {what} | {own:.2f} | {called} | does not run: {error} | |", flush=True)
                else:
                    print(f"| {name} | {what} | {own:.2f} | {called} | {taken:.0f} | {taken / own:.0f} |", flush=True)


if __name__ == "__main__":
    main()
