"""Puts a backup back: everything is looked at first, and nothing that is replaced is lost."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from integrations.contracts import ConfigurationError
from integrations.runtime.files import PRIVATE_FILE, PRIVATE_FOLDER, aside, copied, stamp, synced
from integrations.runtime.keyfiles import read_keys
from integrations.runtime.private_home import make_private
from integrations.runtime.settings import Settings
from zebbra_pipeline.backup.keys import ENCRYPTION, given_keys
from zebbra_pipeline.backup.manifest import (
    MODELS,
    TOKEN_STORE,
    WAREHOUSE,
    BackupError,
    Manifest,
    verified,
)
from zebbra_pipeline.backup.token_store import check_restore, restore_store
from zebbra_pipeline.warehouse import Warehouse, WarehouseBackup
from zebbra_pipeline.warehouse.backups import facts_of
from zebbra_pipeline.warehouse.database import private_folder


@dataclass(frozen=True, slots=True)
class Restored:
    """
    What was done.

    Attributes:
        manifest: Of the backup.
        to_check: How many connections the service has to check with their providers.
        unreadable: How many connections have tokens that no key reads.
        kept: Where what was replaced lies now.
    """

    manifest: Manifest
    to_check: int
    unreadable: int
    kept: tuple[Path, ...]


def restore(
    settings: Settings,
    folder: Path,
    *,
    keys: Path | None = None,
    force: bool = False,
    without_keys: bool = False,
    now: datetime | None = None,
) -> Restored:
    """
    Restore what *folder* holds to where the settings say, and publish.

    All that can be refused is refused before anything is changed. What is replaced is moved aside
    under a dated name. Parts that the backup does not have stay as they are.

    Args:
        settings: Where it goes.
        folder: A backup.
        keys: The folder of its keys; those that are in use by default.
        force: Replace what is there.
        without_keys: Go on though keys do not read the tokens: these customers connect again.
        now: Timezone-aware; the present by default.

    Raises:
        BackupError: If the backup is not whole, its keys are missing or wrong, services are running,
            or something is there that would be replaced.
        WarehouseError: The same of the warehouse, or if it cannot be written.
        OSError: If there is no room.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    manifest = verified(folder)
    given = {} if keys is None else given_keys(keys)
    warehouse = WarehouseBackup(Warehouse(settings.warehouse, published=settings.published))
    if manifest.warehouse is not None:
        _compare("the warehouse", facts_of(folder / WAREHOUSE).rows, manifest.warehouse.rows)
        warehouse.check_target(force=force)
    if manifest.models:
        _check_models(settings.models, force=force)
    _check_keys(settings, given, force=force)
    unreadable = _check_store(folder, manifest, keys, force=force, without_keys=without_keys)

    private_folder(settings.home)
    make_private(settings.home)
    kept: list[Path] = []
    to_check = 0
    staged = _staged_models(folder / MODELS, settings.models) if manifest.models else None
    try:
        kept += _put_keys(settings, given, stamp(moment))
        if manifest.token_store is not None:
            answer = restore_store(folder / TOKEN_STORE, force=force)
            to_check = answer["marked"]
            kept += [Path(answer["kept"])] if answer["kept"] else []
        if staged is not None:
            if os.path.lexists(settings.models):
                kept.append(aside(settings.models, stamp(moment)))
                settings.models.rename(kept[-1])
            staged.rename(settings.models)
            synced(settings.models.parent)
    finally:
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)
    if manifest.warehouse is not None:
        kept += warehouse.restore(folder / WAREHOUSE, now=moment, force=force)
    return Restored(manifest, to_check, unreadable, tuple(kept))


def _compare(
    what: str, found: Mapping[str, Mapping[str, int]], named: Mapping[str, Mapping[str, int]]
) -> None:
    if {name: dict(rows) for name, rows in found.items()} != {
        name: dict(rows) for name, rows in named.items()
    }:
        raise BackupError(f"{what} of this backup has other rows than its manifest names")


def _check_store(
    folder: Path, manifest: Manifest, keys: Path | None, *, force: bool, without_keys: bool
) -> int:
    if manifest.token_store is None:
        return 0
    own = None if keys is None else keys / ENCRYPTION
    found = check_restore(folder / TOKEN_STORE, keys=own, force=force)
    _compare("the token store", found["rows"], manifest.token_store.rows)
    unreadable = int(found["unreadable_connections"])
    if unreadable and not without_keys:
        which = "the keys in use" if keys is None else f"the keys in {keys}"
        where = "" if keys is None else "another "
        raise BackupError(
            f"{which} do not read the tokens of {unreadable} of {found['connections_with_tokens']} "
            f"connections; give {where or 'the '}folder that 'zebbra backup --keys' wrote with --keys, "
            "or restore with --without-keys: these customers then have to connect again"
        )
    return unreadable


def _check_models(models: Path, *, force: bool) -> None:
    if os.path.lexists(models) and not force and (not models.is_dir() or any(models.iterdir())):
        raise BackupError(
            f"{models}: model documents are there already; --force moves them aside under a dated name"
        )
    if models.is_mount() or (models.exists() and not os.access(models.parent, os.W_OK)):
        raise BackupError(
            f"{models}: this folder cannot be moved aside; set ZEBBRA_MODELS to a folder that can be "
            "written, or leave the documents to what provides them"
        )


def _check_keys(settings: Settings, given: Mapping[str, str], *, force: bool) -> None:
    if ENCRYPTION in given and settings.encryption_key_file() is None:
        text = "".join(f"{key.get_secret_value()}\n" for key in settings.encryption_keys())
        if text != given[ENCRYPTION]:
            raise BackupError(
                "ZEBBRA_ENCRYPTION_KEYS is set, so that keys in a file would not be used: put those "
                f"of the backup's {ENCRYPTION} into that setting, and restore without --keys"
            )
    for name, text in given.items():
        path = settings.home / name
        if path.exists() and not force and _text(path) != text:
            raise BackupError(
                f"{path}: other keys are there; --force moves them aside under a dated name"
            )


def _put_keys(settings: Settings, given: Mapping[str, str], stamped: str) -> list[Path]:
    kept = []
    for name, text in given.items():
        if name == ENCRYPTION and settings.encryption_key_file() is None:
            continue
        path = settings.home / name
        if path.exists():
            if _text(path) == text:
                continue
            kept.append(aside(path, stamped))
            path.rename(kept[-1])
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        synced(path.parent)
    return kept


def _text(path: Path) -> str:
    try:
        return "".join(f"{key.get_secret_value()}\n" for key in read_keys(path))
    except (ConfigurationError, OSError) as exc:
        raise BackupError(str(exc)) from exc


def _staged_models(source: Path, models: Path) -> Path:
    """Copy the documents to a new folder next to *models*."""
    for parent in reversed(models.parents):
        if not parent.exists():
            parent.mkdir(mode=PRIVATE_FOLDER)
    staged = Path(tempfile.mkdtemp(dir=models.parent, prefix=f".{models.name}."))
    try:
        for walked, folders, names in os.walk(source):
            place = staged / Path(walked).relative_to(source)
            for name in folders:
                (place / name).mkdir(mode=PRIVATE_FOLDER)
            for name in names:
                with Path(walked, name).open("rb") as file:
                    copied(file, place / name)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return staged
