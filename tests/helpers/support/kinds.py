"""
Says of each test what it needs: processes of its own, a browser, PostgreSQL.

`make quick` leaves those out. A test starts processes if a function that it uses does so: its own
module's, a fixture's or a helper's. What cannot be seen there, such as a command of this project
that starts others, has the mark in the test; a test that starts a process without the mark fails
the run.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

PROCESS = "process"
_BY_FIXTURE = {"browser": "browser", "postgres": "postgres"}
_STARTERS = frozenset({"subprocess", "multiprocessing", "ProcessPoolExecutor"})
_STARTING = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})


def mark(item: pytest.Function) -> None:
    """Give *item* the marks of what it needs."""
    for fixture, name in _BY_FIXTURE.items():
        if fixture in item.fixturenames:
            item.add_marker(name)
    if item.get_closest_marker(PROCESS) is None and starts_processes(_functions_of(item)):
        item.add_marker(PROCESS)


def starts_processes(functions: Iterable[Callable[..., Any]]) -> bool:
    """Return whether *functions*, or what they use of tests and helpers, name `subprocess`."""
    reach = _Reach()
    for function in functions:
        reach.add(function)
    return reach.found_starter()


@dataclass
class _Reach:
    """
    What functions may call, as far as names show.

    Attributes:
        names: All names and attributes in their code.
        classes: Those of tests and helpers; of their methods, those that are named somewhere.
    """

    names: set[str] = field(default_factory=set)
    classes: list[type] = field(default_factory=list)
    starts: bool = False
    _seen: set[int] = field(default_factory=set)

    def add(self, function: Any) -> None:
        function = inspect.unwrap(function)
        if not isinstance(function, FunctionType) or id(function) in self._seen:
            return
        self._seen.add(id(function))
        for name in _names_in(function.__code__):
            self.names.add(name)
            self.starts = self.starts or name in _STARTERS  # also where it is imported late
            self._use(function.__globals__.get(name))

    def found_starter(self) -> bool:
        """Follow methods until no new one is named."""
        known = -1
        while not self.starts and known != len(self._seen):
            known = len(self._seen)
            for each in list(self.classes):
                for name, method in vars(each).items():
                    if name in self.names or name.startswith("__"):
                        self.add(getattr(method, "fget", None) or method)
        return self.starts

    def _use(self, value: Any) -> None:
        if isinstance(value, FunctionType):
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

    def on_event(self, event: str) -> None:
        """Take an audit event of this process."""
        item = self.running
        if event in _STARTING and item is not None and item.get_closest_marker(PROCESS) is None:
            self.found.add(item.nodeid)


UNMARKED = Unmarked()


def _functions_of(item: pytest.Function) -> Iterator[Callable[..., Any]]:
    yield item.function
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            yield definition.func


def _is_ours(value: Any) -> bool:
    """Return whether *value* is defined by tests or their helpers."""
    module = getattr(value, "__module__", None) or ""
    return module.startswith(("support.", "tests.", "test_")) or module == "conftest"


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
