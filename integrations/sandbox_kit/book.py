"""`GrantBook`: the consents and tokens of an emulated provider, and what OAuth calls do to them."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from uuid import uuid4

from integrations.sandbox_kit.connections import Connections
from integrations.sandbox_kit.context import SandboxContext
from integrations.sandbox_kit.grants import Access, Code, Connection, Grant, OAuthError, digest
from integrations.sandbox_kit.memory import Journal, Memory
from integrations.sandbox_kit.rules import OAuthRules
from integrations.sandbox_kit.tokens import Issuer, challenge_of, opaque


class GrantBook:
    """
    The OAuth state of one provider. Safe to use from several threads.

    Args:
        rules: The provider's OAuth rules.
        context: Clock and place of the state; an earlier run's state is restored, its moved
            clock included.
        issuer: Issuer of the JWTs.
    """

    def __init__(self, rules: OAuthRules, context: SandboxContext, *, issuer: str) -> None:
        self._rules = rules
        self._context = context
        self._issuer_name = issuer
        self._journal = Journal(context.state_path)
        self._lock = RLock()
        saved = self._journal.load()
        self._remember(Memory() if saved is None else Memory.restored(saved))
        if self._memory.clock_offset_s > context.clock.offset_s:
            context.clock.reset(self._memory.clock_offset_s)

    # -- a user consents

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
            offline = self._rules.offline_scope
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
            self._memory.grants[grant.id] = grant
            for tenant_id in tenant_ids:
                self._connections.add(grant, tenant_id, now)
            code = opaque("code")
            self._memory.codes[digest(code)] = Code(
                grant_id=grant.id,
                client_id=client_id,
                redirect_uri=redirect_uri,
                challenge=challenge if self._rules.pkce else None,
                expires_at=now + timedelta(seconds=self._rules.code_lifetime_s),
            )
            return grant, code

    def exchange_code(
        self, code: str, *, client_id: str, redirect_uri: str | None, verifier: str | None
    ) -> dict[str, Any]:
        """
        Return the first token answer of a grant.

        A code that comes twice ends the grant (RFC 6749, section 4.1.2).

        Raises:
            OAuthError: `invalid_grant`, for any fault of the code.
        """
        with self._changing() as now:
            found = self._memory.codes.get(digest(code))
            if found is None or found.client_id != client_id:
                raise OAuthError("invalid_grant")
            grant = self._memory.grants[found.grant_id]
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
            self._memory.codes.amend(digest(code), used=True)
            return self._issuer.first(grant, now)

    # -- an app refreshes and revokes

    def refresh(self, refresh_token: str, *, client_id: str) -> dict[str, Any]:
        """
        Return the next token answer of a grant.

        Raises:
            OAuthError: `invalid_grant`; by the provider's rules the grant may now have ended.
        """
        with self._changing() as now:
            found = self._memory.refresh_tokens.get(digest(refresh_token))
            grant = self._memory.grants[found.grant_id] if found else None
            if found is None or grant is None or not grant.alive or grant.client_id != client_id:
                raise OAuthError("invalid_grant")
            if self._issuer.is_idle(grant, now):
                self._end(grant, now)
                raise OAuthError("invalid_grant")
            answer = self._issuer.successor(grant, found, now)
            if answer is None:
                if self._rules.reuse_kills_grant:
                    self._end(grant, now)
                raise OAuthError("invalid_grant")
            return answer

    def revoke(self, token: str, *, client_id: str) -> None:
        """End what *token* belongs to; an unknown token is no error (RFC 7009)."""
        with self._changing() as now:
            key = digest(token)
            found = self._memory.refresh_tokens.get(key) or self._memory.access_tokens.get(key)
            grant = self._memory.grants[found.grant_id] if found else None
            if grant is None or grant.client_id != client_id:
                return
            if self._rules.revoke_ends == "grant":
                self._end(grant, now)
                return
            owner = (grant.client_id, grant.user_id)
            for other in self._memory.grants.values():
                if (other.client_id, other.user_id) == owner:
                    self._end(other, now)
            self._connections.drop(lambda item: (item.client_id, item.user_id) == owner)

    # -- an app calls the API

    def access(self, token: str | None, *, counts_as_use: bool = True) -> Access:
        """Return the access that a bearer token gives; by default this counts as a use of it."""
        if not token:
            return Access(None, "missing")
        with self._lock:
            found = self._memory.access_tokens.get(digest(token))
            if found is None:
                return Access(None, "unknown")
            grant = self._memory.grants[found.grant_id]
            if not grant.alive:
                return Access(None, "ended", found.expires_at)
            if self._context.clock.now() >= found.expires_at:
                return Access(None, "expired", found.expires_at)
            if counts_as_use and found.generation > grant.used_generation:
                with self._changing():
                    self._memory.grants.amend(grant.id, used_generation=found.generation)
            return Access(grant, None, found.expires_at)

    def connections(self, grant: Grant) -> list[Connection]:
        """Return what *grant*'s tokens may see, oldest first, vanished organisations left out."""
        with self._lock:
            return self._connections.of(grant)

    def may_see(self, grant: Grant, tenant_id: str) -> bool:
        """Whether *grant* covers an organisation that still exists."""
        with self._lock:
            return self._connections.covers(grant, tenant_id)

    def remove_connection(self, grant: Grant, connection_id: str) -> bool:
        """End the app's access to one organisation; False if *grant* has no such connection."""
        with self._changing():
            return self._connections.remove(grant, connection_id)

    # -- the control API

    @property
    def vanished(self) -> frozenset[str]:
        """Ids of organisations that no longer exist."""
        with self._lock:
            return frozenset(self._memory.vanished)

    @property
    def grants(self) -> list[Grant]:
        """All grants, ended ones included, oldest first."""
        with self._lock:
            return list(self._memory.grants.values())

    def expire_access_tokens(self) -> None:
        """Let every access token issued so far be expired."""
        with self._changing() as now:
            for key, token in self._memory.access_tokens.items():
                self._memory.access_tokens.amend(key, expires_at=min(token.expires_at, now))

    def revoke_grants(self, tenant_id: str | None = None) -> int:
        """End all live grants, or those that named *tenant_id*; return how many."""
        with self._changing() as now:
            hit = [
                grant
                for grant in self._memory.grants.values()
                if grant.alive and (tenant_id is None or tenant_id in grant.tenant_ids)
            ]
            for grant in hit:
                self._end(grant, now)
            ids = {grant.id for grant in hit}
            self._connections.drop(
                lambda item: item.grant_id in ids and tenant_id in {None, item.tenant_id}
            )
            return len(hit)

    def vanish(self, tenant_id: str) -> None:
        """Delete an organisation at the provider; grants stay alive."""
        with self._changing():
            if tenant_id not in self._memory.vanished:
                self._memory.vanished.append(tenant_id)

    def advance_clock(self, seconds: float) -> None:
        """
        Move the context's clock, and remember it over a restart.

        Raises:
            ValueError: If *seconds* is negative or beyond reason.
        """
        with self._changing():
            self._context.clock.advance(seconds)

    def reset(self) -> None:
        """Forget everything and set the clock to real time."""
        with self._changing():
            self._context.clock.reset()
            self._remember(Memory())

    # -- details

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        """Hold the lock, then save, even after an error: a refusal may have ended a grant."""
        with self._lock:
            try:
                yield self._context.clock.now()
            finally:
                self._memory.clock_offset_s = self._context.clock.offset_s
                self._save()

    def _save(self) -> None:
        if self._journal.is_due_for_rewrite:
            self._journal.rewrite(self._memory.snapshot())
            return
        change = self._memory.take_changes()
        if change is not None:
            self._journal.append(change)

    def _remember(self, memory: Memory) -> None:
        """Use *memory* from now on, and write it to the file."""
        self._memory = memory
        self._issuer = Issuer(self._rules, memory, issuer=self._issuer_name)
        self._connections = Connections(self._rules, memory)
        self._journal.rewrite(memory.snapshot())

    def _all_scopes(self, client_id: str, user_id: str, asked: Sequence[str]) -> list[str]:
        scopes = list(asked)
        if self._rules.scopes_additive:
            for grant in self._memory.grants.values():
                if grant.alive and (grant.client_id, grant.user_id) == (client_id, user_id):
                    scopes += grant.scopes
        return list(dict.fromkeys(scopes))

    def _end(self, grant: Grant, now: datetime) -> None:
        if not grant.alive:
            return
        self._memory.grants.amend(grant.id, ended_at=now, refresh_value=None)
        if not self._rules.shared_connections:
            self._connections.drop(lambda item: item.grant_id == grant.id)
