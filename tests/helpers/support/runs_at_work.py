"""Runs in processes of their own, to be killed while they work, and the daemon that sees it."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
from support.oauth_rig import wait_until
from support.process_arguments import command_lines_of

from integrations.sandbox_kit.browser import Browser
from integrations.sandbox_kit.connecting import connect_integration
from zebbra_pipeline.cli.processes import Children
from zebbra_pipeline.orchestration.dagster_home import prepare

COMMAND = (sys.executable, "-m", "zebbra_pipeline")
FULL_SPEED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1"}
ON_DEMAND = """
import dagster as dg

from zebbra_pipeline.orchestration.building import build_definitions


def _without_automation(built):
    return dg.Definitions(
        assets=built.assets,
        asset_checks=built.asset_checks,
        jobs=built.jobs,
        resources=built.resources,
        executor=built.executor,
    )


defs = _without_automation(build_definitions())
"""
"""The pipeline without sensors and schedules: it runs only what a test launches."""
A_MINUTE_S = 60.0


def statuses(home: Path) -> dict[str, str]:
    """Return the status of each run by its id; to be asked often, so without Dagster."""
    path = home / "history" / "runs.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as runs:
        try:
            return dict(runs.execute("SELECT run_id, status FROM runs"))
        except sqlite3.OperationalError:  # its tables are being made
            return {}


def definitions_in(dagster_home: Path) -> tuple[str, str]:
    """Write `ON_DEMAND` to a file there; return the options that load it."""
    path = prepare(dagster_home) / "on_demand.py"
    path.write_text(ON_DEMAND)
    return "-f", str(path)


def wait_for_status(home: Path, run_id: str, status: str, timeout_s: float) -> None:
    wait_until(lambda: statuses(home).get(run_id) == status, timeout_s)


@contextmanager
def refresh_at_work(
    dagster_home: Path, *workspaces: str, **options: object
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start `zebbra refresh` and wait until its run works; give the process and the run's id."""
    before = statuses(dagster_home)
    child = subprocess.Popen(
        [*COMMAND, "refresh", *workspaces],
        **(
            {
                "env": os.environ | FULL_SPEED,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.STDOUT,
                "text": True,
            }
            | options
        ),
    )
    try:
        yield child, wait_for_new_run(dagster_home, before)
    finally:
        child.kill()
        child.communicate()


def wait_for_new_run(dagster_home: Path, before: Mapping[str, str], timeout_s: float = 60) -> str:
    """Wait until a run works that was not there before; return its id."""

    def new() -> list[str]:
        now = statuses(dagster_home)
        return [run for run, status in now.items() if status == "STARTED" and run not in before]

    wait_until(lambda: bool(new()), timeout_s)
    return new()[0]


def launch(dagster_home: Path, workspace: str, **environ: str) -> str:
    """Queue a run of *workspace*; return its id."""
    before = statuses(dagster_home)
    launched = subprocess.run(
        [
            *(sys.executable, "-m", "dagster", "job", "launch", *definitions_in(dagster_home)),
            *("-j", "refresh_figures", "--tags", json.dumps({"dagster/partition": workspace})),
        ],
        env=os.environ | FULL_SPEED | environ | {"DAGSTER_HOME": str(dagster_home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert launched.returncode == 0, launched.stderr
    (new,) = statuses(dagster_home).keys() - before.keys()
    return new


@contextmanager
def running_daemon(dagster_home: Path, logs: Path) -> Iterator[Children]:
    """Run Dagster's daemon, with a code server of its own; all of it is killed in the end."""
    processes = Children(logs)
    environ = os.environ | FULL_SPEED | {"DAGSTER_HOME": str(prepare(dagster_home))}
    command = ["-m", "dagster._daemon", "run", *definitions_in(dagster_home)]
    processes.start("daemon", command, environ)
    try:
        yield processes
    finally:
        processes.stop()


def kill_all_of(zebbra_home: Path) -> int:
    """Kill every process of that ZEBBRA_HOME but ours, at once; return how many they were."""
    doomed = command_lines_of(zebbra_home).keys() - {os.getpid()}
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(doomed)


def engine_events(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what the engine logged of a run."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return [str(entry.dagster_event.message) for entry in entries if entry.dagster_event]


@dataclass(frozen=True)
class Dev:
    """A running `zebbra dev`: its home, what it printed, and where its sandbox is."""

    home: Path
    output: str
    sandbox_url: str

    def connect(self, workspace: str, slug: str, tenant: str) -> None:
        """Connect an integration as a person in a browser."""
        printed = subprocess.run(
            [*COMMAND, "connect", workspace],
            env=environment_of(self.home),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=True,
        )
        (link,) = re.findall(r"http\S+", printed.stdout)[:1]
        browser = Browser()
        browser.get(link, follow=True)
        service = "{0.scheme}://{0.netloc}".format(urlsplit(link))
        connect_integration(browser, service, workspace, slug, tenant)


def environment_of(home: Path) -> dict[str, str]:
    """Return our environment with that ZEBBRA_HOME, and no other setting of this project."""
    foreign = ("ZEBBRA_", "DAGSTER_", "XERO_", "GUSTO_", "QUICKBOOKS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | FULL_SPEED | {"ZEBBRA_HOME": str(home)}


@contextmanager
def running_dev(home: Path) -> Iterator[Dev]:
    """Run `zebbra dev` with the pipeline of `ON_DEMAND`; all of it is killed in the end."""
    _, path = definitions_in(home / "dagster")
    (home / "workspace.yaml").write_text(f"load_from: [{{python_file: {path}}}]\n")
    child = subprocess.Popen(
        [*COMMAND, "dev"],
        env=environment_of(home),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines: list[str] = []
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        output = "".join(lines)
        found = re.search(r"sandbox providers up at (\S+)/", output)
        assert found is not None, output
        yield Dev(home, output, found[1])
    finally:
        while kill_all_of(home):
            pass
        child.communicate()
