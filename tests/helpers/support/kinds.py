"""
Says of each test what it needs: processes of its own, a browser, PostgreSQL, much time.

`make quick` leaves those out. A test starts processes if a function that it uses does so: its own
module's, a fixture's or a helper's. In the same way one is slow that runs a job of Dagster. What
cannot be seen there, such as a command of this project that starts others, has the mark in the
test; a test that starts a process and has none of the marks fails the run.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

PROCESS = "process"
KINDS = (PROCESS, "browser", "postgres", "slow")
"""What `make quick` leaves out."""
_BY_FIXTURE = {"browser": "browser", "postgres": "postgres", "conformance_bench": PROCESS}
_STARTERS = frozenset({"subprocess", "multiprocessing", "ProcessPoolExecutor"})
_STARTING = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})
# Dagster copies what a step prints with small processes for each step that runs in a test, and asks
# `file` once for the machine's word size.
_OF_DAGSTER = ("/dagster/_core/execution/scripts/", "/compute_logs/", "('file',")
_RUN_JOBS = frozenset({"execute_in_process"})
_OURS = ("support.", "tests.", "test_", "conftest", "integrations.testing.")


def mark(item: pytest.Function) -> None:
    """Give *item* the marks of what it needs."""
    for fixture, name in _BY_FIXTURE.items():
        if fixture in item.fixturenames:
            item.add_marker(name)
    for name in needs(_functions_of(item)):
        if item.get_closest_marker(name) is None:
            item.add_marker(name)


def needs(functions: Iterable[Callable[..., Any]]) -> set[str]:
    """Return which of `process` and `slow` *functions*, or what they use of tests, need."""
    reach = _Reach()
    for function in functions:
        reach.add(function)
    reach.follow_methods()
    found = {PROCESS: reach.starts, "slow": reach.runs_jobs}
    return {name for name, needed in found.items() if needed}


@dataclass
class _Reach:
    """
    What functions may call, as far as names show.

    Attributes:
        names: All names and attributes in their code.
        classes: Those of tests and helpers; of their methods, those that are named somewhere.
        starts: Whether something there starts processes.
        runs_jobs: Whether something there runs a job of Dagster.
    """

    names: set[str] = field(default_factory=set)
    classes: list[type] = field(default_factory=list)
    starts: bool = False
    runs_jobs: bool = False
    _seen: set[int] = field(default_factory=set)

    def add(self, function: Any) -> None:
        function = inspect.unwrap(function)
        if not isinstance(function, FunctionType) or id(function) in self._seen:
            return
        self._seen.add(id(function))
        for name in _names_in(function.__code__):
            self.names.add(name)
            self.starts = self.starts or name in _STARTERS  # also where it is imported late
            self.runs_jobs = self.runs_jobs or name in _RUN_JOBS
            self._use(function.__globals__.get(name))

    def follow_methods(self) -> None:
        """Follow methods until no new one is named."""
        known = -1
        while known != len(self._seen):
            known = len(self._seen)
            for each in list(self.classes):
                for name, method in vars(each).items():
                    if name in self.names or name.startswith("__"):
                        self.add(getattr(method, "fget", None) or method)

    def _use(self, value: Any) -> None:
        if isinstance(value, FunctionType):
            self.runs_jobs = self.runs_jobs or _refreshes(value)
            if _is_ours(value):
                self.add(value)
        elif value is not None and not isinstance(value, ModuleType):
            of = value if isinstance(value, type) else type(value)
            self.starts = self.starts or of.__module__.partition(".")[0] in _STARTERS
            if _is_ours(of) and of not in self.classes:
                self.classes.append(of)


@dataclass
class Unmarked:
    """Tests that have started a process without the mark."""

    running: pytest.Item | None = None
    found: set[str] = field(default_factory=set)

    def on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event of this process."""
        item = self.running
        if event not in _STARTING or item is None or any(map(item.get_closest_marker, KINDS)):
            return
        command = str(arguments[:2])
        if not any(part in command for part in _OF_DAGSTER):
            self.found.add(item.nodeid)


UNMARKED = Unmarked()


def _functions_of(item: pytest.Function) -> Iterator[Callable[..., Any]]:
    yield item.function
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            yield definition.func


def _is_ours(value: Any) -> bool:
    """Return whether *value* is defined by tests, their helpers or the conformance kit."""
    module = getattr(value, "__module__", None) or ""
    return module.startswith(_OURS)


def _refreshes(function: FunctionType) -> bool:
    """Return whether it is what `zebbra refresh` runs Dagster's jobs with."""
    return function.__name__ == "refresh" and function.__module__.startswith("zebbra_pipeline.")


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
