"""
Runs the shorter form of the tests on the other Pythons that pyproject.toml names as tried.

`python -m scripts.pythons` looks for them beside `python3`, on the PATH, and in the folders of pyenv
and uv, says which it does not find, and runs `make test_on` on each of the others. Its exit status
is 1 if that fails on any.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CLASSIFIER = "Programming Language :: Python :: "
_ANSWER_TIMEOUT_S = 30.0
# Free-threaded builds and PyPy are interpreters of their own, for which most packages have no wheel.
_ASK = """
import json, sys, sysconfig
usual = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
print(json.dumps([*sys.version_info[:3], usual]))
"""
_OUTCOMES = ("passed", "failed", "error", "no tests ran")


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """
    An interpreter that starts.

    Attributes:
        version: As it says itself, such as `(3, 12, 1)`.
        path: Of the interpreter.
    """

    version: tuple[int, int, int]
    path: Path

    @property
    def minor(self) -> str:
        """Such as `3.12`."""
        return f"{self.version[0]}.{self.version[1]}"

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


def tried_versions(pyproject: Path = ROOT / "pyproject.toml") -> list[str]:
    """Return the versions that pyproject.toml's classifiers name, such as `3.12`, ascending."""
    classifiers = tomllib.loads(pyproject.read_text())["project"]["classifiers"]
    versions = [item.removeprefix(_CLASSIFIER) for item in classifiers if _CLASSIFIER in item]
    return sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def find(versions: Iterable[str], environ: Mapping[str, str], own: Path) -> dict[str, Python]:
    """
    Return an interpreter of each of *versions* that there is.

    A later patch release is preferred only inside of pyenv's and uv's folders; what is beside
    *own*, then what is on the PATH, comes before these.

    Args:
        versions: Such as `3.12`.
        environ: Its PATH, HOME and settings of pyenv and uv say where to look.
        own: The Python that runs everything.
    """
    found = {}
    managed = sorted(filter(None, map(ask, _managed(environ))), reverse=True)
    for version in versions:
        near = (ask(path) for path in _near(f"python{version}", environ, own))
        answers = (python for python in (*near, *managed) if python is not None)
        python = next((each for each in answers if each.minor == version), None)
        if python is not None:
            found[version] = python
    return found


def ask(path: Path) -> Python | None:
    """Return what *path* is; None if it does not start, as pyenv's shims of unused versions."""
    try:
        answer = subprocess.run(  # noqa: S603 -- interpreters of this machine
            [path, "-c", _ASK],
            capture_output=True,
            text=True,
            check=True,
            timeout=_ANSWER_TIMEOUT_S,
        )
        major, minor, patch, usual = json.loads(answer.stdout)
    except (OSError, TypeError, ValueError, subprocess.SubprocessError):
        return None
    return Python((major, minor, patch), path) if usual else None


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Return where pyenv and uv keep their Pythons, whether or not these folders exist."""
    home = Path(environ.get("HOME") or Path.home())
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    return [pyenv / "versions", uv]


def _managed(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield each interpreter once: both keep links to their own folders."""
    seen = set()
    for folder in folders(environ):
        for path in sorted(folder.glob("*/bin/python3")):
            if (real := path.resolve()) not in seen:
                seen.add(real)
                yield path


def _near(name: str, environ: Mapping[str, str], own: Path) -> Iterator[Path]:
    """Yield what is called *name* beside *own*, followed through its links, and on the PATH."""
    path = environ.get("PATH", "")
    seen = set()
    for place in (own.parent, own.resolve().parent, *map(Path, path.split(os.pathsep))):
        found = shutil.which(name, path=str(place))
        if found is not None and found not in seen:
            seen.add(found)
            yield Path(found)


def run_on(python: Python) -> tuple[bool, str]:
    """Run `make test_on`, showing its output; return whether it passed, and pytest's last line."""
    said = "it did not come to the tests"
    with subprocess.Popen(  # noqa: S603
        ["make", "--no-print-directory", "test_on", f"PYTHON={python.path}"],  # noqa: S607
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 -- for the type checker
        for line in process.stdout:
            print(line, end="", flush=True)  # noqa: T201
            if " in " in line and any(word in line for word in _OUTCOMES):
                said = line.strip(" =\n")
    return process.returncode == 0, said


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.pythons", description=__doc__)
    parser.add_argument("--own", type=Path, help="the Python that runs everything", required=True)
    parser.add_argument("--report", type=Path, help="file that gets the outcomes, a line for each")
    parser.add_argument("--list", action="store_true", help="only say what is found")
    options = parser.parse_args(arguments)
    own = ask(Path(shutil.which(options.own) or options.own))
    if own is None:
        parser.error(f"{options.own} does not start")
    others = [version for version in tried_versions() if version != own.minor]
    found = find(others, os.environ, own.path)
    lines, passed = [], True
    for version in others:
        if version not in found:
            places = ", ".join(
                map(str, [own.path.resolve().parent, "the PATH", *folders(os.environ)])
            )
            lines.append(f"Python {version}: not found (looked in {places})")
        elif options.list:
            lines.append(f"{found[version]}: found")
        else:
            print(f"== shorter form on {found[version]}", flush=True)  # noqa: T201
            ok, said = run_on(found[version])
            passed = passed and ok
            lines.append(f"{found[version]}: {'passed' if ok else 'FAILED'}: {said}")
    report = "".join(f"{line}\n" for line in lines)
    print(report, end="", flush=True)  # noqa: T201
    if options.report:
        options.report.write_text(report)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
