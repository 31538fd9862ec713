"""
What `python -m oauth_service` does for backups of the token store; `zebbra backup` calls it.

Each returns JSON for that caller, and names no token.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from integrations.contracts import ConfigurationError
from integrations.runtime.keyfiles import read_keys
from integrations.runtime.settings import Settings
from oauth_service.keys_command import fingerprint
from oauth_service.store.copies import CopyFacts, copy_store, facts_of, unreadable
from oauth_service.store.migrations import MIGRATIONS
from oauth_service.store.restoring import check_target, mark_store, restore_store


def back_up_store(settings: Settings, target: Path) -> str:
    """
    Copy the token store to the new file *target*, and say what is in it.

    Raises:
        ConfigurationError: If it cannot be read or is damaged.
        OSError: If *target* cannot be written.
    """
    copy_store(settings.oauth_database, target)
    return _facts(facts_of(target), present_keys(settings))


def check_restore(settings: Settings, copy: Path, *, keys: Path | None, force: bool) -> str:
    """
    See whether *copy* can be restored, and say what is in it; nothing is changed.

    Args:
        settings: Where it would go.
        copy: As `back_up_store` makes it.
        keys: File of the encryption keys that will be in use; those of the settings by default.
        force: Whether a store that is there may be replaced.

    Raises:
        ConfigurationError: If it cannot.
    """
    facts = facts_of(copy)
    if facts.schema_version > len(MIGRATIONS):
        raise ConfigurationError(
            f"{copy}: a newer version of this service made this copy (schema version "
            f"{facts.schema_version}; this one knows {len(MIGRATIONS)}); restore with that version"
        )
    check_target(settings.oauth_database, force=force)
    return _facts(facts, present_keys(settings) if keys is None else read_keys(keys))


def restore(settings: Settings, copy: Path, *, now: datetime, force: bool) -> str:
    """
    Put *copy* in the store's place, and say how many connections have to be checked.

    Raises:
        ConfigurationError: If it cannot be used, or the store not be replaced.
        OSError: If there is no room.
    """
    marked, kept = restore_store(
        copy, settings.oauth_database, home=settings.home, now=now, force=force
    )
    return json.dumps({"marked": marked, "kept": None if kept is None else str(kept)})


def mark(settings: Settings, *, now: datetime) -> str:
    """
    Mark the connections of a store that was put back by other means; one sentence for people.

    Raises:
        ConfigurationError: If it cannot be opened, or a service has it open.
    """
    marked = mark_store(settings.oauth_database, now=now)
    return f"{marked} connections marked as restored; the service checks them when it starts"


def present_keys(settings: Settings) -> tuple[SecretStr, ...]:
    """Return the encryption keys that are there, newest first; none are made."""
    path = settings.encryption_key_file()
    return () if path is not None and not path.exists() else settings.encryption_keys()


def _facts(facts: CopyFacts, keys: Sequence[SecretStr]) -> str:
    return json.dumps(
        {
            "schema_version": facts.schema_version,
            "rows": facts.rows,
            "connections_with_tokens": len(facts.sealed),
            "unreadable_connections": unreadable(facts.sealed, tuple(keys)),
            "keys": [fingerprint(key) for key in keys],
        }
    )
