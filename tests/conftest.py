"""
Marks each test with what it needs, and searches the whole run for secrets in the wrong place.

A secret there fails the run, and so does a test that starts a process without the mark for it
(`support.kinds`). Searched are: what tests print, log and fail with; what the commands that they start print; the
arguments of these; and at the end each file that was written. `support.leaks` knows the shapes, and
the few places where secrets may be.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support.kinds import UNMARKED, mark
from support.leaks import LEAKS, Leak, current_test

# Both look at a clock that goes on while other processes have the machine.
settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")

_ON_WORKERS = "leaks"
_UNMARKED_ON_WORKERS = "unmarked"


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


# First: `-m` chooses by marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function):
            mark(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    UNMARKED.running = item
    try:
        return (yield)
    finally:
        UNMARKED.running = None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for title, text in report.sections:
        LEAKS.look_at_text(report.nodeid, title.lower(), text)
    LEAKS.look_at_text(report.nodeid, "failure", report.longreprtext)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker found."""
    output = getattr(node, "workeroutput", {})
    LEAKS.found.update(Leak(*each) for each in output.get(_ON_WORKERS, ()))
    UNMARKED.found.update(output.get(_UNMARKED_ON_WORKERS, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search the files, when all services have ended."""
    config = session.config
    if not getattr(config.option, "numprocesses", None):
        LEAKS.look_at_files(_temporary_files(config))
    if hasattr(config, "workeroutput"):
        config.workeroutput[_ON_WORKERS] = [tuple(leak) for leak in LEAKS.found]
        config.workeroutput[_UNMARKED_ON_WORKERS] = sorted(UNMARKED.found)
    elif (LEAKS.found or UNMARKED.found) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEAKS.found:
        terminalreporter.section("secrets where none belong", red=True, bold=True)
        for leak in sorted(LEAKS.found):
            terminalreporter.line(str(leak), red=True)
    if UNMARKED.found:
        terminalreporter.section("processes without the mark `process`", red=True, bold=True)
        for test in sorted(UNMARKED.found):
            terminalreporter.line(f"{test}: starts a process; mark it", red=True)


def _temporary_files(config: pytest.Config) -> Path:
    """Return the folder of `tmp_path` and `tmp_path_factory`, of this worker alone."""
    factory: pytest.TempPathFactory = config._tmp_path_factory
    return factory.getbasetemp()


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    UNMARKED.on_event(event, arguments)
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
