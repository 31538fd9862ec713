"""Keys of the metadata that Dagster shows; `docs/how_it_works.md` explains each."""

ROW_COUNT = "dagster/row_count"
DATA_VERSION = "dagster/data_version"

# What happened to a workspace.
STATUS = "zebbra/status"
REASON = "zebbra/reason"
CONNECT = "zebbra/connect"
COME_BACK_AT = "zebbra/come_back_at"
WHAT_TO_DO = "zebbra/what_to_do"
CONNECTION = "zebbra/connection"
TENANT = "zebbra/tenant"
REPORT = "zebbra/report"
PUT_OFF = "put off"
"""The status of a workspace that waits for the reset of a day limit."""

# What a run shows of all its workspaces when it fails.
WHAT_HAPPENED = "what happened"
CONNECT_LINKS = "zebbra/connect_links"
FAILED = "zebbra/failed"

# What landed.
CHART = "zebbra/chart"
TOTALS_BY_MONTH = "zebbra/totals_by_month"
PEOPLE_BY_MONTH = "zebbra/people_by_month"
COST_BY_MONTH = "zebbra/cost_by_month"
CURRENCY = "zebbra/currency"
BASIS = "zebbra/basis"
FROM_MONTH = "zebbra/from_month"
TO_MONTH = "zebbra/to_month"
MONTHS = "zebbra/months"
ACCOUNTS = "zebbra/accounts"
PEOPLE = "zebbra/people"
CHANGED = "zebbra/changed"
RESTATED_FIGURES = "zebbra/restated_figures"
LOCK_DATE = "zebbra/lock_date"
BATCH_ID = "zebbra/batch_id"

# What the fetch used.
API_CALLS = "zebbra/api_calls"
CALLS_LEFT_MINUTE = "zebbra/calls_left_minute"
CALLS_LEFT_DAY = "zebbra/calls_left_day"
SECONDS = "zebbra/seconds"

# What was merged.
MODELS = "zebbra/models"
DOCUMENTS_SHA256 = "zebbra/documents_sha256"
FIGURES_SHA256 = "zebbra/figures_sha256"
ROWS_UNRESOLVED = "zebbra/rows_unresolved"
ROWS_BY_STATUS = "zebbra/rows_by_status"
NOTES = "zebbra/notes"

# What the checks found.
FETCHED_AT = "zebbra/fetched_at"
AGE_DAYS = "zebbra/age_days"
MISSING_MONTHS = "zebbra/missing_months"
LACKING_MONTHS = "zebbra/lacking_months"
COMPARED = "zebbra/compared"
UNPROVEN = "zebbra/unproven"
TOKEN_AGE_DAYS = "zebbra/token_age_days"  # noqa: S105 -- a key of metadata
IDLE_DAYS_LEFT = "zebbra/idle_days_left"
WORKSPACES = "zebbra/workspaces"
STALE_AFTER_DAYS = "zebbra/stale_after_days"
STALE_WORKSPACES = "zebbra/stale_workspaces"

# What an asset is.
API_TYPE = "zebbra/api_type"
PROVIDER = "zebbra/provider"
