"""
Mints token values: opaque text, or JWTs signed with the emulator's own key.

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

from integrations.sandbox_kit.grants import Grant

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
