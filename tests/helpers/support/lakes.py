"""A DuckDB that has DuckLake, in processes of its own: the project's own DuckDB is newer."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

HELPERS = Path(__file__).parents[1]
PACKAGES = Path(sys.prefix) / "ducklake"
MISSING = "DuckLake is not installed (scripts/ensure_packages.sh)"
_SETUP = """
import json, sys
from pathlib import Path
from support.warehouse import *
from support.warehouse import money
duckdb.sql("SET enable_progress_bar = false")  # it would print between our lines
TARGET, PUBLISHED = sys.argv[1], Path(sys.argv[2])
def warehouse(**options):
    return Warehouse(TARGET, published=PUBLISHED, **options)
def books(*amounts):
    return pull([JAN, FEB], account("a1", "Sales", *amounts), total("Total Income", *amounts))
"""


class DuckLakes:
    """
    Runs small programs on a DuckLake.

    Args:
        folder: Where the extensions are put as DuckDB looks for them, and where data goes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = folder / "home"
        for extension in PACKAGES.glob("*/extensions/*/*.duckdb_extension"):
            machine = self._machine()
            place = self._home / ".duckdb/extensions" / extension.parent.name / machine
            place.mkdir(parents=True, exist_ok=True)
            (place / extension.name).symlink_to(extension)

    def make(self, target: str) -> str:
        """Make the lake as the guide says; return its address."""
        self.run(
            f"duckdb.sql(\"ATTACH '\" + TARGET + \"' AS lake (DATA_PATH '{self._folder}/data')\")",
            target,
        )
        return target

    def start(self, code: str, target: str, *, home: Path | None = None) -> "subprocess.Popen[str]":
        """Start *code*, which knows `TARGET`, `warehouse()`, `books()` and the books' helpers."""
        published = self._folder / f"{sha256(target.encode()).hexdigest()[:8]}.duckdb"
        environ = {**os.environ, "HOME": str(home or self._home)}
        environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGES), str(HELPERS)])
        return subprocess.Popen(
            [sys.executable, "-c", _SETUP + code, target, str(published)],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, target: str, *, home: Path | None = None) -> Any:
        """Return what *code* prints as JSON; None if nothing."""
        return self.result(self.start(code, target, home=home))

    @staticmethod
    def result(process: "subprocess.Popen[str]") -> Any:
        """Return what the program prints, once it has ended well."""
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return json.loads(out) if out else None

    def _machine(self) -> str:
        code = "import duckdb; print(duckdb.sql('PRAGMA platform').fetchone()[0])"
        environ = {**os.environ, "PYTHONPATH": str(PACKAGES)}
        return subprocess.check_output([sys.executable, "-c", code], env=environ, text=True).strip()
