"""The contract between plugins and the applications. It does no I/O and names no provider."""

from integrations.contracts.access import (
    IntegrationAccess,
    NewGrant,
    Tenant,
    TokenSet,
    token_fingerprint,
)
from integrations.contracts.adapter import (
    AccountingFetchAdapter,
    FetchAdapter,
    PayrollFetchAdapter,
)
from integrations.contracts.client import Answer, ProviderClient
from integrations.contracts.connections import Connection, ConnectionList, ConnectionState
from integrations.contracts.errors import (
    AccessDeniedError,
    ConfigurationError,
    DayLimitError,
    IntegrationError,
    NotConnectedError,
    OperatorError,
    PayloadError,
    ProviderUnavailableError,
    ReconnectRequiredError,
    RequestRefusedError,
    TooSlowError,
)
from integrations.contracts.facts import ApiFacts, RateLimits
from integrations.contracts.money import parse_amount
from integrations.contracts.months import (
    add_months,
    month_end,
    month_ends,
    month_start,
    months_back,
)
from integrations.contracts.naming import (
    INTEGRATION_NAME_PATTERN,
    WORKSPACE_ID_PATTERN,
    IntegrationProvider,
    check_workspace_id,
)
from integrations.contracts.oauth import (
    IntegrationOAuth,
    IntegrationSettings,
    OAuthApp,
    OutboundRequest,
    unverified_claims,
)
from integrations.contracts.payroll import PAYROLL_ENDPOINTS, Employee, JobSpell, PayrollCost
from integrations.contracts.plugin import ApiType, IntegrationPlugin
from integrations.contracts.refusals import RefusalReader, RefusedAnswer
from integrations.contracts.statements import (
    ALL_STATEMENTS,
    SECTION_SEPARATOR,
    DataBatch,
    LineKind,
    Statement,
    StatementLine,
    endpoint_names,
    join_lines,
    qualified_name,
)

__all__ = [
    "ALL_STATEMENTS",
    "INTEGRATION_NAME_PATTERN",
    "PAYROLL_ENDPOINTS",
    "SECTION_SEPARATOR",
    "WORKSPACE_ID_PATTERN",
    "AccessDeniedError",
    "AccountingFetchAdapter",
    "Answer",
    "ApiFacts",
    "ApiType",
    "ConfigurationError",
    "Connection",
    "ConnectionList",
    "ConnectionState",
    "DataBatch",
    "DayLimitError",
    "Employee",
    "FetchAdapter",
    "IntegrationAccess",
    "IntegrationError",
    "IntegrationOAuth",
    "IntegrationPlugin",
    "IntegrationProvider",
    "IntegrationSettings",
    "JobSpell",
    "LineKind",
    "NewGrant",
    "NotConnectedError",
    "OAuthApp",
    "OperatorError",
    "OutboundRequest",
    "PayloadError",
    "PayrollCost",
    "PayrollFetchAdapter",
    "ProviderClient",
    "ProviderUnavailableError",
    "RateLimits",
    "ReconnectRequiredError",
    "RefusalReader",
    "RefusedAnswer",
    "RequestRefusedError",
    "Statement",
    "StatementLine",
    "Tenant",
    "TokenSet",
    "TooSlowError",
    "add_months",
    "check_workspace_id",
    "endpoint_names",
    "join_lines",
    "month_end",
    "month_ends",
    "month_start",
    "months_back",
    "parse_amount",
    "qualified_name",
    "token_fingerprint",
    "unverified_claims",
]
