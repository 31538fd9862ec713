"""The rows of an emulated provider's OAuth state, and the errors and results of its calls."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal


def digest(token: str) -> str:
    """Return the key under which a token is stored: its hash, never the token."""
    return sha256(token.encode()).hexdigest()


@dataclass(slots=True)
class Grant:
    """
    One consent of one user to one app.

    Tokens come in generations: the code's exchange gives the first, each refresh the next.

    Attributes:
        tenant_ids: Organisations that this consent named.
        scopes: Scopes granted, those of earlier consents included where they add up.
        refreshable: Whether refresh tokens are issued.
        event_id: Id of this consent (Xero: `authentication_event_id`).
        generation: The newest generation of refresh token; 0 before the code's exchange.
        issued_at: When a token pair was last issued.
        value_since: When the refresh token last changed its value.
        spent_at: When the generation before the newest was first spent.
        used_generation: Newest generation of which an access token has been used.
        ended_at: When the grant ended; None while it is alive.
        refresh_value: The newest refresh token, kept only where a refresh may return it again.
    """

    id: str
    client_id: str
    user_id: str
    tenant_ids: list[str]
    scopes: list[str]
    refreshable: bool
    event_id: str
    created_at: datetime
    generation: int = 0
    issued_at: datetime | None = None
    value_since: datetime | None = None
    spent_at: datetime | None = None
    used_generation: int = 0
    ended_at: datetime | None = None
    refresh_value: str | None = field(default=None, repr=False)

    @property
    def alive(self) -> bool:
        """Whether its tokens can still work."""
        return self.ended_at is None


@dataclass(slots=True)
class Connection:
    """
    The fact that an app may see an organisation.

    Attributes:
        event_id: The consent that made or last renewed it.
        grant_id: The grant that made or last renewed it.
    """

    id: str
    tenant_id: str
    client_id: str
    user_id: str
    event_id: str
    grant_id: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Code:
    """An authorization code that waits for its exchange."""

    grant_id: str
    client_id: str
    redirect_uri: str
    challenge: str | None
    expires_at: datetime
    used: bool = False


@dataclass(slots=True)
class AccessToken:
    """An access token, known by its digest."""

    grant_id: str
    generation: int
    expires_at: datetime


@dataclass(slots=True)
class RefreshToken:
    """A refresh token, known by its digest. Several may share a generation."""

    grant_id: str
    generation: int


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
    The access that a bearer token gives.

    Attributes:
        grant: The live grant it belongs to, or None.
        problem: Why there is none.
        expires_at: End of the token's life, where it is known.
    """

    grant: Grant | None
    problem: Literal["missing", "unknown", "expired", "ended"] | None = None
    expires_at: datetime | None = None
