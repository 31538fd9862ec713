"""A temporary copy of this project, with generated plugins in it and beside it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

from zebbra_pipeline.cli.generator.naming import Naming

ROOT = Path(__file__).resolve().parents[3]
FILLED_IN = Path(__file__).parent / "generating_filled"
FILL_IN = re.compile(r"^ *# FILL IN:.*\n(?: *#.*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Generated:
    """
    A plugin that `zebbra new` has written.

    Attributes:
        package: Folder with its `__init__.py`.
        tests: Folder with its tests.
        told: What the command printed.
    """

    naming: Naming
    package: Path
    tests: Path
    told: str = ""

    @property
    def external(self) -> bool:
        return self.naming.package.startswith("zebbra_")


class Project:
    """
    A copy of what git tracks (or would), and the packages beside it, as if all of it were installed.

    Attributes:
        root: The copy.
        beside: Where external packages are written.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "zebbra"
        self.beside = folder / "beside"

    def copy_sources(self) -> None:
        self.root.mkdir(parents=True)
        self.beside.mkdir()
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.split("\0"):
            source, target = ROOT / name, self.root / name
            if name and os.path.lexists(source):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def copied_to(self, folder: Path) -> "Project":
        """Return a copy of all of it, generated plugins included."""
        shutil.copytree(self.root.parent, folder, symlinks=True)
        return Project(folder)

    def generate(self, name: str, api_type: str, *, external: bool = False) -> Generated:
        """Run `zebbra new` in the copy."""
        options = ["--external"] if external else []
        folder = self.beside if external else self.root
        done = self.run(
            "-m", "zebbra_pipeline", "new", name, "--api-type", api_type, *options, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        self.install()
        return replace(self.plugin(name, api_type, external=external), told=done.stdout)

    def plugin(self, name: str, api_type: str, *, external: bool) -> Generated:
        """Return the plugin of that name in this copy."""
        slug = name.lower()
        if external:
            naming = Naming(name, api_type, f"zebbra_{slug}")
            home = self.beside / f"zebbra-{slug}"
            return Generated(naming, home / "src" / naming.package, home / "tests")
        naming = Naming(name, api_type, f"integrations.{slug}")
        return Generated(
            naming, self.root / "integrations" / slug, self.root / "tests" / "integrations" / slug
        )

    def install(self) -> None:
        """Announce the entry points of all `pyproject.toml`s, as an installation would."""
        for home in (self.root, *self.beside.iterdir()):
            project = tomllib.loads((home / "pyproject.toml").read_text())["project"]
            name, version = project["name"].replace("-", "_"), project["version"]
            metadata = self.metadata / f"{name}-{version}.dist-info"
            metadata.mkdir(parents=True, exist_ok=True)
            (metadata / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
            )
            lines = []
            for group, entries in project["entry-points"].items():
                lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
            (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")

    @property
    def metadata(self) -> Path:
        return self.root.parent / "metadata"

    @property
    def sources(self) -> list[Path]:
        """Source folders of the packages beside it."""
        return [home / "src" for home in sorted(self.beside.iterdir())]

    def environ(self, **settings: str) -> Mapping[str, str]:
        ours = ("ZEBBRA_", "XERO_", "GUSTO_", "QUICKBOOKS_", "DAGSTER_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        path = [self.metadata, self.root, *self.sources, self.root / "tests" / "helpers"]
        return kept | {
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "COLUMNS": "200",
            "ZEBBRA_HOME": str(self.root.parent / "home"),
            **settings,
        }

    def start(
        self, *arguments: str, cwd: Path | None = None, **settings: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd or self.root,
            env=self.environ(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, cwd: Path | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy."""
        process = self.start(*arguments, cwd=cwd, **settings)
        stdout, stderr = process.communicate(timeout=170)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def type_check(self, plugins: Iterable[Generated]) -> subprocess.CompletedProcess[str]:
        """Run mypy as strictly as the project's own code is checked."""
        packages = [option for each in plugins for option in ("-p", each.naming.package)]
        sources = os.pathsep.join(map(str, self.sources))
        return self.run("-m", "mypy", *packages, MYPYPATH=sources)

    def conformance(self, plugin: Generated, report: Path) -> "ConformanceRun":
        """Start a plugin's conformance test."""
        home = plugin.tests.parent if plugin.external else self.root
        target = str(plugin.tests.relative_to(home))
        process = self.start("-m", "pytest", "-q", target, f"--junit-xml={report}", cwd=home)
        return ConformanceRun(process, report)


class ConformanceRun:
    """A conformance test that is running."""

    def __init__(self, process: subprocess.Popen[str], report: Path) -> None:
        self._process = process
        self._report = report

    @cached_property
    def cases(self) -> dict[str, str]:
        """Each case's failure, empty if it passed."""
        stdout, stderr = self._process.communicate(timeout=170)
        assert self._report.exists(), stdout + stderr
        return {
            case.get("name", ""): "".join(
                f"{problem.get('message')}\n{problem.text}"
                for problem in (*case.findall("failure"), *case.findall("error"))
            )
            for case in ET.parse(self._report).getroot().iter("testcase")  # noqa: S314 -- our own
        }


def fill_in(plugin: Generated) -> None:
    """Do what the author of a plugin does, for the provider that its sandbox emulates."""
    naming = plugin.naming
    solution = FILLED_IN / naming.api_type
    for path in plugin.package.rglob("*.py"):
        path.write_text(FILL_IN.sub("", path.read_text()))
    for path in solution.glob("*.py"):
        (plugin.package / path.name).write_text(naming.render(path.read_text()))
