"""What a sandbox tells of itself, for checks of plugins."""

import pytest
from support.sandbox import LIKE_GUSTO, TENANTS, demo_app

from integrations.gusto.sandbox import ACME, build_sandbox, company_uuid
from integrations.sandbox_kit import SandboxControl, sandbox_app, serve_in_thread


def test_issued_tokens_are_told_by_kind_and_outlive_a_reset() -> None:
    with demo_app(LIKE_GUSTO) as app:
        first = app.connect("org-1")
        second = app.refresh(first["refresh_token"]).json()
        app.control.reset()

        assert app.control.issued("refresh_token") == [
            first["refresh_token"],
            second["refresh_token"],
        ]
        assert set(app.control.issued()) == {
            answer[kind] for answer in (first, second) for kind in ("access_token", "refresh_token")
        }


def test_tenants_are_told_without_those_that_vanished() -> None:
    with demo_app(LIKE_GUSTO) as app:
        assert app.control.tenants() == list(TENANTS)

        app.control.vanish_tenant("org-1")

        assert [tenant.id for tenant in app.control.tenants()] == ["org-2"]


def test_payroll_truth_wants_a_company_days_and_pages_of_a_row_at_least() -> None:
    with serve_in_thread(sandbox_app({"gusto": build_sandbox})) as url:
        control = SandboxControl(f"{url}/gusto")
        with pytest.raises(RuntimeError, match="tenant_id: expected one of"):
            control.get("payroll", tenant_id="nobody")
        with pytest.raises(RuntimeError, match="from, to: Invalid isoformat"):
            control.get("payroll", tenant_id=company_uuid(ACME), **{"from": "January"})
        with pytest.raises(RuntimeError, match="rows: expected 1 or more"):
            control.post("page_size", rows=0)
