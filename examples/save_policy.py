"""A policy trained in ncps becomes a file that a worm runs: python examples/save_policy.py policy.safetensors

Needs torch, ncps and safetensors. The other side is examples/run_policy.rs, or in an experiment:

    [controller.policy]
    file = "policy.safetensors"

The names of senses and drives and what the state dict lacks stand in the metadata, each as a text.
"""

import json
import sys

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from safetensors.torch import save_file

senses = [f"curvature/{row:02d}" for row in range(1, 25)]
drives = [f"{side}{row:02d}" for side in ("MDL", "MDR", "MVL", "MVR") for row in range(1, 24)]
model = LTC(len(senses), AutoNCP(150, len(drives)), implicit_param_constraints=True)

# Any training goes here; this one lets the muscles of the back and of the belly rest at a half.
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(20):
    outputs, _ = model(torch.randn(8, 16, len(senses)))
    loss = ((outputs - 0.5) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

save_file(
    model.state_dict(),
    sys.argv[1],
    metadata={
        "implicit_param_constraints": "true",
        "ode_unfolds": "6",
        "time_unit": "0.04",  # what the model calls 1, in seconds: the time between two inputs of the training
        "senses": json.dumps(senses),
        "drives": json.dumps(drives),
    },
)
