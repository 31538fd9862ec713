"""Checks of revoked and disconnected grants, and of grants with fewer scopes than requested."""

from datetime import UTC, datetime

from pydantic import SecretStr

from integrations.contracts import (
    AccessDeniedError,
    IntegrationAccess,
    ReconnectRequiredError,
    Tenant,
    TokenSet,
)
from integrations.runtime.http import HttpSession
from integrations.sandbox_kit.browser import Page
from integrations.testing.customer import Connected
from integrations.testing.environment import app_of
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import Fetched, HeldAccess, fetch_all
from integrations.testing.harness import Harness

_BAD_REQUEST, _CONFLICT = 400, 409


def check_fewer_scopes_than_asked_are_an_error_and_never_fewer_figures(harness: Harness) -> None:
    """Without any one scope, connecting or fetching reports it, or no figure is missing."""
    harness.fresh()
    whole = harness.reference()
    scopes = harness.plugin.oauth.scopes
    for left_out in scopes:
        granted = [scope for scope in scopes if scope != left_out]
        if not granted:
            continue
        customer, tenant = harness.customer(), harness.tenants()[0]
        redirect = customer.allow(customer.login(), tenant, scopes=" ".join(granted))
        page = customer.deliver(redirect, tenant)
        heading = Page(page.text).heading
        connected = Connected(customer.workspace_id, tenant, {})
        if harness.state(connected) != "connected":
            expect(
                page.status_code >= _BAD_REQUEST and bool(heading),
                expected=f"a page that says what is wrong without the scope {left_out}",
                found=f"status {page.status_code}: {heading or 'no heading'}",
                why="the customer believes that the organisation is connected",
            )
            continue
        _expect_denied_or_whole(harness.attempt(connected), whole, left_out)


def check_revoked_grant_asks_for_a_person_and_is_not_asked_again(harness: Harness) -> None:
    """A fetch raises ReconnectRequiredError, the API answers 409 with a link, reconnecting works."""
    harness.fresh()
    customer, tenant = harness.customer(), harness.tenants()[0]
    connected = customer.connect(tenant)
    harness.control.revoke_grants(tenant.id)
    found = harness.attempt(connected)
    expect(
        isinstance(found, ReconnectRequiredError),
        expected="ReconnectRequiredError when the grant was revoked at the provider",
        found=shown(found) if isinstance(found, Exception) else "figures",
        why="only this class asks the customer to reconnect; other errors are retried without "
        "end, or wrong figures are landed",
    )
    harness.control.clear_calls()
    answer = harness.api.token(connected.workspace_id, harness.plugin.slug)
    link = getattr(answer.result, "connect_url", None) or ""
    expect(
        answer.status == _CONFLICT and link.startswith(harness.service.url),
        expected="the token API to answer 409 with a connect link to hand on",
        found=f"status {answer.status}, connect_url {'given' if link else 'missing'}",
        why="the operator who reads the failed run needs the link for the customer",
    )
    expect(
        harness.token_calls() == 0,
        expected="no further request to the token endpoint for a dead grant",
        found=f"{harness.token_calls()} requests",
        why="providers throttle apps that keep sending dead tokens",
    )
    customer.connect(tenant)
    again = harness.attempt(connected)
    expect(
        isinstance(again, Fetched),
        expected="figures again after the customer has reconnected",
        found=shown(again) if isinstance(again, Exception) else "",
        why="a dead grant must not need an operator to be replaced",
    )


def check_disconnecting_ends_this_connection_at_the_provider_and_no_other(harness: Harness) -> None:
    """The grant is revoked at the provider; another workspace of the provider keeps working."""
    harness.fresh()
    customer = harness.customer()
    connected, other = (
        customer.connect(harness.tenants()[0]),
        harness.connect(harness.tenants()[-1]),
    )
    access = harness.access(connected)
    page = customer.disconnect()
    state = harness.state(connected)
    expect(
        state == "disconnected",
        expected="Disconnect to end the connection",
        found=f"status {page.status_code}: {Page(page.text).heading}; the connection is {state}",
        why="a customer who wants to end access cannot",
    )
    after = _outcome_with(harness, connected, access)
    expect(
        isinstance(after, Exception) or not _tells_the_provider(harness, access),
        expected="the provider to refuse the old token after the disconnection",
        found="figures, as before",
        why="the provider did not understand the revocation, so access continues",
    )
    elsewhere = harness.attempt(other)
    expect(
        isinstance(elsewhere, Fetched),
        expected="another workspace's connection to work as before",
        found=shown(elsewhere) if isinstance(elsewhere, Exception) else "",
        why="one customer's Disconnect must not cut another one off",
    )


def _expect_denied_or_whole(found: Fetched | Exception, whole: Fetched, left_out: str) -> None:
    if isinstance(found, Exception):
        expect(
            isinstance(found, AccessDeniedError),
            expected=f"AccessDeniedError when the scope {left_out} was not granted",
            found=shown(found),
            why="only this class asks people to grant more; other errors are retried or blame the plugin",
        )
        return
    expect(
        found.figures == whole.figures,
        expected=f"AccessDeniedError, or the same figures, when the scope {left_out} was not granted",
        found="no figures" if found.is_empty else "other figures",
        why="data that may not be read would be landed as missing or zero",
    )


def _outcome_with(
    harness: Harness, connected: Connected, access: IntegrationAccess
) -> Fetched | Exception:
    async def work(session: HttpSession) -> Fetched:
        client = session.bind(
            harness.plugin,
            tokens=HeldAccess(access),
            access=access,
            base_url=harness.addresses.api_base_url,
        )
        return await fetch_all(harness.adapter(connected, client), harness.from_date)

    try:
        found: Fetched = harness.run(work)
    except Exception as exc:  # noqa: BLE001 -- the check judges it
        return exc
    return found


def _tells_the_provider(harness: Harness, access: IntegrationAccess) -> bool:
    """Return whether the plugin sends anything to end a connection."""
    tokens = TokenSet(
        access_token=access.access_token,
        refresh_token=SecretStr("any"),
        expires_at=datetime.now(UTC),
        lifetime_s=60,
    )
    tenant = Tenant(access.tenant_id, access.tenant_name)
    app = app_of(harness.plugin, harness.addresses)
    return bool(harness.plugin.oauth.disconnect_requests(app, tokens, tenant))


CHECKS = (
    check_fewer_scopes_than_asked_are_an_error_and_never_fewer_figures,
    check_revoked_grant_asks_for_a_person_and_is_not_asked_again,
    check_disconnecting_ends_this_connection_at_the_provider_and_no_other,
)
