"""The command line."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.scale.options import Options
from benchmarks.scale.run import run

_ABOUT = """\
Runs thousands of workspaces through the whole product and checks every figure at the end.

A sandbox of Xero with one company for (nearly) each workspace, Xero's own limits with the time
scaled down; the OAuth service, Dagster's code server and daemon, all as processes of their own.
Everything is backfilled as Dagster's UI does it; half way the daemon is killed and started again.
Then figures change at the provider, and one day's refresh is done by the shipped schedule, and
the models follow. Some workspaces fail by a dead grant, a vanished tenant, an error of the
provider or a day's limit, half of them from the beginning: these must be shown so, with the
reason, and nobody else. What has landed is compared with the sandbox's books by value.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=_ABOUT,
        epilog="example: python -m benchmarks.scale --workspaces 200 --json scale.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workspaces", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--batch", type=int, default=50, help="the most in one run (50)")
    parser.add_argument(
        "--time-scale",
        type=float,
        default=10.0,
        help="a minute of the provider's is shorter by (10)",
    )
    parser.add_argument(
        "--failing", type=float, default=2.0, help="per cent of the workspaces that fail (2)"
    )
    parser.add_argument("--json", type=Path, help="file that the report is written to as JSON too")
    parser.add_argument("--home", type=Path, help="empty folder to work in, which is kept")
    chosen = parser.parse_args(arguments)
    options = Options(
        workspaces=chosen.workspaces,
        batch=chosen.batch,
        time_scale=chosen.time_scale,
        failing=chosen.failing,
        today=datetime.now(UTC).date(),
    )
    started = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {line}", flush=True)

    with tempfile.TemporaryDirectory(prefix="zebbra-scale-") as temporary:
        report = run(options, chosen.home or Path(temporary), tell)
    report.note("wall time", all_of_it_s=round(time.monotonic() - started, 1))
    print(report.table())
    if chosen.json:
        report.write(chosen.json)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
