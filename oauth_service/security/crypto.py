"""Authenticated encryption: tokens at rest, and the signed tokens that browsers carry."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from integrations.contracts import ConfigurationError, TokenSet
from oauth_service.security.keyring import Keys


class UnreadableTokensError(ConfigurationError):
    """Stored tokens that none of the keys decrypts, or that belong to another connection."""


class TokenVault:
    """
    Encrypts what is stored under the newest key; decrypts with any of them.

    Args:
        keys: Fernet keys, newest first, or what returns them.

    Raises:
        ConfigurationError: If a key is malformed, by its position.
    """

    def __init__(self, keys: Keys) -> None:
        self._ciphers = _Ciphers(keys, _fernets)

    def seal_tokens(self, tokens: TokenSet, *, owner: str) -> str:
        """Encrypt *tokens*, bound to *owner* so that a row cannot stand in for another."""
        content = {
            "owner": owner,
            "access_token": tokens.access_token.get_secret_value(),
            "refresh_token": tokens.refresh_token and tokens.refresh_token.get_secret_value(),
            "token_type": tokens.token_type,
            "expires_at": tokens.expires_at.isoformat(),
            "lifetime_s": tokens.lifetime_s,
            "scopes": tokens.scopes,
        }
        return self.seal_text(json.dumps(content))

    def open_tokens(self, sealed: str, *, owner: str) -> TokenSet:
        """
        Decrypt *sealed*.

        Raises:
            UnreadableTokensError: If no key fits or it was sealed for another owner.
        """
        content = json.loads(self.open_text(sealed))
        if content.pop("owner") != owner:
            raise UnreadableTokensError("stored tokens: they belong to another connection")
        return TokenSet(**content)

    def seal_text(self, text: str) -> str:
        """Encrypt under the newest key."""
        return self._ciphers.newest().encrypt(text.encode()).decode()

    def open_text(self, sealed: str) -> str:
        """
        Decrypt with whichever key fits.

        Raises:
            UnreadableTokensError: If none does.
        """
        try:
            return self._ciphers.all().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise UnreadableTokensError(
                "stored tokens: none of ZEBBRA_ENCRYPTION_KEYS decrypts them; put the key that "
                "encrypted them back (at the end), or let people connect again"
            ) from None

    def renewed(self, sealed: str) -> str | None:
        """Return *sealed* under the newest key; None if it is already, or cannot be read."""
        try:
            self._ciphers.newest().decrypt(sealed.encode())
        except InvalidToken:
            try:
                return self._ciphers.all().rotate(sealed.encode()).decode()
            except InvalidToken:
                return None
        return None

    def position_of_key(self, sealed: str) -> int | None:
        """Return which key decrypts *sealed*, 0 for the newest; None if none does."""
        for position, fernet in enumerate(self._ciphers.each()):
            try:
                fernet.decrypt(sealed.encode())
            except InvalidToken:
                continue
            return position
        return None


class ExpiredError(Exception):
    """A sealed message that was genuine, but whose time is over."""


class ForgedError(Exception):
    """A message that we have not sealed for this purpose."""


class Sealer:
    """
    Seals small messages for the way through a browser: unforgeable, unreadable, expiring.

    Args:
        keys: Encryption keys, newest first, or what returns them; each purpose derives its
            own from them.
        purpose: A message sealed for one purpose opens for no other.
    """

    def __init__(self, keys: Keys, purpose: str) -> None:
        self._ciphers = _Ciphers(keys, lambda present: _derived_fernets(present, purpose))

    def seal(self, message: Mapping[str, str], *, expires_at: datetime) -> str:
        """Return text that is safe in URLs and cookies."""
        content = json.dumps({**message, "expires_at": expires_at.timestamp()})
        return self._ciphers.newest().encrypt(content.encode()).decode().rstrip("=")

    def open(self, sealed: str, *, now: datetime) -> dict[str, str]:
        """
        Return the message.

        Raises:
            ForgedError: If it was not sealed by us, for this purpose.
            ExpiredError: If its time is over.
        """
        try:
            padded = (sealed + "=" * (-len(sealed) % 4)).encode("ascii")
            content: dict[str, Any] = json.loads(self._ciphers.all().decrypt(padded))
        except (InvalidToken, UnicodeEncodeError):
            raise ForgedError from None
        if now >= datetime.fromtimestamp(content.pop("expires_at"), UTC):
            raise ExpiredError
        return content


class _Ciphers:
    """The ciphers of the present keys; made anew when the keys have changed."""

    def __init__(self, keys: Keys, make: Callable[[Sequence[SecretStr]], list[Fernet]]) -> None:
        self._keys = keys
        self._make = make
        present = self._present()
        self._made = (present, make(present))

    def each(self) -> list[Fernet]:
        present = self._present()
        made = self._made
        if made[0] is not present:
            made = self._made = (present, self._make(present))
        return made[1]

    def newest(self) -> Fernet:
        return self.each()[0]

    def all(self) -> MultiFernet:
        return MultiFernet(self.each())

    def _present(self) -> Sequence[SecretStr]:
        return self._keys() if callable(self._keys) else self._keys


def _fernets(keys: Sequence[SecretStr]) -> list[Fernet]:
    if not keys:
        raise ConfigurationError("ZEBBRA_ENCRYPTION_KEYS: expected at least one key, found none")
    fernets = []
    for position, key in enumerate(keys, start=1):
        try:
            fernets.append(Fernet(key.get_secret_value()))
        except ValueError:
            raise ConfigurationError(
                f"ZEBBRA_ENCRYPTION_KEYS: key {position}: expected 32 bytes in URL-safe base64, "
                "as cryptography.fernet.Fernet.generate_key() makes them"
            ) from None
    return fernets


def _derived_fernets(keys: Sequence[SecretStr], purpose: str) -> list[Fernet]:
    _fernets(keys)
    return [Fernet(_derived(key, purpose)) for key in keys]


def _derived(key: SecretStr, purpose: str) -> bytes:
    material = key.get_secret_value().encode()
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"zebbra {purpose}".encode())
    return urlsafe_b64encode(kdf.derive(material))
