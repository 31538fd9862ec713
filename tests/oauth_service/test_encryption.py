"""Encryption at rest, and what travels through a browser."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from integrations.contracts import ConfigurationError, TokenSet
from oauth_service.security.crypto import (
    ExpiredError,
    ForgedError,
    Sealer,
    TokenVault,
    UnreadableTokensError,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))
TOKENS = TokenSet(
    access_token=SecretStr("access"),
    refresh_token=SecretStr("refresh"),
    expires_at=NOW,
    lifetime_s=1800,
    scopes=("a", "b"),
)


def test_tokens_come_back_as_they_were() -> None:
    vault = TokenVault([NEW])
    sealed = vault.seal_tokens(TOKENS, owner="acme/toybooks")

    assert vault.open_tokens(sealed, owner="acme/toybooks") == TOKENS
    assert "refresh" not in sealed


def test_old_keys_still_decrypt_and_are_replaced() -> None:
    sealed = TokenVault([OLD]).seal_tokens(TOKENS, owner="x")
    both = TokenVault([NEW, OLD])
    renewed = both.renewed(sealed)

    assert both.open_tokens(sealed, owner="x") == TOKENS
    assert renewed is not None
    assert TokenVault([NEW]).open_tokens(renewed, owner="x") == TOKENS
    assert both.renewed(renewed) is None


def test_row_of_another_connection_is_refused() -> None:
    vault = TokenVault([NEW])
    sealed = vault.seal_tokens(TOKENS, owner="acme/toybooks")

    with pytest.raises(UnreadableTokensError, match="belong to another connection"):
        vault.open_tokens(sealed, owner="other/toybooks")


def test_lost_key_is_named_as_the_setting() -> None:
    sealed = TokenVault([OLD]).seal_tokens(TOKENS, owner="x")

    with pytest.raises(UnreadableTokensError, match="ZEBBRA_ENCRYPTION_KEYS"):
        TokenVault([NEW]).open_tokens(sealed, owner="x")
    assert TokenVault([NEW]).renewed(sealed) is None


def test_malformed_key_is_named_by_position_not_by_value() -> None:
    with pytest.raises(ConfigurationError, match="key 2: expected 32 bytes") as caught:
        TokenVault([NEW, SecretStr("hunter2")])

    assert "hunter2" not in str(caught.value)


def test_sealed_message_is_url_safe_and_ends() -> None:
    sealer = Sealer([NEW], "test")
    sealed = sealer.seal({"a": "b"}, expires_at=NOW)

    assert sealed.replace("-", "").replace("_", "").isalnum()
    assert sealer.open(sealed, now=NOW - timedelta(seconds=1)) == {"a": "b"}
    with pytest.raises(ExpiredError):
        sealer.open(sealed, now=NOW)


def test_message_opens_for_its_own_purpose_only_and_outlives_a_new_key() -> None:
    sealed = Sealer([OLD], "session").seal({"a": "b"}, expires_at=NOW)
    earlier = NOW - timedelta(hours=1)

    assert Sealer([NEW, OLD], "session").open(sealed, now=earlier) == {"a": "b"}
    with pytest.raises(ForgedError):
        Sealer([OLD], "connect link").open(sealed, now=earlier)
    with pytest.raises(ForgedError):
        Sealer([NEW], "session").open(sealed, now=earlier)
