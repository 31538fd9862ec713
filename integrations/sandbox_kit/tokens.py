"""
Token values (opaque text, or JWTs signed with the emulator's own key), and `Issuer`: their rotation.

Each value shows what it is: `sandbox_<kind>_` and 43 random characters, or a JWT whose `kid` is
`sandbox_<kind>`. So a leaked token is recognised, whichever process wrote it.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from integrations.sandbox_kit.grants import AccessToken, Grant, RefreshToken, digest
from integrations.sandbox_kit.memory import Memory
from integrations.sandbox_kit.rules import OAuthRules

_NAMESPACE = UUID("5f0c6f0e-5a0b-4c3e-9c0f-0d3a4f6f7a10")
_ID_TOKEN_LIFETIME = timedelta(minutes=5)

TokenKind = Literal["access_token", "refresh_token", "id_token", "code"]


def opaque(kind: TokenKind) -> str:
    """Return a new random value that shows its *kind* only."""
    return f"sandbox_{kind}_{secrets.token_urlsafe(32)}"


def jwt_head(kind: TokenKind) -> str:
    """Return the first of the three parts of every JWT of *kind*."""
    return _base64url(json.dumps({"alg": "HS256", "kid": f"sandbox_{kind}", "typ": "JWT"}).encode())


def stable_uuid(*words: str) -> str:
    """Return a UUID that is always the same for *words*."""
    return str(uuid5(_NAMESPACE, "\x1f".join(words)))


def access_jwt(
    grant: Grant, *, key: str, issuer: str, issued_at: datetime, expires_at: datetime
) -> str:
    """Return an access token with the claims that Xero documents."""
    return _signed(
        "access_token",
        {
            **_times(issued_at, expires_at),
            "iss": issuer,
            "aud": f"{issuer}/resources",
            "client_id": grant.client_id,
            "sub": stable_uuid("sub", grant.user_id),
            "auth_time": int(grant.created_at.timestamp()),
            "xero_userid": stable_uuid("user", grant.user_id),
            "global_session_id": stable_uuid("session", grant.id),
            "jti": secrets.token_hex(16),
            "authentication_event_id": grant.event_id,
            "scope": list(grant.scopes),
        },
        key,
    )


def id_jwt(grant: Grant, *, key: str, issuer: str, issued_at: datetime) -> str:
    """Return an ID token: who consented. It lives for five minutes."""
    return _signed(
        "id_token",
        {
            **_times(issued_at, issued_at + _ID_TOKEN_LIFETIME),
            "iat": int(issued_at.timestamp()),
            "iss": issuer,
            "aud": grant.client_id,
            "sub": stable_uuid("sub", grant.user_id),
            "auth_time": int(grant.created_at.timestamp()),
            "xero_userid": stable_uuid("user", grant.user_id),
            "global_session_id": stable_uuid("session", grant.id),
            "preferred_username": grant.user_id,
            "name": f"{grant.user_id} (sandbox)",
        },
        key,
    )


def challenge_of(verifier: str) -> str:
    """Return the S256 code challenge of *verifier* (RFC 7636, section 4.2)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _times(issued_at: datetime, expires_at: datetime) -> dict[str, int]:
    return {"nbf": int(issued_at.timestamp()), "exp": int(expires_at.timestamp())}


def _signed(kind: TokenKind, claims: Mapping[str, Any], key: str) -> str:
    head = jwt_head(kind)
    body = _base64url(json.dumps(claims).encode())
    signature = hmac.new(bytes.fromhex(key), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_base64url(signature)}"


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_SWEEP_EVERY = timedelta(minutes=10)


class Issuer:
    """
    Issues tokens into *memory*. The caller holds the lock.

    A spent refresh token may be replayed inside the grace: each replay issues one more pair of the
    generation that the first use issued, and all pairs of that generation stay valid until
    one of them is spent. The grace ends early once a successor has been spent.
    """

    def __init__(self, rules: OAuthRules, memory: Memory, *, issuer: str) -> None:
        self._rules = rules
        self._memory = memory
        self._issuer = issuer
        self._swept_at: datetime | None = None

    def first(self, grant: Grant, now: datetime) -> dict[str, Any]:
        """Return the answer to a code."""
        return self._next_generation(grant, now)

    def successor(self, grant: Grant, token: RefreshToken, now: datetime) -> dict[str, Any] | None:
        """Return the answer to a refresh token; None if it is spent and may not be replayed."""
        if token.generation == grant.generation:
            if self._value_is_due(grant, now):
                return self._next_generation(grant, now)
            return self._answer(grant, now, grant.refresh_value)
        if self._may_replay(grant, token, now):
            return self._answer(grant, now, self._new_refresh_token(grant))
        return None

    def is_idle(self, grant: Grant, now: datetime) -> bool:
        """Whether the grant was unused for longer than the provider keeps it."""
        limit, since = self._rules.idle_limit, grant.issued_at
        return limit is not None and since is not None and now >= since + limit

    def _value_is_due(self, grant: Grant, now: datetime) -> bool:
        after, since = self._rules.rotate_after, grant.value_since
        return after is None or since is None or now >= since + after

    def _may_replay(self, grant: Grant, token: RefreshToken, now: datetime) -> bool:
        if token.generation != grant.generation - 1 or grant.spent_at is None:
            return False
        if self._rules.grace is None:
            return grant.used_generation < grant.generation
        return now < grant.spent_at + self._rules.grace

    def _next_generation(self, grant: Grant, now: datetime) -> dict[str, Any]:
        self._memory.grants.amend(
            grant.id, generation=grant.generation + 1, spent_at=now, value_since=now
        )
        return self._answer(grant, now, self._new_refresh_token(grant))

    def _new_refresh_token(self, grant: Grant) -> str | None:
        if not grant.refreshable:
            return None
        value = opaque("refresh_token")
        self._memory.refresh_tokens[digest(value)] = RefreshToken(grant.id, grant.generation)
        if self._rules.rotate_after is not None:
            self._memory.grants.amend(grant.id, refresh_value=value)
        return value

    def _answer(self, grant: Grant, now: datetime, refresh_token: str | None) -> dict[str, Any]:
        """Store a new access token, and return the token answer with it."""
        rules, key = self._rules, self._memory.signing_key
        expires_at = now + timedelta(seconds=rules.access_lifetime_s)
        if rules.jwt_access_tokens:
            access_token = access_jwt(
                grant, key=key, issuer=self._issuer, issued_at=now, expires_at=expires_at
            )
        else:
            access_token = opaque("access_token")
        self._memory.access_tokens[digest(access_token)] = AccessToken(
            grant.id, grant.generation, expires_at
        )
        self._memory.grants.amend(grant.id, issued_at=now)
        self._sweep(now)
        values: dict[str, Any] = {
            "access_token": access_token,
            "expires_in": rules.access_lifetime_s,
            "token_type": rules.token_type,
            "created_at": int(now.timestamp()),
            "scope": " ".join(grant.scopes),
        }
        if "id_token" in rules.answer:
            values["id_token"] = id_jwt(grant, key=key, issuer=self._issuer, issued_at=now)
        if refresh_token is not None:
            values["refresh_token"] = refresh_token
            if rules.idle_limit is not None:
                values["x_refresh_token_expires_in"] = int(rules.idle_limit.total_seconds())
        return {name: values[name] for name in rules.answer if name in values}

    def _sweep(self, now: datetime) -> None:
        if self._swept_at is None or now >= self._swept_at + _SWEEP_EVERY:
            self._memory.forget_stale(now)
            self._swept_at = now
