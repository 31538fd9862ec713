"""Consents under way: login states, and grants whose tenant is not chosen yet."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, case, delete, func, insert, select, update

from integrations.contracts import Tenant, TokenSet
from oauth_service.security.crypto import TokenVault
from oauth_service.store.database import Database
from oauth_service.store.schema import login_states, pending_grants


class StateProblem(StrEnum):
    """Why a callback's state is not accepted."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    OTHER_SESSION = "other_session"


@dataclass(frozen=True, slots=True)
class LoginState:
    """
    What was remembered when a person was sent to the provider.

    Attributes:
        session_id: The browser session that must bring the state back.
        verifier: PKCE code verifier, where the provider supports it.
    """

    session_id: str
    workspace_id: str
    integration: str
    verifier: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PendingGrant:
    """
    A grant that is stored, but belongs to no connection yet.

    Attributes:
        tenants: Organisations to choose from; empty while they are unknown.
    """

    grant_id: str
    session_id: str
    workspace_id: str
    integration: str
    tokens: TokenSet
    tenants: tuple[Tenant, ...]


class Consents:
    """Remembers consents until they are complete or too old."""

    def __init__(self, database: Database, vault: TokenVault) -> None:
        self._database = database
        self._vault = vault

    def add_state(
        self, state: str, login: LoginState, *, now: datetime, expires_at: datetime
    ) -> None:
        """Remember *state* (as a hash: whoever reads the table cannot replay it)."""
        verifier = login.verifier
        with self._database.writing() as transaction:
            transaction.execute(
                insert(login_states).values(
                    state_hash=_hash(state),
                    session_id=login.session_id,
                    workspace_id=login.workspace_id,
                    integration=login.integration,
                    verifier=None if verifier is None else self._vault.seal_text(verifier),
                    created_at=now,
                    expires_at=expires_at,
                )
            )

    def use_state(
        self, state: str, *, session_id: str, integration: str, now: datetime
    ) -> LoginState | StateProblem:
        """Return what *state* stands for, once; afterwards it is used up."""
        row_of_state = login_states.c.state_hash == _hash(state)
        claim = (
            update(login_states)
            .where(
                row_of_state,
                login_states.c.session_id == session_id,
                login_states.c.integration == integration,
                login_states.c.expires_at > now,
                login_states.c.used_at.is_(None),
            )
            .values(used_at=now)
        )
        with self._database.writing() as transaction:
            claimed = transaction.execute(claim).rowcount == 1
            row = transaction.execute(select(login_states).where(row_of_state)).one_or_none()
        if row is None or row.integration != integration:
            return StateProblem.UNKNOWN
        if not claimed:
            if row.session_id != session_id:
                return StateProblem.OTHER_SESSION
            return StateProblem.USED if row.used_at is not None else StateProblem.EXPIRED
        verifier = None if row.verifier is None else self._vault.open_text(row.verifier)
        return LoginState(row.session_id, row.workspace_id, row.integration, verifier)

    def unfinished(
        self, session_id: str, workspace_id: str, now: datetime
    ) -> Mapping[str, datetime]:
        """
        Return when this browser last left for a provider without bringing its answer back.

        Returns:
            By integration; without those whose answer came later, by another attempt, and
            those whose answer would no longer be accepted.
        """
        waiting = login_states.c.used_at.is_(None) & (login_states.c.expires_at > now)
        begun = func.max(case((waiting, login_states.c.created_at)))
        answered = func.max(login_states.c.used_at)
        query = (
            select(login_states.c.integration, begun.label("begun"))
            .where(
                login_states.c.session_id == session_id,
                login_states.c.workspace_id == workspace_id,
            )
            .group_by(login_states.c.integration)
            .having(begun.is_not(None), answered.is_(None) | (answered < begun))
        )
        with self._database.reading() as transaction:
            return {row.integration: row.begun for row in transaction.execute(query)}

    def add_grant(self, grant: PendingGrant, *, now: datetime, expires_at: datetime) -> None:
        """Store a new grant before its access token is used for anything."""
        sealed = self._vault.seal_tokens(grant.tokens, owner=grant.grant_id)
        with self._database.writing() as transaction:
            transaction.execute(
                insert(pending_grants).values(
                    grant_id=grant.grant_id,
                    session_id=grant.session_id,
                    workspace_id=grant.workspace_id,
                    integration=grant.integration,
                    tokens=sealed,
                    tenants=None,
                    created_at=now,
                    expires_at=expires_at,
                )
            )

    def offer_tenants(self, grant_id: str, tenants: Sequence[Tenant]) -> None:
        """Note the organisations that a person may choose from."""
        listed = json.dumps([[item.id, item.name, item.connection_id] for item in tenants])
        with self._database.writing() as transaction:
            transaction.execute(
                update(pending_grants)
                .where(pending_grants.c.grant_id == grant_id)
                .values(tenants=listed)
            )

    def grant(self, grant_id: str, *, session_id: str, now: datetime) -> PendingGrant | None:
        """Return a grant that waits for its tenant, to the session that brought it."""
        query = select(pending_grants).where(
            pending_grants.c.grant_id == grant_id,
            pending_grants.c.session_id == session_id,
            pending_grants.c.expires_at > now,
        )
        with self._database.reading() as transaction:
            row = transaction.execute(query).one_or_none()
        if row is None:
            return None
        return PendingGrant(
            grant_id=row.grant_id,
            session_id=row.session_id,
            workspace_id=row.workspace_id,
            integration=row.integration,
            tokens=self._vault.open_tokens(row.tokens, owner=row.grant_id),
            tenants=tuple(Tenant(*item) for item in json.loads(row.tenants or "[]")),
        )

    def drop_grant(self, grant_id: str) -> None:
        with self._database.writing() as transaction:
            take_grant(transaction, grant_id)

    def forget_old(self, *, now: datetime) -> None:
        """Forget what expired; used states are kept as long, to tell a replay from a forgery."""
        with self._database.writing() as transaction:
            for table in (login_states, pending_grants):
                transaction.execute(delete(table).where(table.c.expires_at <= now))


def take_grant(transaction: Connection, grant_id: str) -> bool:
    """Delete a pending grant; False if somebody has done so before."""
    statement = delete(pending_grants).where(pending_grants.c.grant_id == grant_id)
    return transaction.execute(statement).rowcount == 1


def _hash(state: str) -> str:
    return sha256(state.encode()).hexdigest()
