"""What came of one workspace in a run of many."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from integrations.contracts import (
    AccessDeniedError,
    ConfigurationError,
    DayLimitError,
    PayloadError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    RequestRefusedError,
)
from integrations.contracts.display import printable

_WHAT_TO_DO: tuple[tuple[type[Exception], str], ...] = (
    (DayLimitError, "wait for the quota to reset"),
    (ProviderUnavailableError, "run it again later"),
    (ReconnectRequiredError, "a person must connect again"),
    (ConfigurationError, "the operator must change a setting"),
    (AccessDeniedError, "a person needs a permission at the provider"),
    (RequestRefusedError, "the integration needs a correction; no retry will help"),
    (PayloadError, "the integration needs a correction; no retry will help"),
)


class OperatorError(ConfigurationError):
    """A setting or the operator's app is refused: no workspace of the integration can be served."""


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
        return printable(text) or type(self.error).__name__

    @property
    def what_to_do(self) -> str:
        """Who has to do what before it can work; empty where the reason says all."""
        for kind, text in _WHAT_TO_DO:
            if isinstance(self.error, kind):
                return text
        return ""

    @property
    def come_back_at(self) -> datetime | None:
        """When a used-up quota resets, in UTC."""
        if isinstance(self.error, DayLimitError):
            return self.error.come_back_at.astimezone(UTC)
        return None

    @property
    def connect_url(self) -> str | None:
        """Link with which a person can mend it, if that is the way."""
        if isinstance(self.error, ReconnectRequiredError):
            return self.error.connect_url
        return None


Outcome = Done | Failed


def by_reason(failed: Iterable[Failed]) -> dict[str, list[Failed]]:
    """Group failures that have the same reason, the most frequent reason first."""
    groups: dict[str, list[Failed]] = {}
    for item in failed:
        groups.setdefault(item.reason, []).append(item)
    return dict(sorted(groups.items(), key=lambda entry: -len(entry[1])))


def named(workspace_ids: Iterable[str], *, most: int = 20) -> str:
    """Return the ids for a sentence, the first *most* of them by name."""
    ids = list(workspace_ids)
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
