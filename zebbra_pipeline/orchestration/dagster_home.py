"""Dagster's own home under `ZEBBRA_HOME`, with the settings that suit this project."""

import hashlib
import os
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
# A run whose process is gone (killed, out of memory, machine restarted) ends as failed within a
# minute, and the runs that wait for it go on. Dagster's own launcher does not check the processes.
run_launcher:
  module: zebbra_pipeline.orchestration.run_launchers.local
  class: LocalRunLauncher
run_monitoring:
  enabled: true
  poll_interval_seconds: 10
  start_timeout_seconds: 60
  cancel_timeout_seconds: 60
  free_slots_after_run_end_seconds: 30
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


_EARLIER_TEXTS = frozenset(
    {
        "9fccd94ff87fc26330e646c83348d4e52bf3c41eb052058624b01528c4b06b4d",
        "210fc443b8ab44f5a0ae307455032d106ef8561163da806db04e750fd99ff786",
        "5520a605aecbbb86bd2b9cb3c8d836582cc3df3d7d074122e6a2e1dffba41619",
        "ae6521b90daaec89bc68b43f00dc1c80645e19c48a890b5bb5e3fb31229c38b9",
    }
)
"""SHA-256 of each `DAGSTER_YAML` of earlier releases. Add the present one when it changes."""


def prepare(home: Path) -> Path:
    """
    Make Dagster's home with a `dagster.yaml`; return it.

    A file that an earlier release wrote and that was not edited since is brought up to date;
    any other file is left alone.
    """
    private_folder(home)
    config = home / "dagster.yaml"
    if not config.exists() or _is_of_an_earlier_release(config):
        fresh = config.with_name(f".dagster.yaml.{os.getpid()}")
        with private_umask():
            fresh.write_text(DAGSTER_YAML)
        fresh.replace(config)
    return home


def _is_of_an_earlier_release(config: Path) -> bool:
    return hashlib.sha256(config.read_bytes()).hexdigest() in _EARLIER_TEXTS


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
