"""Dagster's own home under `ZEBBRA_HOME`, with the settings that suit this project."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock

from integrations.runtime.private_home import private_umask
from zebbra_pipeline.warehouse.database import PRIVATE_FILE, private_folder

DAGSTER_YAML = """\
# Written by zebbra when this file was missing; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster
  class: QueuedRunCoordinator
  # Runs of one provider come one after the other; looked for every 5 s, as Dagster does, the next
  # one would begin seconds after the last has ended.
  config: {dequeue_interval_seconds: 1}
concurrency:
  runs:
    max_concurrent_runs: 4
    tag_concurrency_limits:
      # One run at a time of a single workspace. A run over a range has no such tag: it waits for
      # the pools below, and inside it each workspace is held until its figures have landed, so
      # that a second run waits for it, whoever started that (the UI, a schedule, zebbra refresh).
      - key: dagster/partition
        value: {applyLimitPerUniqueValue: true}
        limit: 1
  pools:
    # One run at a time for each provider (pools provider_xero, ...) and one that merges (pool
    # merge_models); workspaces are fetched side by side inside a run. The warehouse itself lets
    # one write session in at a time.
    granularity: run
    default_limit: 1
"""


def prepare(home: Path) -> Path:
    """Make Dagster's home with a `dagster.yaml`, unless it has one; return it."""
    private_folder(home)
    config = home / "dagster.yaml"
    if not config.exists():
        with private_umask():
            config.write_text(DAGSTER_YAML)
    return home


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance at *home*, made when it is missing."""
    with ExitStack() as exits:
        # Two processes that make its databases at once fail each other.
        lock = FileLock(prepare(home) / "opening.lock", mode=PRIVATE_FILE)
        with lock, private_umask():  # Dagster makes its databases with whatever mode that leaves
            instance = exits.enter_context(dg.DagsterInstance.from_config(str(home)))
            instance.get_runs_count(dg.RunsFilter(run_ids=["none"]))
            instance.get_dynamic_partitions("none")
        yield instance
