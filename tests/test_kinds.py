"""Tests that start processes are known beforehand, and one that was not fails the run."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.kinds import needs
from support.oauth_rig import Rig
from support.stack import Stack

HERE = Path(__file__).parent
INNER = """
import os, subprocess, sys
import pytest

def test_in_its_own_code():
    subprocess.run([sys.executable, "-c", ""], check=True)

@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        yield process

def test_in_its_fixture(child):
    assert child.wait() == 0

def test_that_only_names_it():
    assert subprocess

def test_by_foreign_code():
    assert getattr(os, "sys" + "tem")("true") == 0
"""


def run_pytest(*options: str) -> tuple[int, str]:
    """Run the tests above under the conftest of this folder; return the exit status and output."""
    with TemporaryDirectory() as folder:
        Path(folder, "conftest.py").write_text((HERE / "conftest.py").read_text())
        Path(folder, "test_inner.py").write_text(INNER)
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *(f"--basetemp={folder}/temporary", "-o", f"pythonpath={HERE / 'helpers'}"),
                *("-o", "markers=process", *options),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return finished.returncode, finished.stdout


def test_process_in_a_test_or_its_fixture_is_seen_beforehand() -> None:
    status, output = run_pytest("-m", "process", "--collect-only")

    assert status == 0
    listed = [line for line in output.splitlines() if "::" in line]
    assert listed == [
        "test_inner.py::test_in_its_own_code",
        "test_inner.py::test_in_its_fixture",
        "test_inner.py::test_that_only_names_it",
    ]


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["in one process", "on workers"])
def test_run_fails_on_a_process_that_was_not_foreseen_and_names_the_test(
    options: list[str],
) -> None:
    status, output = run_pytest(*options)

    assert status == 1
    assert "4 passed" in output
    assert [line for line in output.splitlines() if "mark it" in line] == [
        "test_inner.py::test_by_foreign_code: starts a process; mark it"
    ]


def test_methods_are_followed_where_they_are_named() -> None:
    def asks(rig: Rig) -> None:
        assert rig.refreshes()
        assert Stack

    def runs_a_command(stack: Stack) -> None:
        assert Stack
        stack.zebbra("plan")

    def refreshes(stack: Stack) -> None:
        assert Stack
        stack.refresh(acme="xero")

    assert needs([asks]) == set()
    assert needs([runs_a_command]) == {"process"}
    assert needs([refreshes]) == {"slow"}


def test_a_helper_s_pool_of_processes_is_seen() -> None:
    from support import oauth_processes

    assert needs([oauth_processes.ask_from_processes]) == {"process"}
    assert needs([os.path.join]) == set()
