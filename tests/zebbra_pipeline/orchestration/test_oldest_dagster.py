"""The oldest Dagster that pyproject.toml admits works, and what it stored survives the upgrade."""

import os
import re
import subprocess
import sys
import tomllib
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest
from support.docs import ROOT
from support.stack import running_stack

OLDEST = Path(sys.prefix) / "oldest_dagster"
PACKAGES = ROOT / "scripts" / "oldest_dagster.in"
TODAY = datetime.now().astimezone().date()
ON_IT_TOO = (
    "assets/test_asset_metadata.py",
    "assets/test_batch_isolation.py",
    "automation/test_connections_sensor.py",
    "automation/test_day_limits.py",
)

pytestmark = pytest.mark.skipif(
    not OLDEST.is_dir(), reason="the oldest Dagster is not installed (scripts/ensure_packages.sh)"
)


def on_the_oldest(*arguments, cwd, timeout=60):
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(OLDEST), "PYTHONDONTWRITEBYTECODE": ""},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_it_is_the_one_that_pyproject_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (floor,) = [
        found[1] for item in project["dependencies"] if (found := re.match(r"dagster>=(.+)", item))
    ]

    assert f"\ndagster=={floor}.0\n" in PACKAGES.read_text()


def test_definitions_load_on_it_without_a_warning(tmp_path):
    code = (
        "import dagster; from zebbra_pipeline.definitions import defs; "
        "defs.get_repository_def().load_all_definitions(); print(dagster.__version__)"
    )

    loaded = on_the_oldest("-W", "error", "-c", code, cwd=tmp_path)

    assert (loaded.stdout, loaded.stderr) == ("1.13.0\n", "")


@pytest.mark.timeout(300)
def test_assets_and_automation_pass_their_tests_on_it():
    files = [f"tests/zebbra_pipeline/orchestration/{name}" for name in ON_IT_TOO]

    passed = on_the_oldest(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, cwd=ROOT, timeout=280
    )

    assert passed.returncode == 0, passed.stdout[-3000:]


def test_what_it_stored_is_there_after_the_upgrade(tmp_path):
    with running_stack(tmp_path, today=TODAY) as stack:
        stack.connect("acme", xero="Acme Trading Inc")
        refreshed = on_the_oldest("-m", "zebbra_pipeline", "refresh", "acme", cwd=tmp_path)
        assert refreshed.returncode == 0, refreshed.stderr
        with dg.DagsterInstance.from_config(str(stack.settings.dagster_home)) as instance:
            old_runs = {record.run_id for record in instance.get_runs()}
        assert len(old_runs) == 2  # the fetch, and the merge
        stack.connect("globex", xero="Globex")

        result = stack.refresh(globex="xero")

        with dg.DagsterInstance.from_config(str(stack.settings.dagster_home)) as instance:
            landed = instance.get_materialized_partitions(dg.AssetKey(["xero", "balance_sheet"]))
            stored = {record.run_id for record in instance.get_runs()}
    assert result.failures == {}
    assert landed == {"acme", "globex"}
    assert old_runs < stored
