"""What `zebbra doctor` reports of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at.

    Attributes:
        state: `ok`, `look` (works, but somebody should act) or `broken`.
        do: What to do about it; empty where nothing is.
    """

    what: str
    state: str
    found: str
    do: str = ""
