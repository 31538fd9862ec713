"""
What Dagster's event log costs a run over many workspaces, by how it is set up.

The asset step is the pipeline's own; only the fetch is replaced by ready outcomes, so that what
is measured is Dagster: planned events, materializations with their metadata, the run's end.
Each way of setting it up runs in a process of its own, one after the other. "Processor" is the
run's own, for a workspace: a database server's is not in it.
Run it from the repository: `.venv/bin/python benchmarks/dagster_events.py`. PostgreSQL is
measured where its programs are installed.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

WAYS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "events in batches of 50": {"DAGSTER_EVENT_BATCH_SIZE": "50"},
    "one planned event": {"DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "1"},
    "planned events one by one": {"DAGSTER_EMIT_PLANNED_EVENTS_INDIVIDUALLY": "1"},
}


_ACCOUNTS = 20


def _batch() -> Any:
    """Return a statement of 20 accounts and a total over 24 months."""
    from integrations.contracts import (
        DataBatch,
        IntegrationProvider,
        LineKind,
        Statement,
        StatementLine,
        month_ends,
    )

    months = month_ends(date(2024, 1, 31), date(2025, 12, 31))
    lines = [
        StatementLine(
            statement=statement,
            account_id=None if number == _ACCOUNTS else f"a{number}",
            label="Total" if number == _ACCOUNTS else f"Account {number}",
            kind=LineKind.COMPUTED_TOTAL if number == _ACCOUNTS else LineKind.ACCOUNT,
            values={month: Decimal(number * 1000) for month in months},
        )
        for statement in Statement
        for number in range(_ACCOUNTS + 1)
    ]
    return DataBatch(
        integration=IntegrationProvider("Xero"),
        tenant_id="org-1",
        tenant_name="Office",
        currency="GBP",
        dates=months,
        lines=tuple(lines),
    )


def measure(home: str, workspaces: int, runs: int) -> None:
    """Print what each of *runs* runs over *workspaces* workspaces takes, as a line of JSON."""
    import dagster as dg

    from integrations.contracts import Statement, Tenant
    from integrations.runtime.registry import load_registry
    from zebbra_pipeline.orchestration.building import build_integration_assets
    from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START
    from zebbra_pipeline.orchestration.resources import Connections, Warehouse
    from zebbra_pipeline.outcomes import Landed, LandedStatement, Origin

    logging.disable(logging.CRITICAL)
    batch = _batch()
    tenant = Tenant(batch.tenant_id, batch.tenant_name)

    class Ready(Connections):
        async def fetch(
            self, _plugin: Any, workspaces: Any, assets: Any, *, on_outcome: Any, **_: Any
        ) -> Any:
            outcomes = []
            for workspace in workspaces:
                origin = Origin(workspace, "xero", tenant, datetime.now(UTC), 6, 54, 4994, 0.3)
                landed = {
                    asset: LandedStatement(
                        Statement(asset), batch, rows=480, restated=0, changed=True, batch_id="b1"
                    )
                    for asset in assets
                }
                outcomes.append(Landed(origin, landed, "landed"))
                on_outcome(outcomes[-1])
            return outcomes

    defs = dg.Definitions(
        assets=[build_integration_assets(load_registry().get("Xero"), workspaces_per_run=1000)],
        resources={"connections": Ready(), "warehouse": Warehouse()},
        executor=dg.in_process_executor,
    )
    job = defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.from_config(home) as instance:
        keys = [f"w{number:05}" for number in range(workspaces)]
        if not instance.get_dynamic_partitions("workspace"):
            instance.add_dynamic_partitions("workspace", keys)
        for _ in range(runs):
            started, worked = time.perf_counter(), time.process_time()
            run = job.execute_in_process(
                instance=instance, tags={RANGE_START: keys[0], RANGE_END: keys[-1]}
            )
            found = {
                "seconds": time.perf_counter() - started,
                "processor_s": time.process_time() - worked,
                "events": len(instance.all_logs(run.run_id)),
            }
            print(json.dumps(found), flush=True)


@contextmanager
def storages(names: list[str]) -> Iterator[dict[str, str]]:
    """Give the `dagster.yaml` of each storage."""
    with ExitStack() as exits:
        texts = {"SQLite": "telemetry: {enabled: false}\n"}
        if "PostgreSQL" in names:
            sys.path.insert(0, str(Path(__file__).parents[1] / "tests/helpers"))
            from support.postgres import PostgresMissingError, running_postgres

            try:
                url = exits.enter_context(running_postgres()).new_database()
            except PostgresMissingError as exc:
                print(f"PostgreSQL is not measured: {exc}")
            else:
                url = url.replace("+psycopg:", "+psycopg2:")
                storage = f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n"
                texts["PostgreSQL"] = texts["SQLite"] + storage
        yield texts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--workspaces", type=int, default=50, help="in one run (50)")
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each way (5)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure(given.child, given.workspaces, given.runs)
        return 0
    print(
        f"{'storage':<11}{'set up':<28}{'a run':>9}{'a workspace':>13}{'processor':>13}{'events':>8}"
    )
    with storages(["SQLite", "PostgreSQL"]) as texts:
        for storage, text in texts.items():
            for way, settings in WAYS.items():
                with tempfile.TemporaryDirectory() as home:
                    (Path(home) / "dagster.yaml").write_text(text)
                    environ = {**os.environ, **settings}
                    environ.pop("PYTHONDONTWRITEBYTECODE", None)
                    found = subprocess.run(  # noqa: S603 -- our own interpreter
                        [
                            *(sys.executable, __file__, "--child", home),
                            *(f"--workspaces={given.workspaces}", f"--runs={given.runs + 1}"),
                        ],
                        env=environ,
                        stdout=subprocess.PIPE,
                        check=True,
                    )
                measured = [json.loads(line) for line in found.stdout.splitlines()][1:]
                seconds, processor_s = (
                    statistics.median(item[name] for item in measured)
                    for name in ("seconds", "processor_s")
                )
                print(
                    f"{storage:<11}{way:<28}{seconds:>7.2f} s"
                    f"{seconds / given.workspaces * 1000:>10.1f} ms"
                    f"{processor_s / given.workspaces * 1000:>10.1f} ms{measured[-1]['events']:>8}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
