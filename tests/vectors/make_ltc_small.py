"""Writes ltc_small.safetensors: one small LTC run, computed here from the equations alone.

Plain Python, no ncps and no code of ours: a second opinion on `src/controller/ltc.rs`. Five neurons (two of
them motor neurons), three senses, sparse synapses, softplus weights, irregular times, four substeps.

    python3 tests/vectors/make_ltc_small.py
"""

import json
import math
import pathlib
import random
import struct

SENSES, UNITS, MOTOR, STEPS, UNFOLDS, EPSILON = 3, 5, 2, 12, 4, 1e-8
random.seed(302)
draw = lambda count, low, high: [random.uniform(low, high) for _ in range(count)]
sparse = lambda count, share: [1.0 if random.random() < share else 0.0 for _ in range(count)]

weights = {
    "gleak": ([UNITS], draw(UNITS, -2, 1)),
    "vleak": ([UNITS], draw(UNITS, -0.2, 0.2)),
    "cm": ([UNITS], draw(UNITS, -1, 1)),
    "input_w": ([SENSES], draw(SENSES, 0.5, 1.5)),
    "input_b": ([SENSES], draw(SENSES, -0.3, 0.3)),
    "output_w": ([MOTOR], draw(MOTOR, 0.5, 1.5)),
    "output_b": ([MOTOR], draw(MOTOR, -0.3, 0.3)),
}
for kind, sources in (("", UNITS), ("sensory_", SENSES)):
    shape, count = [sources, UNITS], sources * UNITS
    weights[kind + "w"] = (shape, draw(count, -2, 2))
    weights[kind + "mu"] = (shape, draw(count, 0.3, 0.8))
    weights[kind + "sigma"] = (shape, draw(count, 3, 8))
    weights[kind + "erev"] = (shape, [random.choice([-1.0, 1.0]) * random.uniform(0.8, 1.2) for _ in range(count)])
    weights[kind + "sparsity_mask"] = (shape, sparse(count, 0.5))

p = {name: values for name, (_, values) in weights.items()}
positive = lambda x: math.log1p(math.exp(x))
sigmoid = lambda x: 1 / (1 + math.exp(-x))


def activity(kind, source, target, value):
    at = source * UNITS + target
    mask, w = p[kind + "sparsity_mask"][at], positive(p[kind + "w"][at])
    return mask * w * sigmoid(p[kind + "sigma"][at] * (value - p[kind + "mu"][at])), p[kind + "erev"][at]


def step(v, senses, elapsed):
    x = [s * w + b for s, w, b in zip(senses, p["input_w"], p["input_b"])]
    for _ in range(UNFOLDS):
        new = []
        for i in range(UNITS):
            terms = [activity("", j, i, v[j]) for j in range(UNITS)]
            terms += [activity("sensory_", k, i, x[k]) for k in range(SENSES)]
            inertia, leak = positive(p["cm"][i]) * UNFOLDS / elapsed, positive(p["gleak"][i])
            above = math.fsum([inertia * v[i], leak * p["vleak"][i]] + [a * e for a, e in terms])
            new.append(above / math.fsum([inertia, leak, EPSILON] + [a for a, _ in terms]))
        v = new
    return v


senses = [draw(SENSES, -1, 2) for _ in range(STEPS)]
spans = draw(STEPS, 0.02, 2)
state = start = draw(UNITS, -0.5, 0.5)
states, outputs = [], []
for u, elapsed in zip(senses, spans):
    state = step(state, u, elapsed)
    states += state
    outputs += [state[m] * p["output_w"][m] + p["output_b"][m] for m in range(MOTOR)]

arrays = {f"param.rnn_cell.{name}": value for name, value in weights.items()}
arrays |= {
    "in.input": ([1, STEPS, SENSES], sum(senses, [])),
    "in.timespans": ([1, STEPS], spans),
    "in.h0": ([1, UNITS], start),
    "out.states": ([1, STEPS, UNITS], states),
    "out.output": ([1, STEPS, MOTOR], outputs),
}
metadata = {
    "implicit_param_constraints": "true",
    "ode_unfolds": str(UNFOLDS),
    "senses": json.dumps(["curvature/01", "curvature/02", "MDL05/strain"]),
    "drives": json.dumps(["MDL05", "MVL05"]),
    "time_unit": "0.1",
}
header, data = {"__metadata__": metadata}, b""
for name, (shape, values) in arrays.items():
    block = struct.pack(f"<{len(values)}d", *values)
    header[name] = {"dtype": "F64", "shape": shape, "data_offsets": [len(data), len(data) + len(block)]}
    data += block
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
(pathlib.Path(__file__).parent / "ltc_small.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
