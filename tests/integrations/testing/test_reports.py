"""What an author sees: three lines of test, and failures to be read."""

import subprocess
import sys
from pathlib import Path

THREE_LINES = """
from integrations.testing import conformance_tests
from support.conformance_broken import {plugin} as PLUGIN
TestConformance = conformance_tests(PLUGIN)
"""


def run_author_tests(folder: Path, plugin: str, *, only: str) -> str:
    (folder / "test_mine.py").write_text(THREE_LINES.format(plugin=plugin))
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", only],
        cwd=folder,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 1, finished.stdout + finished.stderr
    return finished.stdout


def test_failure_says_what_was_expected_what_was_found_and_why_it_matters(tmp_path: Path) -> None:
    output = run_author_tests(tmp_path, "PLUGIN_1", only="authorize_url")

    assert (
        "expected        scope: organisation.read statements.read\n"
        "found           scope: organisation.read\n"
        "why it matters  scopes are declared so that" in output
    )
    assert "Connect redirects to the declared page" in output
    assert "Traceback" not in output
    assert "1 failed" in output


def test_sandbox_that_cannot_be_built_is_named_and_nothing_else_is_blamed(tmp_path: Path) -> None:
    output = run_author_tests(tmp_path, "WITHOUT_SANDBOX", only="authorize_url")

    assert "Lonely: this plugin ships no sandbox" in output
    assert "1 error" in output
