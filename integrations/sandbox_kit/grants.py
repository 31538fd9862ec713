"""Grants, connections and token generations: what an emulated provider remembers."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self


def digest(token: str) -> str:
    """Return the name under which a token is kept: its hash, never the token."""
    return sha256(token.encode()).hexdigest()


@dataclass(slots=True)
class Grant:
    """
    One consent of one person to one app.

    Tokens come in generations: the code's exchange gives the first, each refresh the next.

    Attributes:
        tenant_ids: Organisations that this consent named.
        scopes: Scopes granted, those of earlier consents included where they add up.
        refreshable: Whether refresh tokens are issued.
        event_id: Names this consent (Xero: `authentication_event_id`).
        generation: The newest generation of refresh token; 0 before the code's exchange.
        issued_at: When a token pair was last issued.
        value_since: When the refresh token last changed its value.
        spent_at: When the generation before the newest was first spent.
        used_generation: Newest generation of which an access token has been used.
        ended_at: When the grant died; None while it lives.
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


@dataclass(slots=True)
class GrantState:
    """
    Everything an emulator's OAuth half remembers; turns into JSON and back.

    Attributes:
        vanished: Organisations that no longer exist at the provider.
        signing_key: Hex key of its JWTs.
    """

    signing_key: str = field(repr=False)
    clock_offset_s: float = 0.0
    grants: dict[str, Grant] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)

    @classmethod
    def new(cls) -> Self:
        """Return an empty state with a key of its own."""
        return cls(signing_key=secrets.token_hex(32))

    def clear(self) -> None:
        """Forget everything; tokens of before are unknown from now on."""
        self.signing_key = secrets.token_hex(32)
        self.clock_offset_s = 0.0
        self.vanished.clear()
        for name in _TABLES:
            getattr(self, name).clear()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the state file."""
        return {
            "version": 1,
            "signing_key": self.signing_key,
            "clock_offset_s": self.clock_offset_s,
            "vanished": self.vanished,
            **{
                name: {key: _plain(asdict(row)) for key, row in getattr(self, name).items()}
                for name in _TABLES
            },
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """
        Return the state that `to_json` described.

        Raises:
            ValueError: If *saved* is of another version, or incomplete.
        """
        if saved.get("version") != 1:
            raise ValueError("sandbox state: version: expected 1; delete the file to start anew")
        try:
            tables = {
                name: {key: _row(kind, row) for key, row in saved[name].items()}
                for name, kind in _TABLES.items()
            }
            return cls(
                signing_key=saved["signing_key"],
                clock_offset_s=float(saved["clock_offset_s"]),
                vanished=list(saved["vanished"]),
                **tables,
            )
        except (KeyError, TypeError, AttributeError) as exc:
            raise ValueError("sandbox state: incomplete; delete the file to start anew") from exc

    def forget_stale(self, now: datetime) -> None:
        """Drop what nobody can tell from unknown any more, so that the state stays small."""
        long_ago = now - timedelta(hours=6)
        self.codes = {key: code for key, code in self.codes.items() if code.expires_at > long_ago}
        self.access_tokens = {
            key: token for key, token in self.access_tokens.items() if token.expires_at > long_ago
        }
        self.refresh_tokens = {
            key: token
            for key, token in self.refresh_tokens.items()
            if token.generation >= self.grants[token.grant_id].generation - _GENERATIONS_KEPT
        }


_GENERATIONS_KEPT = 20
_TABLES: dict[str, Any] = {
    "grants": Grant,
    "connections": Connection,
    "codes": Code,
    "access_tokens": AccessToken,
    "refresh_tokens": RefreshToken,
}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _row(kind: Any, saved: Mapping[str, Any]) -> Any:
    times = {item.name for item in fields(kind) if item.type in {datetime, datetime | None}}
    return kind(
        **{
            name: datetime.fromisoformat(value) if name in times and value else value
            for name, value in saved.items()
        }
    )
