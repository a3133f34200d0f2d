"""``python -m nematode sweep``: what of the package is called from a shell. All else is the program ``nematode``."""

import argparse
import sys

from .errors import Diverged, NematodeError, wrong


def arguments():
    parser = argparse.ArgumentParser(prog="python -m nematode", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sweep = commands.add_parser(
        "sweep",
        help="an experiment many times over, with values changed",
        description="Runs an experiment many times over and writes one table and one recording for each run.",
        epilog="Example: python -m nematode sweep crawl.toml --out mixtures --vary body.mixture='log 0.02..1:8'",
    )
    add = sweep.add_argument
    add("experiment", help="its TOML file")
    add("--out", required=True, metavar="FOLDER", help="where everything goes; the same sweep goes on there")
    add(
        "--vary", action="append", required=True, metavar="KEY=VALUES",
        help="a,b,c or low..high:count for a grid, low..high for a range; `log ` in front for equal ratios",
    )  # fmt: skip
    add("--samples", type=int, metavar="N", help="so many points by chance, instead of a grid")
    add("--seed", type=int, default=0, help="of points by chance, and of the optimiser")
    add("--maximise", metavar="ROW", help="let Optuna look for the highest forward_speed, or another row of the gait")
    add("--minimise", metavar="ROW", help="or for the lowest")
    add("--trials", type=int, default=100, metavar="N", help="so many points of the optimiser")
    add("--duration", help="how long each is simulated: '10 s'")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a value of all of them")
    add("--workers", type=int, metavar="N", help="runs at once, by default one for each core")
    add("--engine", choices=["processes", "dask"], default="processes")
    add("--scheduler", metavar="ADDRESS", help="of a Dask cluster that is there: tcp://10.0.0.1:8786")
    add("--retries", type=int, default=3, metavar="N", help="of a run whose worker was killed")
    add("--no-recordings", action="store_true", help="keep the rows of the table alone")
    add("--shard", metavar="I/N", help="only every N-th point from the I-th on, in this process")
    add("--print-slurm", type=int, metavar="JOBS", help="print a Slurm array of so many jobs instead, and run nothing")
    add("--slurm-time", default="01:00:00", metavar="TIME", help="how long a job of it may take")
    add("--quiet", action="store_true", help="no progress")
    return parser


def _pairs(list_of, option):
    pairs = {}
    for text in list_of:
        key, equals, value = text.partition("=")
        if not equals:
            raise wrong(f'{option}: "{text}" has no "="', f"write {option} body.mixture=0.5")
        pairs[key.strip()] = value
    return pairs


def run_sweep(options, argv):
    from .designs import _plain
    from .sweep import slurm, sweep

    if options.print_slurm is not None:
        at = argv.index("sweep") + 1
        kept = iter(argv[at:])
        words = []
        for word in kept:
            if word in ("--print-slurm", "--slurm-time"):
                next(kept)
            elif not word.startswith(("--print-slurm=", "--slurm-time=")):
                words.append(word)
        if options.print_slurm < 1 or options.shard is not None:
            raise wrong(
                "--print-slurm: an array has at least one job, and makes its own shards", "give --print-slurm 100"
            )
        print(slurm(words, options.print_slurm, time=options.slurm_time), end="")
        return 0
    shard = None
    if options.shard is not None:
        first, _, count = options.shard.partition("/")
        if not (first.isdigit() and count.isdigit() and int(first) < int(count)):
            raise wrong(f'--shard: "{options.shard}" is no shard', "give --shard 0/4 to --shard 3/4")
        shard = int(first), int(count)
    frame = sweep(
        options.experiment,
        _pairs(options.vary, "--vary"),
        options.out,
        samples=options.samples,
        seed=options.seed,
        maximise=options.maximise,
        minimise=options.minimise,
        trials=options.trials,
        duration=options.duration,
        set={key: _plain(value) for key, value in _pairs(options.set, "--set").items()},
        workers=options.workers,
        engine=options.engine,
        scheduler=options.scheduler,
        retries=options.retries,
        recordings=not options.no_recordings,
        shard=shard,
        progress=not options.quiet,
    )
    told = ", ".join(f"{count} {status}" for status, count in frame["status"].value_counts().items())
    print(f"{len(frame)} runs ({told}), in {options.out}")
    goal = options.maximise or options.minimise
    if goal is not None and goal in frame:
        best = frame.sort_values(goal, ascending=options.maximise is None).iloc[0]
        keys = [column for column in frame.columns if column.split(" [")[0] in _pairs(options.vary, "--vary")]
        print(
            f"best: run {best['index']}, {goal} {best[goal]:.6g}, " + ", ".join(f"{key} = {best[key]}" for key in keys)
        )
    return 0


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    options = arguments().parse_args(argv)
    try:
        return run_sweep(options, argv)
    except NematodeError as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, Diverged) else 2
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on in {options.out}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
