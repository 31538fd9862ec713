"""
Finds secrets where none belong: what tests print, log, fail with, write and start.

The sandboxes' tokens are known by their shape (`integrations.sandbox_kit.tokens`), whichever
process wrote them, and whole or cut off; the tests' own keys end in `-of-the-<word>`.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple, get_args

from integrations.sandbox_kit.tokens import TokenKind, jwt_head

# Eight characters of a value are enough to know it: logs shorten, and pages of databases split.
_SHAPES = {
    **{f"sandbox_{kind}_[\\w-]{{8,}}": kind for kind in get_args(TokenKind)},
    **{f"{jwt_head(kind)}\\.[\\w-]{{8,}}": kind for kind in ("access_token", "id_token")},
    "service-key-of-the-[a-z]+": "service_key",
    "client-secret-of-the-[a-z]+": "client_secret",
}
_PATTERNS = [(re.compile(shape.encode()), kind) for shape, kind in _SHAPES.items()]
# Fixed letters are found many times faster than patterns.
_HEADS = ("sandbox_", jwt_head("access_token"), jwt_head("id_token"))
_FIRST = [head.encode() for head in (*_HEADS, "-of-the-")]
# The tables of a DuckDB file with those columns that hold text, also inside of lists and structs.
_TEXTS = """
    SELECT schema_name, table_name, list('"' || column_name || '"::VARCHAR')
    FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
    WHERE database_name = 'looked_at' AND regexp_matches(data_type, 'VARCHAR|JSON')
    GROUP BY ALL
"""
_SECRET_SETTINGS = ("_SERVICE_KEY", "_ENCRYPTION_KEYS", "_CLIENT_SECRET")
_SHORTEST_SECRET = 8


class Leak(NamedTuple):
    """
    A secret in the wrong place; never the secret.

    Attributes:
        place: The test's id, or the file's path below pytest's folder of temporary files.
        where: What of it, as `captured stdout call`, `file` or `arguments of a process`.
        kind: `access_token`, `refresh_token`, `id_token`, `code`, or the name of a setting.
    """

    place: str
    where: str
    kind: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind.replace('_', ' ')} in {self.where}"


@dataclass(frozen=True)
class Exemption:
    """Where a secret may be seen; *place* and *where* are patterns of `fnmatch`."""

    place: str
    where: str
    kinds: frozenset[str]
    reason: str

    def covers(self, leak: Leak) -> bool:
        return (
            leak.kind in self.kinds
            and fnmatchcase(leak.place, self.place)
            and fnmatchcase(leak.where, self.where)
        )


EXEMPTIONS = (
    *(
        Exemption(
            f"*/zebbra/tests/{file}",
            "file",
            frozenset({"service_key", "client_secret"}),
            "a copy of the sources, in which the tests' own keys are written down",
        )
        for file in (
            "helpers/support/*.py",
            "helpers/support/__pycache__/*.pyc",
            "oauth_service/test_*.py",
            "test_leaks.py",
        )
    ),
    Exemption(
        "*/service.key",
        "file",
        frozenset({"service_key"}),
        "the file that is for it: a backup writes and restores it, with mode 0600",
    ),
    *(
        Exemption(
            file,
            "file",
            frozenset({"refresh_token"}),
            "a sandbox's own state: a provider gives out the same value until it is due",
        )
        for file in (
            "test_a_second_book_on_the_same*/state",
            "test_refresh_value_that_may_co*/demobooks.jsonl",
        )
    ),
    Exemption(
        "tests/integrations/testing/test_checks_can_fail.py::*check_no_secret_and_no_personal*",
        "captured log call",
        frozenset({"access_token", "refresh_token"}),
        "the broken plugin that shows that the conformance kit finds secrets in logs",
    ),
)


@dataclass
class Leaks:
    """What was found so far in this process."""

    found: set[Leak] = field(default_factory=set)
    exemptions: tuple[Exemption, ...] = EXEMPTIONS

    def note(self, place: str, where: str, kinds: Iterable[str]) -> None:
        leaks = {Leak(place, where, kind) for kind in kinds}
        self.found |= {
            leak for leak in leaks if not any(each.covers(leak) for each in self.exemptions)
        }

    def look_at_text(self, place: str, where: str, text: str | bytes | None) -> None:
        """Note what is in a test's output."""
        if text:
            self.note(place, where, kinds_in(text))

    def look_at_arguments(self, command: Any, environ: Mapping[Any, Any] | None) -> None:
        """Note what is in the arguments of a process that starts: each user may read them."""
        parts = [command] if isinstance(command, str | bytes | os.PathLike) else command
        words = [os.fsdecode(part) for part in parts]
        text = "\n".join(words)
        settings = {
            os.fsdecode(name): os.fsdecode(value)
            for name, value in (os.environ if environ is None else environ).items()
        }
        set_and_shown = {
            name.lower()
            for name, value in settings.items()
            if name.endswith(_SECRET_SETTINGS)
            and any(len(each) >= _SHORTEST_SECRET and each in text for each in value.split(","))
        }
        where = f"arguments of a process ({Path(words[0]).name})"
        self.note(current_test(), where, kinds_in(text) | set_and_shown)

    def look_at_files(self, folder: Path, *, prefix: str = "") -> None:
        """Note what is in any file below *folder*."""
        import duckdb  # late: an audit hook keeps this module, and all that it names, for ever

        with duckdb.connect() as reader:
            for path in _files(folder):
                try:
                    kinds = kinds_in(path.read_bytes())
                except FileNotFoundError:  # a process that is ending took it away
                    continue
                if path.suffix == ".duckdb":
                    kinds |= _kinds_in_duckdb(reader, path)
                self.note(f"{prefix}{path.relative_to(folder)}", "file", kinds)


# One for all: processes are started, and output is read, where no fixture is at hand.
LEAKS = Leaks()


def current_test() -> str:
    """Return the id of the test that runs."""
    return os.environ.get("PYTEST_CURRENT_TEST", "outside of tests (").rpartition(" (")[0]


def kinds_in(text: str | bytes) -> set[str]:
    """Return the kinds of secrets in *text*."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if not any(head in raw for head in _FIRST):
        return set()
    return {kind for pattern, kind in _PATTERNS if pattern.search(raw)}


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue
            if stat.S_ISREG(mode):
                yield path


def _kinds_in_duckdb(reader: Any, path: Path) -> set[str]:
    """Return what the rows show: DuckDB compresses text, so that the bytes of its file do not."""
    import duckdb

    kinds: set[str] = set()
    try:
        reader.execute(
            f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS looked_at (READ_ONLY)"
        )
    except duckdb.Error:
        return kinds  # broken on purpose, or still open for writing elsewhere
    for schema, table, columns in reader.execute(_TEXTS).fetchall():
        text = f"concat_ws(' ', {', '.join(columns)})"
        query = f'SELECT {text} FROM looked_at."{schema}"."{table}" WHERE '  # noqa: S608 -- our own names
        query += " OR ".join(f"contains({text}, '{head}')" for head in _HEADS)
        for (row,) in reader.execute(query).fetchall():
            kinds |= kinds_in(row)
    reader.execute("DETACH looked_at")
    return kinds
