"""
The result of one workspace in a run.

`ingest` and `merge` return outcomes; `orchestration` turns them into Dagster events, and the
commands into lines of text.

Landed         figures were fetched and stored
NotConnected   nothing to fetch; what landed earlier is kept
Merged         the model documents were filled
Failed         the workspace failed; the others of the run continue
└── Deferred   a provider's day limit is used up; retry after it resets
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from integrations.contracts import (
    AccessDeniedError,
    ConfigurationError,
    DataBatch,
    DayLimitError,
    Employee,
    PayloadError,
    PayrollCost,
    ProviderUnavailableError,
    ReconnectRequiredError,
    RequestRefusedError,
    Statement,
    Tenant,
)
from integrations.contracts.display import printable
from zebbra_pipeline.figures import MergedModel

_WHAT_TO_DO: tuple[tuple[type[Exception], str], ...] = (
    (DayLimitError, "wait for the quota to reset"),
    (ProviderUnavailableError, "run it again later"),
    (ReconnectRequiredError, "a person must connect again"),
    (ConfigurationError, "the operator must change a setting"),
    (AccessDeniedError, "a person needs a permission at the provider"),
    (RequestRefusedError, "the integration needs a correction; no retry will help"),
    (PayloadError, "the integration needs a correction; no retry will help"),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """
    The source of a workspace's figures, and the quota that the fetch used.

    Attributes:
        slug: The integration.
        fetched_at: Timezone-aware.
        api_calls: Requests that the fetch made.
        minute_calls_left: Calls left within the provider's minute limit; None if unknown.
        day_calls_left: Calls left within its day limit; None if unknown.
        seconds: Duration of the fetch.
    """

    workspace_id: str
    slug: str
    tenant: Tenant
    fetched_at: datetime
    api_calls: int
    minute_calls_left: int | None
    day_calls_left: int | None
    seconds: float

    @property
    def summary(self) -> str:
        """One line of text, without figures."""
        return f"{self.tenant.name}, {self.api_calls} calls, {self.seconds} s"


@dataclass(frozen=True, slots=True)
class LandedStatement:
    """
    One landed statement.

    Attributes:
        batch: The fetch that it is part of.
        rows: Stored rows of the covered months.
        restated: Figures of accounts, of the whole batch, that differ from an earlier landing.
        changed: Whether any stored figure, name or mark of the batch has changed.
        batch_id: The landed batch.
    """

    statement: Statement
    batch: DataBatch = field(repr=False)
    rows: int
    restated: int
    changed: bool
    batch_id: str


@dataclass(frozen=True, slots=True)
class LandedEmployees:
    """
    The landed employees of a company.

    Attributes:
        since: First month end of the fetched history.
        rows: Job spells stored.
    """

    people: tuple[Employee, ...] = field(repr=False)
    since: date
    rows: int
    changed: bool
    batch_id: str


@dataclass(frozen=True, slots=True)
class LandedPayrollCosts:
    """
    The landed payroll cost of a company by month.

    Attributes:
        people: The company's employees, to count how many share a cost; empty if not fetched.
        rows: Months stored.
    """

    costs: tuple[PayrollCost, ...] = field(repr=False)
    people: tuple[Employee, ...] = field(repr=False)
    rows: int
    changed: bool
    batch_id: str


LandedAsset = LandedStatement | LandedEmployees | LandedPayrollCosts


@dataclass(frozen=True, slots=True)
class Landed:
    """
    A workspace with figures that were fetched and stored.

    Attributes:
        assets: By asset name, e.g. `profit_and_loss`.
        summary: One line of text, without figures.
    """

    origin: Origin
    assets: Mapping[str, LandedAsset]
    summary: str

    @property
    def workspace_id(self) -> str:
        """The customer."""
        return self.origin.workspace_id

    @property
    def has_changed(self) -> bool:
        """Whether the landing changed any stored figure, name or provisional mark."""
        return any(item.changed for item in self.assets.values())


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What the warehouse has of one asset of a workspace that has disconnected.

    Attributes:
        batch_id: The newest batch of the asset.
        rows: Rows of all its months; for employees, job spells.
    """

    batch_id: str
    rows: int


@dataclass(frozen=True, slots=True)
class NotConnected:
    """
    A workspace that has not connected the integration, or has disconnected it.

    Attributes:
        kept: What landed while it was connected, by asset name. Empty if nothing did.
    """

    workspace_id: str
    kept: Mapping[str, Kept]

    @property
    def summary(self) -> str:
        """One line of text, without figures."""
        return "disconnected, its figures are kept" if self.kept else "not connected"


@dataclass(frozen=True, slots=True)
class Merged:
    """
    A workspace with models that were merged and stored.

    Attributes:
        models: One per model document.
        documents_sha256: Fingerprint of the documents, taken before they were read.
        figures_sha256: Fingerprint of the landed figures that they were filled from.
    """

    workspace_id: str
    models: tuple[MergedModel, ...] = field(repr=False)
    documents_sha256: str
    figures_sha256: str

    @property
    def summary(self) -> str:
        """One line of text, without figures."""
        return f"{len(self.models)} models, {sum(len(model.rows) for model in self.models)} rows"


@dataclass(frozen=True, slots=True)
class Failed:
    """A workspace that failed; the others of the run continue."""

    workspace_id: str
    error: Exception

    @property
    def reason(self) -> str:
        """One line that says what happened."""
        text = " ".join(str(self.error).split())
        return printable(text) or type(self.error).__name__

    @property
    def what_to_do(self) -> str:
        """What to do, and by whom, before a retry can work; empty if the reason says it."""
        for kind, text in _WHAT_TO_DO:
            if isinstance(self.error, kind):
                return text
        return ""

    @property
    def connect_url(self) -> str | None:
        """Link to the connect page, if connecting again resolves the failure."""
        if isinstance(self.error, ReconnectRequiredError):
            return self.error.connect_url
        return None


@dataclass(frozen=True, slots=True)
class Deferred(Failed):
    """
    A workspace that hit a provider's day limit; it is retried after the limit resets.

    Attributes:
        until: When the used-up quota resets, in UTC.
    """

    until: datetime


Finished = Landed | NotConnected | Merged
"""Outcomes of workspaces that did not fail."""

Outcome = Landed | NotConnected | Merged | Failed


def failed(workspace_id: str, error: Exception) -> Failed:
    """Return the outcome of an error: `Deferred` for a used-up day limit, else `Failed`."""
    if isinstance(error, DayLimitError):
        return Deferred(workspace_id, error, error.come_back_at.astimezone(UTC))
    return Failed(workspace_id, error)


def by_reason(failures: Iterable[Failed]) -> dict[str, list[Failed]]:
    """Group failures that have the same reason, the most frequent reason first."""
    groups: dict[str, list[Failed]] = {}
    for item in failures:
        groups.setdefault(item.reason, []).append(item)
    return dict(sorted(groups.items(), key=lambda entry: -len(entry[1])))


def named(workspace_ids: Iterable[str], *, most: int = 20) -> str:
    """Return the ids for a sentence: the first *most*, and the number of the others."""
    ids = list(workspace_ids)
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
