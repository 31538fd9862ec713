"""What `python -m oauth_service rotate-keys` and `list-keys` do; a service may be running."""

import json
from contextlib import closing
from hashlib import sha256

from cryptography.fernet import Fernet
from pydantic import SecretStr

from integrations.contracts import ConfigurationError
from integrations.runtime.keyfiles import add_key
from integrations.runtime.settings import Settings
from oauth_service.security.keyring import Keyring
from oauth_service.store import Store

_SHOWN_CHARACTERS = 12


def rotate_keys(settings: Settings) -> str:
    """
    Add a newest key to the key file and encrypt all stored tokens under it.

    The earlier keys stay, so whatever is not encrypted anew stays readable. A running service
    takes the key up by itself; what it writes in this moment under the key before is renewed
    within the hour. The store is opened first: without it no key is added.

    Returns:
        One sentence for people.

    Raises:
        ConfigurationError: If the keys come from a setting, or the store cannot be opened.
    """
    path = settings.encryption_key_file()
    if path is None:
        raise ConfigurationError(
            "ZEBBRA_ENCRYPTION_KEYS is set, so the keys are not in a file: put a new key before "
            "the others there and restart the service, which then encrypts all tokens under it"
        )
    keys = Keyring(settings)
    with closing(Store(settings.oauth_database, keys)) as store:
        add_key(path, Fernet.generate_key().decode())
        renewed = store.connections.renew_encryption()
        unreadable = store.connections.counts_by_key().get(None, 0)
    lost = f"; no key reads those of {_counted(unreadable)}" if unreadable else ""
    return (
        f"added key {fingerprint(keys()[0])} to {path} ({len(keys())} keys); "
        f"newly encrypted under it: the tokens of {_counted(renewed)}{lost}"
    )


def list_keys(settings: Settings, *, as_json: bool) -> str:
    """
    Return the keys' fingerprints, newest first, and how many connections each encrypts.

    Raises:
        ConfigurationError: If a key is malformed, or the store cannot be opened.
    """
    keys = Keyring(settings)
    with closing(Store(settings.oauth_database, keys)) as store:
        counts = store.connections.counts_by_key()
    rows = [
        {"fingerprint": fingerprint(key), "newest": position == 0, "connections": counts[position]}
        for position, key in enumerate(keys())
    ]
    unreadable = counts[None]
    if as_json:
        return json.dumps({"keys": rows, "unreadable_connections": unreadable}, indent=2)
    lines = [
        f"{row['fingerprint']}  {_counted(counts[position])}{'' if position else ', newest'}"
        for position, row in enumerate(rows)
    ]
    if unreadable:
        lines.append(f"no key reads the tokens of {_counted(unreadable)}")
    return "\n".join(lines)


def fingerprint(key: SecretStr) -> str:
    """Return what may be shown of a key; the key cannot be found from it."""
    return sha256(key.get_secret_value().encode()).hexdigest()[:_SHOWN_CHARACTERS]


def _counted(connections: int) -> str:
    return f"{connections} connection{'' if connections == 1 else 's'}"
