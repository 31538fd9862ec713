"""Makes a backup, while everything runs."""

from collections.abc import Collection
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from integrations.runtime.files import sha256_of
from integrations.runtime.settings import Settings
from zebbra_pipeline.backup.documents import copy_documents
from zebbra_pipeline.backup.folders import new_folder
from zebbra_pipeline.backup.keys import back_up_keys, check_apart
from zebbra_pipeline.backup.manifest import (
    MODELS,
    TOKEN_STORE,
    WAREHOUSE,
    BackupError,
    Database,
    Manifest,
    Part,
    StoredFile,
    write_manifest,
)
from zebbra_pipeline.backup.token_store import back_up_store
from zebbra_pipeline.warehouse import Warehouse, WarehouseBackup

_PRODUCT = "zebbra-pipeline"


def back_up(
    settings: Settings,
    folder: Path,
    *,
    keys: Path | None = None,
    without: Collection[Part] = (),
    now: datetime | None = None,
) -> tuple[Manifest, int]:
    """
    Write a backup to *folder*, complete or not at all.

    Each part is one state of itself. The token store is copied last: its tokens age fastest.

    Args:
        settings: What is backed up.
        folder: New, or empty.
        keys: Folder for the keys, apart from *folder*; they are left out by default.
        without: Parts to leave out.
        now: Timezone-aware; the present by default.

    Returns:
        The manifest, and how many connections have tokens that no present key reads.

    Raises:
        BackupError: If something cannot be backed up, or *folder* holds something.
        WarehouseError: If the warehouse cannot be read, or its turn does not come in time.
        OSError: If there is no room.
    """
    if keys is not None:
        check_apart(keys, folder)
    began = (now or datetime.now(UTC)).astimezone(UTC)
    unreadable, fingerprints = 0, tuple[str, ...]()
    warehouse = store = models = None
    with new_folder(folder) as draft:
        if Part.WAREHOUSE not in without:
            backup = WarehouseBackup(Warehouse(settings.warehouse, published=settings.published))
            facts = backup.make(draft / WAREHOUSE)
            if facts is not None:
                warehouse = Database(
                    kind=backup.kind, schema_version=facts.schema_version, rows=facts.rows
                )
        if Part.MODELS not in without:
            models = len(copy_documents(settings.models, draft / MODELS))
        if Part.TOKEN_STORE not in without:
            found = back_up_store(draft / TOKEN_STORE)
            kind = settings.oauth_database.partition(":")[0].partition("+")[0]
            store = Database(kind=kind, schema_version=found["schema_version"], rows=found["rows"])
            unreadable, fingerprints = found["unreadable_connections"], tuple(found["keys"])
        if keys is not None:
            back_up_keys(settings, keys)
        files = {
            path.relative_to(draft).as_posix(): StoredFile(
                sha256=sha256_of(path), bytes=path.stat().st_size
            )
            for path in sorted(draft.rglob("*"))
            if path.is_file()
        }
        if not files:
            raise BackupError("there is nothing to back up")
        manifest = Manifest(
            made_at=began.isoformat(timespec="seconds"),
            product=f"{_PRODUCT} {version(_PRODUCT)}",
            warehouse=warehouse,
            token_store=store,
            models=models,
            encryption_keys=fingerprints,
            files=files,
        )
        write_manifest(draft, manifest)
    return manifest, unreadable
