"""Runs whose process is gone: what `zebbra doctor` says of them, and `zebbra dev` ends."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import out, shown
from zebbra_pipeline.cli.storage_findings import Finding
from zebbra_pipeline.orchestration.dagster_history import may_have_unfinished_runs, monitors_runs

UNKNOWN_AFTER = timedelta(minutes=15)
"""A run that has not recorded its process for so long is worth a look."""

_BY_HAND = "if it is dead: Dagster UI, Runs, Terminate, Force termination immediately"
_ENDS_BY_ITSELF = "a running daemon ends it within a minute, the next zebbra refresh or dev at once"


def dead_runs(settings: Settings) -> Iterator[Finding]:
    """Give a finding for each run that is dead, or may be, and one if none is ever ended."""
    home = settings.dagster_home
    if not home.is_dir():
        return
    if not monitors_runs(home):
        yield Finding(
            f"Dagster {shown(home / 'dagster.yaml')}",
            "look",
            "runs whose process dies are not ended: the file was edited, so it is not updated",
            "add run_launcher and run_monitoring as in docs/deployment.md, or remove the file",
        )
    if may_have_unfinished_runs(home):
        yield from _rows(home)


def _rows(home: Path) -> Iterator[Finding]:
    import dagster as dg

    from zebbra_pipeline.orchestration.run_liveness import unfinished_runs

    now = datetime.now(UTC)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for item in unfinished_runs(instance):
            since = datetime.fromtimestamp(item.since, UTC)
            started = f"{item.run.status.value} since {since:%Y-%m-%d %H:%M} UTC"
            what = f"run {item.run.run_id}"
            if item.gone:
                yield Finding(what, "broken", f"dead, {started}: {item.gone}", _ENDS_BY_ITSELF)
            elif not item.recorded and now - since > UNKNOWN_AFTER:
                found = f"{started}: its process is not known (launched by another release?)"
                yield Finding(what, "look", found, _BY_HAND)


def end_dead_runs_of(home: Path) -> None:
    """End the runs whose process is gone, and say which."""
    if not may_have_unfinished_runs(home):
        return
    from zebbra_pipeline.orchestration.dagster_home import open_instance
    from zebbra_pipeline.orchestration.run_liveness import end_dead_runs

    with open_instance(home) as instance:
        for item in end_dead_runs(instance):
            out.print(f"  ended run {item.run.run_id}: {item.gone}")
