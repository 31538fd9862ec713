"""`Issuer`: token answers and the rotation of refresh tokens."""

from datetime import datetime, timedelta
from typing import Any

from integrations.sandbox_kit.grants import AccessToken, Grant, RefreshToken, digest
from integrations.sandbox_kit.memory import Memory
from integrations.sandbox_kit.rules import OAuthRules
from integrations.sandbox_kit.tokens import access_jwt, id_jwt, opaque

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
