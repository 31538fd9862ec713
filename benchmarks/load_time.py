"""
How long Dagster takes to load the definitions, against `import dagster` alone.

Both start processes of their own, in turns, so that a busy machine slows both; compared are
medians. A first start of each is not counted: it may have to write the bytecode.
Run it from the repository: `.venv/bin/python benchmarks/load_time.py`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

LIMIT = 1.2
MODULES = ("dagster", "zebbra_pipeline.definitions")


def seconds_to_import(module: str) -> tuple[float, float]:
    """Return wall and processor seconds of a process that imports *module* and ends."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], env=environ, check=True)  # noqa: S603 -- our own interpreter
    wall, after = time.perf_counter() - started, os.times()
    used = after.children_user + after.children_system
    return wall, used - before.children_user - before.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="starts of each (15)")
    rounds = parser.parse_args().rounds
    for module in MODULES:
        seconds_to_import(module)
    measured = {module: [] for module in MODULES}
    for _ in range(rounds):
        for module in MODULES:
            measured[module].append(seconds_to_import(module))
    ratios = []
    for place, kind in enumerate(("wall", "processor")):
        base, ours = (
            statistics.median(times[place] for times in measured[module]) for module in MODULES
        )
        ratios.append(ours / base)
        print(
            f"{kind:>9}: import dagster {base:.3f} s, definitions {ours:.3f} s: {ours / base:.2f} "
            f"times (at most {LIMIT})"
        )
    return int(max(ratios) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
