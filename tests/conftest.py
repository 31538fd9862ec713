"""
The whole run is searched for secrets; one in the wrong place fails it.

Searched are: what tests print, log and fail with; what the commands that they start print; the
arguments of these; and at the end each file that was written. `support.leaks` knows the shapes, and
the few places where secrets may be.
"""

import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from support.leaks import LEAKS, Leak, current_test

_ON_WORKERS = "leaks"


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(_on_event)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    # What a test reads itself, pytest does not see.
    patch.setattr(
        subprocess.Popen,
        "communicate",
        _searched(subprocess.Popen.communicate, "output of a process"),
    )
    patch.setattr(
        pytest.CaptureFixture,
        "readouterr",
        _searched(pytest.CaptureFixture.readouterr, "captured output"),
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for title, text in report.sections:
        LEAKS.look_at_text(report.nodeid, title.lower(), text)
    LEAKS.look_at_text(report.nodeid, "failure", report.longreprtext)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker found."""
    LEAKS.found.update(
        Leak(*each) for each in getattr(node, "workeroutput", {}).get(_ON_WORKERS, ())
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search the files, when all services have ended."""
    config = session.config
    if not getattr(config.option, "numprocesses", None):
        LEAKS.look_at_files(_temporary_files(config))
    if hasattr(config, "workeroutput"):
        config.workeroutput[_ON_WORKERS] = [tuple(leak) for leak in LEAKS.found]
    elif LEAKS.found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEAKS.found:
        terminalreporter.section("secrets where none belong", red=True, bold=True)
        for leak in sorted(LEAKS.found):
            terminalreporter.line(str(leak), red=True)


def _temporary_files(config: pytest.Config) -> Path:
    """Return the folder of `tmp_path` and `tmp_path_factory`, of this worker alone."""
    factory: pytest.TempPathFactory = config._tmp_path_factory
    return factory.getbasetemp()


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        _executable, command, _folder, environ = arguments
        LEAKS.look_at_arguments(command, environ)


def _searched(read: Callable[..., Any], where: str) -> Callable[..., Any]:
    """Return *read*, both of whose outputs are searched."""

    @wraps(read)
    def reading(*args: Any, **named: Any) -> Any:
        outputs = read(*args, **named)
        for text in outputs:
            LEAKS.look_at_text(current_test(), where, text)
        return outputs

    return reading
