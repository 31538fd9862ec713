"""The keys of a backup, in a folder of their own."""

import os
import tempfile
from pathlib import Path

from pydantic import SecretStr

from integrations.contracts import ConfigurationError
from integrations.runtime.files import PRIVATE_FILE, PRIVATE_FOLDER, synced
from integrations.runtime.keyfiles import read_keys
from integrations.runtime.settings import Settings
from zebbra_pipeline.backup.manifest import BackupError

ENCRYPTION, SERVICE = "encryption.keys", "service.key"


def check_apart(keys: Path, folder: Path) -> None:
    """
    See that neither of both folders is in the other.

    Raises:
        BackupError: If they are: the keys open what the backup holds.
    """
    one, other = keys.resolve(), folder.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise BackupError(
            f"--keys {keys}: expected a folder apart from the backup: its keys open the tokens that "
            "the backup holds"
        )


def back_up_keys(settings: Settings, folder: Path) -> None:
    """
    Write the encryption keys and the service key to *folder*, each with mode 0600.

    A folder that has older ones of the same keys is brought up to date.

    Raises:
        BackupError: If it has other keys, or there are none to write.
    """
    present = {ENCRYPTION: _encryption_keys(settings), SERVICE: _service_key(settings)}
    for name, lines in present.items():
        path = folder / name
        if path.exists():
            kept = {key.get_secret_value() for key in _read(path)}
            if name == ENCRYPTION and not kept.issubset(lines):
                raise BackupError(
                    f"{path}: other keys are there, which an older backup may need; choose another "
                    "folder with --keys"
                )
    for parent in reversed((folder, *folder.parents)):
        parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for name, lines in present.items():
        _write(folder / name, "".join(f"{line}\n" for line in lines))


def given_keys(folder: Path) -> dict[str, str]:
    """
    Return the text of the key files in *folder*, by name.

    Raises:
        BackupError: If the encryption keys are not there, or others may read them.
    """
    found = {}
    for name in (ENCRYPTION, SERVICE):
        path = folder / name
        if path.exists():
            found[name] = "".join(f"{key.get_secret_value()}\n" for key in _read(path))
    if ENCRYPTION not in found:
        raise BackupError(
            f"--keys {folder}: expected the folder that 'zebbra backup --keys' wrote, found no "
            f"{ENCRYPTION} in it"
        )
    return found


def _encryption_keys(settings: Settings) -> list[str]:
    path = settings.encryption_key_file()
    if path is not None and not path.exists():
        raise BackupError(f"{path}: the encryption keys are not there, so they cannot be backed up")
    return [key.get_secret_value() for key in settings.encryption_keys()]


def _service_key(settings: Settings) -> list[str]:
    return [settings.service_key().get_secret_value()]


def _read(path: Path) -> list[SecretStr]:
    try:
        return list(read_keys(path))
    except (ConfigurationError, OSError) as exc:
        raise BackupError(str(exc)) from exc


def _write(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), PRIVATE_FILE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    synced(path.parent)
