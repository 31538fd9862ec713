"""Which of the machine's Pythons the tests are run on, and what is said of those that are not."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.docs import ROOT

from scripts import pythons
from scripts.pythons import Python, ask, find, main, tried_versions

pytestmark = pytest.mark.process
NO_ANSWER = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


class Machine:
    """Folders of interpreters that say they have a version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own = self.interpreter("usr/bin/python3.11", 3, 11, 9)
        (root / "usr/bin/python3").symlink_to(self.own)
        self.path = [root / "elsewhere", root / "shims"]

    @property
    def environ(self) -> dict[str, str]:
        path = os.pathsep.join(map(str, self.path))
        return {"HOME": str(self.root / "home"), "PATH": path}

    def interpreter(self, place: str, *version: int, usual: bool = True) -> Path:
        answer = f"[{', '.join(map(str, version))}, {str(usual).lower()}]"
        return self.program(place, f"#!/bin/sh\necho '{answer}'\n")

    def program(self, place: str, content: str) -> Path:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755)
        return path

    def find(self, *versions: str, **environ: str) -> dict[str, Path]:
        found = find(versions, self.environ | environ, self.root / "usr/bin/python3")
        return {version: python.path for version, python in found.items()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_each_place_is_searched(machine: Machine) -> None:
    beside = machine.interpreter("usr/bin/python3.12", 3, 12, 3)
    on_path = machine.interpreter("elsewhere/python3.13", 3, 13, 0)
    pyenv = machine.interpreter("home/.pyenv/versions/3.14.2/bin/python3", 3, 14, 2)
    uv = machine.interpreter(
        "home/.local/share/uv/python/cpython-3.15.0-linux/bin/python3", 3, 15, 0
    )

    assert machine.find("3.12", "3.13", "3.14", "3.15", "3.16") == {
        "3.12": beside,
        "3.13": on_path,
        "3.14": pyenv,
        "3.15": uv,
    }


def test_folders_of_pyenv_and_uv_may_be_set(machine: Machine) -> None:
    pyenv = machine.interpreter("opt/pyenv/versions/3.12.4/bin/python3", 3, 12, 4)
    uv = machine.interpreter("opt/uv/cpython-3.13/bin/python3", 3, 13, 1)
    machine.interpreter("home/.pyenv/versions/3.14.0/bin/python3", 3, 14, 0)
    settings = {
        "PYENV_ROOT": str(machine.root / "opt/pyenv"),
        "UV_PYTHON_INSTALL_DIR": str(machine.root / "opt/uv"),
    }

    assert machine.find("3.12", "3.13", "3.14", **settings) == {"3.12": pyenv, "3.13": uv}


def test_shim_of_a_version_that_is_not_activated_is_passed_over(machine: Machine) -> None:
    machine.program("shims/python3.12", NO_ANSWER)
    real = machine.interpreter("home/.pyenv/versions/3.12.1/bin/python3", 3, 12, 1)

    assert machine.find("3.12") == {"3.12": real}


def test_latest_patch_release_of_pyenv_is_taken(machine: Machine) -> None:
    machine.interpreter("home/.pyenv/versions/3.12.9/bin/python3", 3, 12, 9)
    latest = machine.interpreter("home/.pyenv/versions/3.12.11/bin/python3", 3, 12, 11)

    assert machine.find("3.12") == {"3.12": latest}


@pytest.mark.parametrize("said", ["echo 3.12", "echo '[3, 12]'", "echo '{}'", "exit 0"])
def test_what_gives_another_answer_is_no_python(machine: Machine, said: str) -> None:
    machine.program("usr/bin/python3.12", f"#!/bin/sh\n{said}\n")

    assert machine.find("3.12") == {}


def test_free_threaded_builds_and_wrong_names_are_not_taken(machine: Machine) -> None:
    machine.interpreter("home/.pyenv/versions/3.13.0t/bin/python3", 3, 13, 0, usual=False)
    machine.interpreter("usr/bin/python3.12", 3, 10, 1)

    assert machine.find("3.12", "3.13") == {}


def test_this_python_answers() -> None:
    path = Path(sys.executable)

    assert ask(path) == Python((sys.version_info[0], *sys.version_info[1:3]), path)


def test_tried_versions_are_those_of_the_classifiers_from_the_oldest_that_is_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = tried_versions()

    assert project["requires-python"] == f">={versions[0]}"
    assert versions == ["3.11", "3.12", "3.13"]


def test_outcomes_name_who_failed_and_who_was_not_found(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.program(
        "elsewhere/make", '#!/bin/sh\necho "== $4 =="; echo "== 2 failed in 3s =="; exit 2'
    )
    broken = machine.interpreter("usr/bin/python3.12", 3, 12, 3)
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, f"{value}:/usr/bin:/bin" if name == "PATH" else value)
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.delenv("UV_PYTHON_INSTALL_DIR", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    report = machine.root / "report"
    missing = "3.99"
    monkeypatch.setattr(pythons, "tried_versions", lambda: ["3.11", "3.12", missing])

    status = main(["--own", str(machine.root / "usr/bin/python3"), "--report", str(report)])

    assert status == 1
    home = machine.root / "home"
    assert report.read_text() == (
        f"Python 3.12.3 ({broken}): FAILED: 2 failed in 3s\n"
        f"Python {missing}: not found (looked in {machine.root}/usr/bin, the PATH, "
        f"{home}/.pyenv/versions, {home}/.local/share/uv/python)\n"
    )
    assert capsys.readouterr().out.endswith(report.read_text())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["quick"], '.venv/bin/pytest -n 1 --dist loadfile -m "not (process or'),
        (["quick", "VENV=/elsewhere"], '/elsewhere/bin/pytest -n 1 --dist loadfile -m "not ('),
        (["tests", "VENV=/elsewhere"], "/elsewhere/bin/pytest -n 1 --dist loadfile"),
        (["shorter_form"], '.venv/bin/pytest -n 1 --dist loadfile -m "every_python or not ('),
    ],
)
def test_make_uses_the_virtual_environment_that_is_named(options: list[str], expected: str) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "TEST_WORKERS=1", *options],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.splitlines()[-1].startswith(expected)


@pytest.mark.parametrize(
    ("others", "own", "status", "last"),
    [
        ("passed", 0, 0, "== 9 passed in 5s =="),
        ("FAILED", 0, 1, "Python 3.12.3: FAILED: 2 failed in 3s"),
        ("passed", 2, 1, "== 9 passed in 5s =="),
        ("", 0, 1, "the shorter form of the tests did not start"),
    ],
)
def test_ci_runs_everything_whichever_fails_and_names_the_other_python_that_does(
    machine: Machine, others: str, own: int, status: int, last: str
) -> None:
    machine.program(".ci/run", (ROOT / ".ci" / "run").read_text())
    machine.program(
        "elsewhere/make",
        f"""#!/bin/sh
        if [ "$1" = test ]; then echo "== 9 passed in 5s =="; exit {own}; fi
        test -z "{others}" || echo "Python 3.12.3: {others}: 2 failed in 3s" >"${{2#REPORT=}}"
        test "{others}" = passed
        """,
    )

    run = subprocess.run(
        ["bash", machine.root / ".ci" / "run"],
        env=machine.environ | {"PATH": f"{machine.root}/elsewhere:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout.splitlines()[-1]) == (status, last)
    assert "== 9 passed in 5s ==" in run.stdout
