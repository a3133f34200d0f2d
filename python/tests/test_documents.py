"""What the documents tell to type runs."""

import json
import re
import shlex
import subprocess
import sys

import pytest

import nematode
from test_worm import RODS

LEMS = """<Lems><Target component='sim'/><Include file='Simulation.xml'/><Include file='NeuroMLCoreDimensions.xml'/>
<ComponentType name='leak'><Exposure name='v' dimension='voltage'/><Parameter name='tau' dimension='time'/>
<Dynamics><StateVariable name='v' dimension='voltage' exposure='v'/><TimeDerivative variable='v' value='-v/tau'/>
</Dynamics></ComponentType><leak id='cell' tau='10 ms'/><Simulation id='sim' length='10 ms' step='0.1 ms' target='cell'>
<OutputFile id='o' fileName='v.dat'><OutputColumn id='v' quantity='v'/></OutputFile></Simulation></Lems>"""


def blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files that the documents name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "LEMS_worm.xml").write_text(LEMS)
    nematode.run(nematode.experiment("bbc"), "connectome.h5", "0.2 s", progress=False)
    nematode.run(RODS, "rods.h5", "2 s", progress=False)
    # A track of a tracker: the midlines of a run.
    midlines = nematode.read("rods.h5").midline[::5]
    data = {
        "units": {"t": "s", "x": "m", "y": "m"},
        "data": [
            {
                "id": "1",
                "t": midlines.time.values.tolist(),
                "x": midlines.sel(axis="x").values.tolist(),
                "y": midlines.sel(axis="y").values.tolist(),
            }
        ],
    }
    (tmp_path / "tracked.wcon").write_text(json.dumps(data))
    return tmp_path


def test_every_python_block_of_the_document_runs(repository, files):
    found = blocks((repository / "docs/python.md").read_text())
    assert len(found) >= 5
    names = {}
    for block in found:
        # Five seconds of particles are for people, not for tests.
        block = block.replace('nematode.experiment("crawl"), "crawl.h5"', 'nematode.experiment("rod_wave"), "crawl.h5"')
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["result"]["v"].shape == (101,)


def test_the_block_of_the_package_and_of_the_readme_is_the_same_and_runs(repository, capsys):
    first, *_ = blocks((repository / "python/README.md").read_text())
    assert first in blocks((repository / "README.md").read_text())
    exec(compile(first, "README", "exec"), {})
    assert capsys.readouterr().out.startswith("2.0")


def test_the_sweep_of_the_document_runs(repository, files):
    text = (repository / "docs/sweeps.md").read_text()
    command = re.search(r"python -m nematode (sweep models.*?)\n\n", text, re.DOTALL).group(1).replace("\\\n", " ")
    words = shlex.split(
        command.replace("models/experiments/", f"{nematode.MODELS}/experiments/").replace("10 s", "0.1 s")
    )
    subprocess.run([sys.executable, "-m", "nematode", *words, "--workers", "2"], check=True, capture_output=True)
    import pandas

    table = pandas.read_parquet("mixtures/table.parquet")
    assert len(table) == 24 and "body.mixture" in table
