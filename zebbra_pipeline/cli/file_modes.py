"""What `zebbra doctor` says of files that other users of this machine may read."""

import stat
from collections.abc import Iterator
from pathlib import Path

from integrations.runtime.private_home import OTHERS, exposed, is_shared
from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import shown

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
