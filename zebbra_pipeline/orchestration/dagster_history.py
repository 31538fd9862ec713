"""What Dagster's home says without importing Dagster, which takes more than a second."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # comes with Dagster

_STORAGES = ("storage", "run_storage")
_MAY_HAVE_A_PROCESS = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")


def dagster_config(home: Path) -> dict[str, Any]:
    """Return what `dagster.yaml` says; nothing if it is missing or malformed."""
    try:
        found = yaml.safe_load((home / "dagster.yaml").read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def may_have_unfinished_runs(home: Path) -> bool:
    """Return whether Dagster may have runs with a process; false only if it has none for sure."""
    if any(name in dagster_config(home) for name in _STORAGES):
        return True  # they are elsewhere
    path = home / "history" / "runs.db"
    if not path.exists():
        return False
    marks = ", ".join("?" * len(_MAY_HAVE_A_PROCESS))
    question = f"SELECT 1 FROM runs WHERE status IN ({marks}) LIMIT 1"  # noqa: S608 -- marks alone
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as runs:
            return runs.execute(question, _MAY_HAVE_A_PROCESS).fetchone() is not None
    except sqlite3.Error:
        return True


def monitors_runs(home: Path) -> bool:
    """Return whether the settings end runs whose process is gone; true where there are none."""
    config = dagster_config(home)
    if not config:
        return not (home / "dagster.yaml").exists()
    launcher = config.get("run_launcher") or {}
    monitoring = config.get("run_monitoring") or {}
    ours = str(launcher.get("module", "")).startswith("zebbra_pipeline.orchestration.run_launchers")
    return ours and monitoring.get("enabled") is True
