"""`zebbra doctor`, of what is on disk: the warehouse, its published copy, room, encryption keys."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integrations.contracts import ConfigurationError
from integrations.runtime.keyfiles import read_keys
from integrations.runtime.private_home import OTHERS, exposed, is_shared
from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import open_warehouse, shown
from zebbra_pipeline.warehouse import (
    WarehouseBusyError,
    WarehouseError,
    WarehouseLockedError,
    WorkspaceSummary,
)
from zebbra_pipeline.warehouse.faults import free_bytes, size_of, sized
from zebbra_pipeline.warehouse.lake import catalog_file, is_lake


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at.

    Attributes:
        state: `ok`, `look` (works, but somebody should act) or `broken`.
        do: What to do about it; empty where nothing is.
    """

    what: str
    state: str
    found: str
    do: str = ""


_SHOWN = 3


def exposures(settings: Settings) -> Iterator[tuple[str, str]]:
    """
    Give what others may read or write of the home and of files that are kept elsewhere.

    Each with what to do about it.
    """
    home = settings.home
    found = list(exposed(home))
    if found and is_shared(home):
        yield (
            f"{_named(found[0])} is not a folder of its own",
            "set ZEBBRA_HOME to a folder that holds nothing else",
        )
    elif found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield (
            f"others may use {', '.join(map(_named, found[:_SHOWN]))}{more}",
            f"chmod -R go-rwx {shown(home)}, as its owner; zebbra dev, serve and refresh do so too",
        )
    for path in _elsewhere(settings):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & OTHERS:
            yield f"others may use {_named((path, mode))}", f"chmod go-rwx {shown(path)}"


def _elsewhere(settings: Settings) -> Iterator[Path]:
    database = settings.oauth_database
    for target in (
        settings.warehouse,
        str(settings.published),
        database.removeprefix("sqlite:///") if database.startswith("sqlite:///") else "",
    ):
        path = Path(target).absolute() if target and ":" not in target.split("/", 1)[0] else None
        if path is not None and not path.is_relative_to(settings.home):
            yield path


def _named(item: tuple[Path, int]) -> str:
    path, mode = item
    return f"{shown(path)} ({stat.S_IMODE(mode):04o})"


STALE_AFTER = timedelta(days=2)
NEARLY_FULL = 4
"""A disk should have room for so many more copies of the warehouse; less is nearly full."""
LEAST_ROOM = 100_000_000
"""Bytes that logs, Dagster's databases and a small warehouse need on any disk."""
_SQLITE = "sqlite:///"
_TIMEOUT_S = 60


def warehouse_findings(settings: Settings) -> Iterator[Finding]:
    """Read the warehouse in full, without changing it, unless a run of ours is writing."""
    target = settings.warehouse
    what = f"warehouse file {shown(Path(target))}" if not is_lake(target) else "DuckLake"
    try:
        contents = open_warehouse(settings).examine()
    except WarehouseLockedError as exc:
        yield Finding(what, "broken", "locked by another program", str(exc))
    except WarehouseBusyError as exc:
        yield Finding(what, "ok", f"{exc.holder or 'another process'} is writing; not examined")
    except WarehouseError as exc:
        yield Finding(what, "broken", "cannot be used", str(exc))
    else:
        if contents is not None:
            rows = f"{len(contents.workspaces)} workspaces, {contents.total_rows:,} rows"
            yield Finding(what, "ok", f"{rows}, read in full")


def published_findings(settings: Settings) -> Iterator[Finding]:
    """Read the published copy, and name the workspaces that are stale in it."""
    what = f"warehouse {shown(settings.published)}"
    if not settings.published.exists():
        yield Finding(what, "look", "nothing has landed yet", "zebbra refresh <workspace>")
        return
    try:
        with open_warehouse(settings).read() as session:
            summaries = session.workspaces()
    except WarehouseError as exc:
        yield Finding(what, "broken", "cannot be read", str(exc))
        return
    yield Finding(what, "ok", f"{len({item.workspace_id for item in summaries})} workspaces")
    yield from _stale(summaries)


def _stale(summaries: list[WorkspaceSummary]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for item in summaries:
        age = now - item.fetched_at.astimezone(UTC)
        if age > STALE_AFTER:
            yield Finding(
                f"{item.workspace_id} {item.integration}",
                "look",
                f"last fetched {age.days} days ago",
                f"zebbra refresh {item.workspace_id}",
            )


def disk_findings(settings: Settings) -> Iterator[Finding]:
    """Compare the room on each disk in use with what the next published copy needs."""
    files: list[Path] = [settings.published, settings.home]
    catalog = catalog_file(settings.warehouse) if is_lake(settings.warehouse) else None
    if not is_lake(settings.warehouse):
        catalog = Path(settings.warehouse)
    files += [catalog] if catalog else []
    copy = max(size_of(catalog), size_of(settings.published))
    seen: set[int] = set()
    for file in files:
        folder = next((path for path in (file, *file.parents) if path.is_dir()), None)
        if folder is None or folder.stat().st_dev in seen:
            continue
        seen.add(folder.stat().st_dev)
        yield _room(folder, copy)


def _room(folder: Path, copy: int) -> Finding:
    what, free = f"disk of {shown(folder)}", free_bytes(folder)
    if free is None:
        return Finding(what, "look", "its free room is not known")
    found = f"{sized(free)} free, the next published copy needs {sized(copy)}"
    if free < copy + LEAST_ROOM // 10:
        return Finding(what, "broken", f"full: {found}", "make room on this disk")
    if free < copy * NEARLY_FULL + LEAST_ROOM:
        return Finding(what, "look", f"nearly full: {found}", "make room on this disk")
    return Finding(what, "ok", found)


def key_findings(settings: Settings) -> Iterator[Finding]:
    """See whether the keys of a token store on this machine are there and decrypt what it has."""
    store, file = settings.oauth_database, settings.encryption_key_file()
    sqlite = Path(store.removeprefix(_SQLITE)) if store.startswith(_SQLITE) else None
    if sqlite is not None and not sqlite.exists():
        return  # nothing is encrypted yet, or it is on another machine
    what = f"encryption keys {shown(file) if file else 'of ZEBBRA_ENCRYPTION_KEYS'}"
    put_back = (
        "put back the keys that the tokens were encrypted with, from their backup; without them "
        "every customer must connect again"
    )
    if file is not None:
        if sqlite is None and not file.exists():
            return  # the OAuth service is on another machine
        try:
            read_keys(file)
        except (ConfigurationError, OSError) as exc:
            lost = isinstance(exc, FileNotFoundError)
            found = "lost: there is no such file" if lost else f"cannot be read: {exc}"
            yield Finding(what, "broken", found, put_back)
            return
    unreadable = _unreadable_connections()
    if unreadable:
        plural = "" if unreadable == 1 else "s"
        found = f"no key decrypts the tokens of {unreadable} connection{plural}"
        yield Finding(what, "broken", found, put_back)
    elif unreadable is not None:
        yield Finding(what, "ok", "decrypt all stored tokens")


def _unreadable_connections() -> int | None:
    """Return how many connections no key decrypts; None where the store cannot be opened."""
    command = [sys.executable, "-m", "oauth_service", "list-keys", "--json"]
    with suppress(subprocess.TimeoutExpired, ValueError, KeyError):
        done = subprocess.run(  # noqa: S603 -- our own module
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
        if done.returncode == 0:
            return int(json.loads(done.stdout)["unreadable_connections"])
    return None
