"""What came of one workspace in a run of many."""

from dataclasses import dataclass, field
from typing import Any

from integrations.contracts import ReconnectRequiredError


@dataclass(frozen=True, slots=True)
class Done:
    """
    A workspace whose part of the run is finished.

    Attributes:
        metadata: By asset name (`profit_and_loss`, …): plain values to show in Dagster.
        summary: One line for a person, without figures.
    """

    workspace_id: str
    metadata: dict[str, dict[str, Any]] = field(repr=False)
    summary: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A workspace that failed by itself; the others of the run go on."""

    workspace_id: str
    error: Exception

    @property
    def reason(self) -> str:
        """One line that says what happened."""
        text = " ".join(str(self.error).split())
        return text or type(self.error).__name__

    @property
    def connect_url(self) -> str | None:
        """Link with which a person can mend it, if that is the way."""
        if isinstance(self.error, ReconnectRequiredError):
            return self.error.connect_url
        return None


Outcome = Done | Failed
