"""Outcomes of workspaces with figures that have landed, made without a fetch."""

from datetime import UTC, datetime

from integrations.contracts import Tenant
from zebbra_pipeline.outcomes import Landed, LandedPayrollCosts, Origin

FETCHED_AT = datetime(2026, 6, 15, 12, tzinfo=UTC)


def an_origin(workspace, slug="xero"):
    return Origin(workspace, slug, Tenant("org-1", "Office"), FETCHED_AT, 2, None, None, 0.1)


def a_landing(workspace, assets):
    """Return a landing of *assets*, each of no rows."""
    landed = LandedPayrollCosts((), (), rows=0, changed=False, batch_id="b1")
    return Landed(an_origin(workspace), dict.fromkeys(assets, landed), "landed")
