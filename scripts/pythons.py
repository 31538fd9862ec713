"""
Finds the Pythons of this machine that pyproject.toml names as tried.

`python -m scripts.pythons` prints one line for each of them but its own; with `--run` it runs the
shorter form of the tests (`make test_on`) on each that it finds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CLASSIFIER = "Programming Language :: Python :: 3."
_ANSWER_TIMEOUT_S = 30.0
# Free-threaded builds and PyPy are other interpreters: most wheels of the lock are not for them.
_ASK = """
import json, sys, sysconfig
usual = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
print(json.dumps([*sys.version_info[:3], usual]))
"""

type_Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Python:
    """
    An interpreter that has answered.

    Attributes:
        path: Of the interpreter.
        version: As it says itself, e.g. `(3, 12, 1)`.
    """

    path: Path
    version: tuple[int, int, int]

    @property
    def minor(self) -> str:
        """Such as `3.12`."""
        return "{}.{}".format(*self.version)

    def __str__(self) -> str:
        return "Python {}.{}.{} ({})".format(*self.version, self.path)
