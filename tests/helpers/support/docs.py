"""What tests read of the documentation: its code blocks, links, headings and tables."""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
_FENCE = re.compile(
    r"(?:^\*\*`(?P<path>[^`]+)`\*\*(?P<mark>[^\n]*)\n\n)?"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"^(?:\$ )?(?P<command>[^#\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """
    A fenced block.

    Attributes:
        path: File that it stands for, from the bold line above it; empty if none is named.
        mark: What follows that name on its line, such as `(before)`.
    """

    language: str
    path: str
    mark: str
    text: str

    @property
    def lines(self) -> int:
        """Lines that hold something."""
        return sum(bool(line.strip()) for line in self.text.splitlines())


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation."""

    path: Path
    text: str

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(
                found["language"],
                found["path"] or "",
                (found["mark"] or "").strip(),
                dedent(found["text"]),
            )
            for found in _FENCE.finditer(self.text)
        ]

    @property
    def prose(self) -> str:
        """The page without its blocks."""
        return _FENCE.sub("", self.text)

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)

    @property
    def commands(self) -> list[str]:
        """Each line of a `console` block, without its prompt and remark."""
        return [
            found["command"].strip()
            for block in self.blocks
            if block.language == "console"
            for found in _COMMAND.finditer(block.text)
        ]

    def section(self, heading: str) -> str:
        """Return the text under a second-level heading."""
        _, found, rest = self.text.partition(f"\n## {heading}\n")
        assert found, f"{self.path.name} has no section {heading!r}"
        return rest.partition("\n## ")[0]

    @property
    def links(self) -> Iterator[tuple[str, str]]:
        """Yield file and anchor of every relative link."""
        for target in _LINK.findall(self.prose):
            if "://" not in target and not target.startswith("mailto:"):
                path, _, anchor = target.partition("#")
                yield path, anchor

    @property
    def anchors(self) -> set[str]:
        return {anchor_of(heading) for heading in self.headings}


def page(path: Path) -> Page:
    return Page(path, path.read_text(encoding="utf-8"))


def anchor_of(heading: str) -> str:
    """Return what GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def write_package(files: Page, folder: Path) -> Path:
    """Write the files of a page that stand for themselves; return the folder."""
    for block in files.blocks:
        if block.path and "before" not in block.mark:
            path = folder / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    return folder


def announce(folder: Path) -> str:
    """Make a written package visible as if it were installed; return the PYTHONPATH for it."""
    content = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    name, version = content["project"]["name"], content["project"]["version"]
    metadata = folder / "installed" / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines: list[str] = []
    for group, entries in content["project"]["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    paths = (folder / "src", folder / "installed", ROOT, ROOT / "tests" / "helpers")
    return os.pathsep.join(map(str, paths))


def environ(python_path: str, home: Path) -> dict[str, str]:
    """Return the environment of a process that sees the package, and no settings of ours."""
    ours = ("ZEBBRA_", "XERO_", "GUSTO_", "QUICKBOOKS_", "DAGSTER_", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return kept | {"PYTHONPATH": python_path, "ZEBBRA_HOME": str(home)}
