"""
The pytest plugin: a harness for each class of conformance tests, and readable failures.

Loaded by pytest itself where this package is installed (entry point `pytest11`). It imports
the rest only when a conformance test runs.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from integrations.testing.harness import Harness


@pytest.fixture(scope="class")
def conformance_bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Harness]":
    """Connect the class's plugin to its sandbox and a running OAuth service."""
    from integrations.testing.environment import running_environment

    plugin = request.cls.plugin
    with running_environment([plugin], tmp_path_factory.mktemp(plugin.slug)) as environment:
        yield environment.harness(plugin)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a failed check expected, what it found and why it matters, without a traceback."""
    report = yield
    if call.excinfo is not None and report.failed:
        from integrations.testing.expectations import ConformanceError, HarnessError

        error = call.excinfo.value
        if isinstance(error, ConformanceError | HarnessError):
            doc = (getattr(item, "function", None) or item).__doc__
            report.sections = [item for item in report.sections if "log" not in item[0]]
            report.longrepr = f"{doc}\n\n{error}\n" if doc else f"{error}\n"
    return report
