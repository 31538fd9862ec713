"""`GrantBook`: opens grants, issues and rotates tokens, and ends grants, by a provider's rules."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Literal
from uuid import uuid4

from integrations.sandbox_kit.context import SandboxContext
from integrations.sandbox_kit.grants import (
    AccessToken,
    Code,
    Connection,
    Grant,
    GrantState,
    RefreshToken,
    digest,
)
from integrations.sandbox_kit.rules import OAuthRules
from integrations.sandbox_kit.state import StateFile
from integrations.sandbox_kit.tokens import access_jwt, challenge_of, id_jwt, opaque


class OAuthError(Exception):
    """
    A refusal in OAuth's own words (RFC 6749, section 5.2).

    Attributes:
        error: OAuth error code, e.g. `invalid_grant`.
        status: HTTP status that goes with it.
    """

    def __init__(self, error: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """
    What a bearer token is worth.

    Attributes:
        grant: The live grant it belongs to, or None.
        problem: Why there is none.
        expires_at: End of the token's life, where it is known.
    """

    grant: Grant | None
    problem: Literal["missing", "unknown", "expired", "ended"] | None = None
    expires_at: datetime | None = None


@dataclass(slots=True)
class GrantBook:
    """
    The memory and the rules of one provider's OAuth half. Safe to use from several threads.

    Of a refresh token's replay inside the grace: each replay issues one more pair of the
    generation that the first use issued, and all pairs of that generation stay valid until
    one of them is spent. The grace ends early once a successor has been spent.
    """

    rules: OAuthRules
    context: SandboxContext
    issuer: str
    _file: StateFile = field(init=False, repr=False)
    _state: GrantState = field(init=False, repr=False)
    _lock: RLock = field(init=False, repr=False, default_factory=RLock)

    def __post_init__(self) -> None:
        """Take up the state of an earlier run."""
        self._file = StateFile(self.context.state_path)
        saved = self._file.load()
        if saved is None:
            self._state = _empty_state()
        else:
            self._state = GrantState.from_json(saved)
            if self._state.clock_offset_s > self.context.clock.offset_s:
                self.context.clock.reset(self._state.clock_offset_s)

    # -- a person consents

    def open_grant(
        self,
        *,
        client_id: str,
        user_id: str,
        tenant_ids: Sequence[str],
        scopes: Sequence[str],
        redirect_uri: str,
        challenge: str | None,
    ) -> tuple[Grant, str]:
        """Return the grant of a new consent, and the code that fetches its tokens."""
        with self._changing() as now:
            offline = self.rules.offline_scope
            grant = Grant(
                id=str(uuid4()),
                client_id=client_id,
                user_id=user_id,
                tenant_ids=list(tenant_ids),
                scopes=self._all_scopes(client_id, user_id, scopes),
                refreshable=offline is None or offline in scopes,
                event_id=str(uuid4()),
                created_at=now,
            )
            self._state.grants[grant.id] = grant
            for tenant_id in tenant_ids:
                self._connect(grant, tenant_id, now)
            code = opaque()
            self._state.codes[digest(code)] = Code(
                grant_id=grant.id,
                client_id=client_id,
                redirect_uri=redirect_uri,
                challenge=challenge if self.rules.pkce else None,
                expires_at=now + timedelta(seconds=self.rules.code_lifetime_s),
            )
            return grant, code

    def exchange_code(
        self, code: str, *, client_id: str, redirect_uri: str | None, verifier: str | None
    ) -> dict[str, Any]:
        """
        Return the first token answer of a grant.

        A code that comes twice ends the grant (RFC 6749, section 4.1.2).

        Raises:
            OAuthError: `invalid_grant`, whatever is wrong with the code.
        """
        with self._changing() as now:
            found = self._state.codes.get(digest(code))
            if found is None or found.client_id != client_id:
                raise OAuthError("invalid_grant")
            grant = self._state.grants[found.grant_id]
            if found.used:
                self._end(grant, now)
                raise OAuthError("invalid_grant")
            proven = found.challenge is None or (
                verifier is not None
                and secrets.compare_digest(challenge_of(verifier), found.challenge)
            )
            in_time = now < found.expires_at
            if not (grant.alive and in_time and proven and found.redirect_uri == redirect_uri):
                raise OAuthError("invalid_grant")
            found.used = True
            return self._issue(grant, now, new_value=True)

    # -- an app refreshes and revokes

    def refresh(self, refresh_token: str, *, client_id: str) -> dict[str, Any]:
        """
        Return the next token answer of a grant.

        Raises:
            OAuthError: `invalid_grant`; the grant is then dead if the token was an old one.
        """
        with self._changing() as now:
            found = self._state.refresh_tokens.get(digest(refresh_token))
            grant = self._state.grants[found.grant_id] if found else None
            if found is None or grant is None or not grant.alive or grant.client_id != client_id:
                raise OAuthError("invalid_grant")
            idle = self.rules.idle_limit
            if idle is not None and grant.issued_at is not None and now >= grant.issued_at + idle:
                self._end(grant, now)
                raise OAuthError("invalid_grant")
            if found.generation == grant.generation:
                return self._issue(grant, now, new_value=self._value_is_due(grant, now))
            if self._may_replay(grant, found, now):
                return self._answer(grant, now, self._new_refresh_token(grant))
            if self.rules.reuse_kills_grant:
                self._end(grant, now)
            raise OAuthError("invalid_grant")

    def revoke(self, token: str, *, client_id: str) -> None:
        """End what *token* belongs to; an unknown token is no error (RFC 7009)."""
        with self._changing() as now:
            key = digest(token)
            found = self._state.refresh_tokens.get(key) or self._state.access_tokens.get(key)
            grant = self._state.grants[found.grant_id] if found else None
            if grant is None or grant.client_id != client_id:
                return
            if self.rules.revoke_ends == "grant":
                self._end(grant, now)
                return
            owner = (grant.client_id, grant.user_id)
            for other in self._state.grants.values():
                if (other.client_id, other.user_id) == owner:
                    self._end(other, now)
            self._drop_connections(lambda item: (item.client_id, item.user_id) == owner)

    # -- an app calls the API

    def access(self, token: str | None, *, counts_as_use: bool = True) -> Access:
        """Return what a bearer token is worth; by default this is a use of it."""
        if not token:
            return Access(None, "missing")
        with self._lock:
            found = self._state.access_tokens.get(digest(token))
            if found is None:
                return Access(None, "unknown")
            grant = self._state.grants[found.grant_id]
            if not grant.alive:
                return Access(None, "ended", found.expires_at)
            if self.context.clock.now() >= found.expires_at:
                return Access(None, "expired", found.expires_at)
            if counts_as_use and found.generation > grant.used_generation:
                with self._changing():
                    grant.used_generation = found.generation
            return Access(grant, None, found.expires_at)

    def connections(self, grant: Grant) -> list[Connection]:
        """Return what *grant*'s tokens may see, oldest first, vanished organisations left out."""
        with self._lock:
            return [
                item
                for item in self._state.connections.values()
                if item.tenant_id not in self._state.vanished and self._covers(grant, item)
            ]

    def remove_connection(self, grant: Grant, connection_id: str) -> bool:
        """End the app's sight of one organisation; False if *grant* has no such connection."""
        with self._changing():
            item = self._state.connections.get(connection_id)
            if item is None or not self._covers(grant, item):
                return False
            del self._state.connections[connection_id]
            return True

    # -- a test steers

    @property
    def vanished(self) -> frozenset[str]:
        """Ids of organisations that no longer exist."""
        with self._lock:
            return frozenset(self._state.vanished)

    @property
    def grants(self) -> list[Grant]:
        """All grants, ended ones included, oldest first."""
        with self._lock:
            return list(self._state.grants.values())

    def expire_access_tokens(self) -> None:
        """Let every access token issued so far be expired."""
        with self._changing() as now:
            for token in self._state.access_tokens.values():
                token.expires_at = min(token.expires_at, now)

    def revoke_grants(self, tenant_id: str | None = None) -> int:
        """End all grants, or those that named *tenant_id*; return how many."""
        with self._changing() as now:
            hit = [
                grant
                for grant in self._state.grants.values()
                if grant.alive and (tenant_id is None or tenant_id in grant.tenant_ids)
            ]
            for grant in hit:
                self._end(grant, now)
            ids = {grant.id for grant in hit}
            self._drop_connections(
                lambda item: item.grant_id in ids and tenant_id in {None, item.tenant_id}
            )
            return len(hit)

    def vanish(self, tenant_id: str) -> None:
        """Let an organisation disappear from the provider; grants stay alive."""
        with self._changing():
            if tenant_id not in self._state.vanished:
                self._state.vanished.append(tenant_id)

    def clock_moved(self) -> None:
        """Remember the clock's offset over a restart."""
        with self._changing():
            pass

    def reset(self) -> None:
        """Forget everything."""
        with self._changing():
            self._state = _empty_state()

    # -- details

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        """Hold the lock and save afterwards, also when a refusal has changed something."""
        with self._lock:
            try:
                yield self.context.clock.now()
            finally:
                self._state.clock_offset_s = self.context.clock.offset_s
                if self.context.state_path is not None:
                    self._file.save(self._state.to_json())

    def _all_scopes(self, client_id: str, user_id: str, asked: Sequence[str]) -> list[str]:
        scopes = list(asked)
        if self.rules.scopes_additive:
            for grant in self._state.grants.values():
                if grant.alive and (grant.client_id, grant.user_id) == (client_id, user_id):
                    scopes += grant.scopes
        return list(dict.fromkeys(scopes))

    def _connect(self, grant: Grant, tenant_id: str, now: datetime) -> None:
        if self.rules.shared_connections:
            for item in self._state.connections.values():
                if item.tenant_id == tenant_id and self._covers(grant, item):
                    item.event_id, item.grant_id, item.updated_at = grant.event_id, grant.id, now
                    return
        item = Connection(
            id=str(uuid4()),
            tenant_id=tenant_id,
            client_id=grant.client_id,
            user_id=grant.user_id,
            event_id=grant.event_id,
            grant_id=grant.id,
            created_at=now,
            updated_at=now,
        )
        self._state.connections[item.id] = item

    def _covers(self, grant: Grant, item: Connection) -> bool:
        if self.rules.shared_connections:
            return (item.client_id, item.user_id) == (grant.client_id, grant.user_id)
        return item.grant_id == grant.id

    def _drop_connections(self, doomed: Any) -> None:
        self._state.connections = {
            key: item for key, item in self._state.connections.items() if not doomed(item)
        }

    def _end(self, grant: Grant, now: datetime) -> None:
        if grant.ended_at is None:
            grant.ended_at = now
        grant.refresh_value = None
        if not self.rules.shared_connections:
            self._drop_connections(lambda item: item.grant_id == grant.id)

    def _value_is_due(self, grant: Grant, now: datetime) -> bool:
        after, since = self.rules.rotate_after, grant.value_since
        return after is None or since is None or now >= since + after

    def _may_replay(self, grant: Grant, token: RefreshToken, now: datetime) -> bool:
        if token.generation != grant.generation - 1 or grant.spent_at is None:
            return False
        if self.rules.grace is None:
            return grant.used_generation < grant.generation
        return now < grant.spent_at + self.rules.grace

    def _issue(self, grant: Grant, now: datetime, *, new_value: bool) -> dict[str, Any]:
        if not new_value:
            return self._answer(grant, now, grant.refresh_value)
        grant.generation += 1
        grant.spent_at = now
        grant.value_since = now
        return self._answer(grant, now, self._new_refresh_token(grant))

    def _new_refresh_token(self, grant: Grant) -> str | None:
        if not grant.refreshable:
            return None
        value = opaque()
        self._state.refresh_tokens[digest(value)] = RefreshToken(grant.id, grant.generation)
        grant.refresh_value = value if self.rules.rotate_after is not None else None
        return value

    def _answer(self, grant: Grant, now: datetime, refresh_token: str | None) -> dict[str, Any]:
        """Note a new access token and return the token answer that holds it."""
        expires_at = now + timedelta(seconds=self.rules.access_lifetime_s)
        key = self._state.signing_key
        if self.rules.jwt_access_tokens:
            access_token = access_jwt(
                grant, key=key, issuer=self.issuer, issued_at=now, expires_at=expires_at
            )
        else:
            access_token = opaque()
        self._state.access_tokens[digest(access_token)] = AccessToken(
            grant.id, grant.generation, expires_at
        )
        grant.issued_at = now
        self._state.forget_stale(now)
        idle = self.rules.idle_limit
        values: dict[str, Any] = {
            "access_token": access_token,
            "expires_in": self.rules.access_lifetime_s,
            "token_type": self.rules.token_type,
            "created_at": int(now.timestamp()),
            "scope": " ".join(grant.scopes),
        }
        if "id_token" in self.rules.answer:
            values["id_token"] = id_jwt(grant, key=key, issuer=self.issuer, issued_at=now)
        if refresh_token is not None:
            values["refresh_token"] = refresh_token
            if idle is not None:
                values["x_refresh_token_expires_in"] = int(idle.total_seconds())
        return {name: values[name] for name in self.rules.answer if name in values}


def _empty_state() -> GrantState:
    return GrantState(signing_key=secrets.token_hex(32))
