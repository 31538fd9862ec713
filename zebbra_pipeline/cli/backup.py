"""`zebbra backup` and `zebbra restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from zebbra_pipeline.backup.manifest import BackupError, Part
from zebbra_pipeline.cli.context import (
    JsonOption,
    err,
    out,
    print_json,
    print_table,
    settings_of_command,
)

KeysOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the keys, apart from the backup; best on another machine."),
]


def backup(
    folder: Annotated[Path, typer.Argument(help="New or empty folder to write to.")],
    *,
    keys: KeysOption = None,
    without: Annotated[
        list[Part] | None, typer.Option(help="A part to leave out; may be given several times.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """
    Copy warehouse, token store and model documents to a folder, while everything runs.

    The folder is written completely or not at all, and overwrites nothing. Keys are written only
    where --keys says: without them every customer connects again, with them the tokens are open.

    Example: zebbra backup /backups/2026-11-24 --keys /safe/zebbra-keys
    """
    from zebbra_pipeline.backup.making import back_up

    settings = settings_of_command()
    with _in_a_sentence("nothing is backed up"):
        manifest, unreadable = back_up(
            settings, folder.expanduser().absolute(), keys=_whole(keys), without=without or ()
        )
    if as_json:
        print_json({**manifest.model_dump(mode="json"), "unreadable_connections": unreadable})
    else:
        print_table(
            ("part", "from", "workspaces", "rows"),
            [
                _row("warehouse", manifest.warehouse),
                _row("token store", manifest.token_store),
                ("models", "files", "", "left out" if manifest.models is None else manifest.models),
            ],
            empty="",
        )
        out.print(f"backed up to {folder}")
    if unreadable:
        err.print(
            f"no key reads the tokens of {unreadable} connections: put back the key that does, or let "
            "these customers connect again"
        )
    if keys is not None:
        err.print(
            f"the keys are in {keys}: keep them apart from the backup; together they open all tokens"
        )
    elif Part.TOKEN_STORE not in (without or ()):
        err.print(
            "the keys are not in this backup: without encryption.keys (or ZEBBRA_ENCRYPTION_KEYS) every "
            "customer has to connect again; keep them elsewhere: zebbra backup <folder> --keys <other>"
        )


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder that zebbra backup wrote.")],
    *,
    keys: KeysOption = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace what is there; it is kept under a dated name."),
    ] = False,
    without_keys: Annotated[
        bool,
        typer.Option(
            "--without-keys", help="Go on though no key reads the tokens: customers connect again."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """
    Put a backup back, once all of its files are seen to be whole, and publish. Stop services first.

    Each restored connection counts as connected again once the OAuth service has refreshed it.

    Example: zebbra restore /backups/2026-11-24 --keys /safe/zebbra-keys
    """
    from zebbra_pipeline.backup.restoring import restore as restore_backup

    settings = settings_of_command()
    with _in_a_sentence("not all is restored; once that is put right, give the command again"):
        done = restore_backup(
            settings,
            folder.expanduser().absolute(),
            keys=_whole(keys),
            force=force,
            without_keys=without_keys,
        )
    if as_json:
        print_json(
            {
                "made_at": done.manifest.made_at,
                "connections_to_check": done.to_check,
                "unreadable_connections": done.unreadable,
                "kept": [str(path) for path in done.kept],
            }
        )
        return
    out.print(f"restored what was backed up at {done.manifest.made_at}")
    for path in done.kept:
        out.print(f"kept what was there: {path}")
    if done.to_check:
        out.print(
            f"{done.to_check} connections are checked with their providers when the OAuth service starts; "
            "see: zebbra connections"
        )


@contextmanager
def _in_a_sentence(outcome: str) -> Iterator[None]:
    """Say what the system refuses, such as room on the disk, and what that leaves."""
    try:
        yield
    except OSError as exc:
        where = "" if exc.filename is None else f"{exc.filename}: "
        raise BackupError(f"{where}{exc.strerror or type(exc).__name__}; {outcome}") from exc


def _whole(path: Path | None) -> Path | None:
    return None if path is None else path.expanduser().absolute()


def _row(part: str, database: Any) -> tuple[Any, ...]:
    if database is None:
        return part, "", "", "left out, or nothing there"
    rows = sum(count for tables in database.rows.values() for count in tables.values())
    return part, database.kind, len(database.rows), rows
