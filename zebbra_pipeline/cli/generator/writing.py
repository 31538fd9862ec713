"""Writes a plan: all of it, or nothing."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from zebbra_pipeline.cli.generator.naming import GenerateError


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Files of a new integration.

    Attributes:
        folders: New folders, each with its files by relative path.
        changed: Files that exist, with their new text.
    """

    folders: Mapping[Path, Mapping[str, str]]
    changed: Mapping[Path, str] = field(default_factory=dict)

    @property
    def paths(self) -> list[Path]:
        """All files that the plan writes, the changed ones last."""
        new = [folder / name for folder, files in self.folders.items() for name in files]
        return [*sorted(new), *self.changed]


def write(plan: Plan) -> None:
    """
    Write all files of *plan*. Nothing that exists is overwritten, `changed` aside.

    Raises:
        GenerateError: If one of the folders exists or cannot be written; then nothing is
            changed.
    """
    for folder in plan.folders:
        if os.path.lexists(folder):
            raise GenerateError(f"{folder} already exists; nothing was written")
    before: dict[Path, str] = {}
    moved: list[Path] = []
    try:
        before |= {path: path.read_text(encoding="utf-8") for path in plan.changed}
        for folder, files in plan.folders.items():
            with TemporaryDirectory(prefix=".zebbra-new-", dir=folder.parent) as staging:
                _fill(Path(staging) / folder.name, files)
                (Path(staging) / folder.name).rename(folder)
            moved.append(folder)
        for path, text in plan.changed.items():
            _replace(path, text)
    except OSError as exc:
        for folder in moved:
            shutil.rmtree(folder, ignore_errors=True)
        for path, text in before.items():
            with suppress(OSError):
                if path.read_text(encoding="utf-8") != text:
                    _replace(path, text)
        where = exc.filename or "the files"
        raise GenerateError(f"cannot write {where}: {exc.strerror}; nothing was written") from exc


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _replace(path: Path, text: str) -> None:
    """Put *text* in place of a file in one step, keeping its mode."""
    new = path.with_name(f".{path.name}.zebbra-new")
    try:
        new.write_text(text, encoding="utf-8")
        shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
