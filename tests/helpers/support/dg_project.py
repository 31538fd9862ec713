"""A project of `dg` as a user has it, and what Dagster sees of definitions."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg

_PYPROJECT = """\
[project]
name = "books-project"
version = "0.1.0"
requires-python = ">=3.11"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "books_project"
"""
_DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
_OFFLINE = """\
import socket

_connect = socket.socket.connect


def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"a connection leaves this machine: {address}")
    return _connect(self, address)


socket.socket.connect = connect
"""
_BINARIES = Path(sys.executable).parent
_NO_TELEMETRY = "telemetry:\n  enabled: false\n"


class DgProject:
    """
    A project with nothing in it yet.

    Attributes:
        source: What goes on the module path.
        defs: Where components are configured.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "src"
        self.defs = self.source / "books_project" / "defs"
        self._home = folder / "home"
        for path in (self.defs, self._home):
            path.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(_PYPROJECT)
        (self.source / "sitecustomize.py").write_text(_OFFLINE)
        (self.defs / "__init__.py").touch()
        (self.defs.parent / "__init__.py").touch()
        (self.defs.parent / "definitions.py").write_text(_DEFINITIONS)
        (self._home / "dagster.yaml").write_text(_NO_TELEMETRY)

    def dg(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `dg` in the project, from the environment that the tests run in."""
        return subprocess.run(
            [str(_BINARIES / "dg"), *arguments],
            cwd=self.folder,
            env=self._environ(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def dg_dev(self, port: int) -> Iterator[str]:
        """Run `dg dev` until the block ends; give the URL of its GraphQL."""
        process = subprocess.Popen(
            [str(_BINARIES / "dg"), "dev", "--port", str(port)],
            cwd=self.folder,
            env=self._environ(),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A shell that runs the tests in the background has SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 -- it takes no lock
        )
        try:
            yield f"http://127.0.0.1:{port}/graphql"
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(60)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ZEBBRA_")}
        return kept | {
            "PATH": f"{_BINARIES}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(_BINARIES.parent),
            "PYTHONPATH": str(self.source),
            "PYTHONDONTWRITEBYTECODE": "",
            "DAGSTER_HOME": str(self._home),
            "HOME": str(self._home),
            "ZEBBRA_HOME": str(self._home / "zebbra"),
            "COLUMNS": "200",
        }

    def configure(self, text: str) -> None:
        """Write `defs.yaml` of the component."""
        folder = self.defs / "zebbra"
        folder.mkdir(exist_ok=True)
        (folder / "defs.yaml").write_text(text)


def described(definitions: dg.Definitions) -> dict[str, Any]:
    """All that Dagster is told of *definitions*, without where in the code it stands."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    resources = repository.get_top_level_resources()
    return {
        "assets": {
            key.to_user_string(): (
                graph.get(key).description,
                graph.get(key).group_name,
                sorted(graph.get(key).kinds),
                sorted(graph.get(key).owners),
                dict(graph.get(key).tags),
                _said(graph.get(key).metadata),
                sorted(map(str, graph.get(key).parent_keys)),
                graph.get(key).partitions_def,
                graph.get(key).backfill_policy,
            )
            for key in graph.get_all_asset_keys()
        },
        "checks": {
            str(key): (
                graph.get_check_spec(key).description,
                _said(graph.get_check_spec(key).metadata),
            )
            for key in graph.asset_check_keys
        },
        "jobs": {
            job.name: (sorted(node.name for node in job.nodes), job.partitions_def)
            for job in repository.get_all_jobs()
        },
        "schedules": {
            item.name: (
                item.cron_schedule,
                item.execution_timezone,
                item.default_status,
                item.job_name,
            )
            for item in repository.schedule_defs
        },
        "sensors": {
            item.name: (item.default_status, item.minimum_interval_seconds)
            for item in repository.sensor_defs
        },
        "resources": {
            name: resource.config_schema.default_value for name, resource in resources.items()
        },
    }


def _said(metadata: Any) -> dict[str, Any]:
    placed = ("dagster/code_references", "dagster/component_origin")
    return {key: value for key, value in metadata.items() if key not in placed}
