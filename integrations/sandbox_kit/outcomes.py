"""What a request for tokens, or with one, can come to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from integrations.sandbox_kit.grants import Grant


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
