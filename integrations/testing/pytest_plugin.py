"""
The pytest plugin: a bench for each class of conformance tests, and failures to be read.

Loaded by pytest itself where this package is installed (entry point `pytest11`). It imports
the rest only when a conformance test runs.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from integrations.testing.bench import Bench


@pytest.fixture(scope="class")
def conformance_bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Bench]":
    """Connect the class's plugin to its sandbox and a running OAuth service."""
    from integrations.testing.workshop import open_workshop

    plugin = request.cls.plugin
    with open_workshop([plugin], tmp_path_factory.mktemp(plugin.slug)) as workshop:
        yield workshop.bench(plugin)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show of a failed check what was expected, found and why it matters, and no traceback."""
    report = yield
    if call.excinfo is not None and report.failed:
        from integrations.testing.expectations import BenchError, ConformanceError

        error = call.excinfo.value
        if isinstance(error, ConformanceError | BenchError):
            doc = (getattr(item, "function", None) or item).__doc__
            report.sections = [item for item in report.sections if "log" not in item[0]]
            report.longrepr = f"{doc}\n\n{error}\n" if doc else f"{error}\n"
    return report
