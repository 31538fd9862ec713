"""Checks of connections that end, and of grants that cover less than was asked for."""

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
from integrations.testing.bench import Bench
from integrations.testing.environment import app_of
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import Fetched, HeldAccess, fetch_all
from integrations.testing.person import Connected

_BAD_REQUEST, _CONFLICT = 400, 409


def check_fewer_scopes_than_asked_are_an_error_and_never_fewer_figures(bench: Bench) -> None:
    """Without any one scope, connecting or fetching says so, or nothing is missing."""
    bench.fresh()
    whole = bench.reference()
    scopes = bench.plugin.oauth.scopes
    for left_out in scopes:
        granted = [scope for scope in scopes if scope != left_out]
        if not granted:
            continue
        person, tenant = bench.person(), bench.tenants()[0]
        redirect = person.allow(person.login(), tenant, scopes=" ".join(granted))
        page = person.deliver(redirect, tenant)
        heading = Page(page.text).heading
        connected = Connected(person.workspace_id, tenant, {})
        if bench.state(connected) != "connected":
            expect(
                page.status_code >= _BAD_REQUEST and bool(heading),
                expected=f"a page that says what is wrong without the scope {left_out}",
                found=f"status {page.status_code}: {heading or 'no heading'}",
                why="the person believes that the organisation is connected",
            )
            continue
        _expect_denied_or_whole(bench.attempt(connected), whole, left_out)


def check_revoked_grant_asks_for_a_person_and_is_not_asked_again(bench: Bench) -> None:
    """A fetch ends with ReconnectRequiredError, the API says 409 with a link, all is well after."""
    bench.fresh()
    person, tenant = bench.person(), bench.tenants()[0]
    connected = person.connect(tenant)
    bench.control.revoke_grants(tenant.id)
    found = bench.attempt(connected)
    expect(
        isinstance(found, ReconnectRequiredError),
        expected="ReconnectRequiredError when the grant was revoked at the provider",
        found=shown(found) if isinstance(found, Exception) else "figures",
        why="only this class makes a person connect again; anything else is retried for ever, or "
        "lands figures that nobody has",
    )
    bench.control.clear_calls()
    answer = bench.api.token(connected.workspace_id, bench.plugin.slug)
    link = getattr(answer.result, "connect_url", None) or ""
    expect(
        answer.status == _CONFLICT and link.startswith(bench.service.url),
        expected="the token API to answer 409 with a connect link to hand on",
        found=f"status {answer.status}, connect_url {'given' if link else 'missing'}",
        why="whoever reads the failed run must know where to send the customer",
    )
    expect(
        bench.token_calls() == 0,
        expected="no further request to the token endpoint for a dead grant",
        found=f"{bench.token_calls()} requests",
        why="providers throttle apps that keep sending dead tokens",
    )
    person.connect(tenant)
    again = bench.attempt(connected)
    expect(
        isinstance(again, Fetched),
        expected="figures again after the person has connected again",
        found=shown(again) if isinstance(again, Exception) else "",
        why="a dead grant must not need an operator to be replaced",
    )


def check_disconnecting_ends_this_connection_at_the_provider_and_no_other(bench: Bench) -> None:
    """The provider is told; another workspace of the same provider goes on working."""
    bench.fresh()
    person = bench.person()
    connected, other = person.connect(bench.tenants()[0]), bench.connect(bench.tenants()[-1])
    access = bench.access(connected)
    page = person.disconnect()
    state = bench.state(connected)
    expect(
        state == "disconnected",
        expected="Disconnect to end the connection",
        found=f"status {page.status_code}: {Page(page.text).heading}; the connection is {state}",
        why="a person who wants to end access cannot",
    )
    after = _outcome_with(bench, connected, access)
    expect(
        isinstance(after, Exception) or not _tells_the_provider(bench, access),
        expected="the provider to refuse the old token after the disconnection",
        found="figures, as before",
        why="the provider did not understand what it was told, so our access goes on",
    )
    elsewhere = bench.attempt(other)
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
            why="only this class tells people to grant more; others are retried, or blame us",
        )
        return
    expect(
        found.figures == whole.figures,
        expected=f"AccessDeniedError, or the same figures, when the scope {left_out} was not granted",
        found="no figures" if found.is_empty else "other figures",
        why="what may not be read would be landed as if it were not there, or zero",
    )


def _outcome_with(
    bench: Bench, connected: Connected, access: IntegrationAccess
) -> Fetched | Exception:
    async def work(session: HttpSession) -> Fetched:
        client = session.bind(
            bench.plugin,
            tokens=HeldAccess(access),
            access=access,
            base_url=bench.addresses.api_base_url,
        )
        return await fetch_all(bench.adapter(connected, client), bench.from_date)

    try:
        found: Fetched = bench.run(work)
    except Exception as exc:  # noqa: BLE001 -- the check judges it
        return exc
    return found


def _tells_the_provider(bench: Bench, access: IntegrationAccess) -> bool:
    """Return whether the plugin sends anything to end a connection."""
    tokens = TokenSet(
        access_token=access.access_token,
        refresh_token=SecretStr("any"),
        expires_at=datetime.now(UTC),
        lifetime_s=60,
    )
    tenant = Tenant(access.tenant_id, access.tenant_name)
    app = app_of(bench.plugin, bench.addresses)
    return bool(bench.plugin.oauth.disconnect_requests(app, tokens, tenant))


CHECKS = (
    check_fewer_scopes_than_asked_are_an_error_and_never_fewer_figures,
    check_revoked_grant_asks_for_a_person_and_is_not_asked_again,
    check_disconnecting_ends_this_connection_at_the_provider_and_no_other,
)
