"""Makes gru_torch.safetensors and lstm_torch.safetensors beside this file, with torch in float64: python make_torch.py

A torch.nn.GRU or LSTM of 7 units on 4 inputs and a linear layer to 3 outputs; 3 samples of 12 steps. The loss is
mean((output - target)^2) + 0.1 sum(probe * last state) / samples, as in the vectors of ncps. Needs torch and safetensors.
"""

import pathlib

import torch
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
SAMPLES, STEPS, INPUTS, UNITS, OUTPUTS = 3, 12, 4, 7, 3


class Policy(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn = cell(INPUTS, UNITS, batch_first=True)
        self.fc = torch.nn.Linear(UNITS, OUTPUTS)


for name, cell in [("gru", torch.nn.GRU), ("lstm", torch.nn.LSTM)]:
    torch.manual_seed(7)
    policy = Policy(cell)
    inputs = torch.randn(SAMPLES, STEPS, INPUTS, requires_grad=True)
    starts = [torch.randn(1, SAMPLES, UNITS, requires_grad=True) for _ in ("h", "c")][: 2 if name == "lstm" else 1]
    states, last = policy.rnn(inputs, tuple(starts) if name == "lstm" else starts[0])
    ends = last if name == "lstm" else (last,)
    outputs = policy.fc(states)
    target = torch.randn(SAMPLES, STEPS, OUTPUTS)
    probes = [torch.randn(SAMPLES, UNITS) for _ in ends]
    loss = ((outputs - target) ** 2).mean()
    loss = loss + sum(0.1 * (probe * end[0]).sum() / SAMPLES for probe, end in zip(probes, ends))
    loss.backward()

    kept = {f"param.{key}": value for key, value in policy.state_dict().items()}
    kept |= {f"grad.{key}": value.grad for key, value in policy.named_parameters()}
    kept |= {"in.input": inputs, "grad.in.input": inputs.grad, "loss.target": target}
    kept |= {"out.output": outputs, "out.states": states}
    for letter, start, end, probe in zip("hc", starts, ends, probes):
        kept[f"in.{letter}0"] = start[0]
        kept[f"grad.in.{letter}0"] = start.grad[0]
        kept[f"out.{letter}T"] = end[0]
        kept[f"loss.{letter}_probe"] = probe
    path = pathlib.Path(__file__).with_name(f"{name}_torch.safetensors")
    save_file({key: value.detach().clone().contiguous() for key, value in kept.items()}, path)
    print(path.name, f"loss {loss.item():.6f}, torch {torch.__version__}")
