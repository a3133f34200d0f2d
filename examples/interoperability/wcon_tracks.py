"""The skeletons of a WCON file, simulated or tracked: centre, speed and length, frame by frame.

    nematode run models/experiments/adult_wave.toml --wcon worm.wcon
    python examples/interoperability/wcon_tracks.py worm.wcon

Needs nothing but Python: WCON is JSON. (The package wcon 1.1.0 does not load with a current scipy.)
"""

import json
import math
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    wcon = json.load(file)
print("units:", ", ".join(f"{key} {unit}" for key, unit in wcon["units"].items() if key in "txy"))
for worm in wcon["data"]:
    times = worm["t"]
    ends = [(sum(x) / len(x) + ox, sum(y) / len(y) + oy)
            for x, y, ox, oy in zip(worm["x"], worm["y"], worm.get("ox", [0] * len(times)), worm.get("oy", [0] * len(times)))]
    lengths = [sum(math.dist(a, b) for a, b in zip(list(zip(x, y)), list(zip(x, y))[1:])) for x, y in zip(worm["x"], worm["y"])]
    way = sum(math.dist(a, b) for a, b in zip(ends, ends[1:]))
    print(f"worm {worm['id']}: {len(times)} frames over {times[-1] - times[0]:g}, its centre went {way:.4g}, "
          f"it is {min(lengths):.4g} to {max(lengths):.4g} long")
