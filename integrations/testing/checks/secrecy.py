"""Checks that nothing leaves: no secret and personal datum in texts, no call to other hosts."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from integrations.contracts import NewGrant, OutboundRequest, Tenant, TokenSet
from integrations.runtime.http import HttpSession
from integrations.testing.bench import Bench
from integrations.testing.environment import CLIENT_SECRET
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import HeldAccess
from integrations.testing.guard import only_hosts_of
from integrations.testing.person import Connected
from integrations.testing.truth import needless_texts, payroll_of

_SHORTEST = 6
_FAULTS = (
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 403},
    {"kind": "status", "status": 422},
    {"kind": "status", "status": 500},
    {"kind": "minute_limit"},
    {"kind": "html"},
    {"kind": "truncated"},
)


def check_no_host_is_called_that_is_not_declared(bench: Bench) -> None:
    """Connecting, refreshing, fetching and disconnecting reach the declared addresses only."""
    bench.fresh()
    connected = bench.connect()
    declared = (bench.endpoints.root, bench.service.url)
    with only_hosts_of(declared) as refused:
        found = bench.attempt(connected)
        tenants = _tenants_again(bench, connected)
    expect(
        not refused,
        expected="calls to the declared API only",
        found=f"calls to {', '.join(refused)}",
        why="the customer's tokens and figures must go nowhere that nobody has agreed to",
    )
    for what, outcome in (("a fetch", found), ("find_tenants", tenants)):
        expect(
            not isinstance(outcome, Exception),
            expected=f"{what} to succeed without other hosts",
            found=shown(outcome) if isinstance(outcome, Exception) else "",
            why="what depends on an undeclared host fails where it is not reachable",
        )
    for step, request in _requests(bench):
        url = urlsplit(request.url)
        expect(
            request.url.startswith(f"{bench.endpoints.root}/"),
            expected=f"{step} to go to the addresses that are set, behind {bench.endpoints.root}",
            found=f"a request to {url.scheme}://{url.netloc}{url.path}",
            why="secrets would go to another host, and no other environment could be set",
        )


def check_no_secret_and_no_personal_datum_in_logs_errors_and_figures(bench: Bench) -> None:
    """Logs from DEBUG on, prints, errors with their causes, reprs, the service's log."""
    bench.fresh()
    connected = bench.connect()
    found = bench.attempt(connected)
    for fault in _FAULTS:
        bench.control.fault(**fault, path=_first_path(bench), times=None)
        bench.attempt(connected)
        bench.control.clear_faults()
    bench.control.revoke_grants()
    bench.attempt(connected)
    needless = needless_texts(bench.control)
    said = "\n".join(
        (
            bench.recorder.text,
            *bench.api.told,
            bench.service.log.read_text(errors="replace"),
            *_reprs(bench, connected),
        )
    )
    secrets = (*bench.secrets(), CLIENT_SECRET)
    _expect_none(secrets, said, "a token, code or client secret", "logs, errors or reprs")
    _expect_none(needless, said, "personal data", "logs, errors or reprs")
    _expect_none(_private(bench), said, "a person's name or pay", "logs, errors or reprs")
    if not isinstance(found, Exception):
        _expect_none(secrets, found.text, "a token, code or client secret", "figures")
        _expect_none(needless, found.text, "personal data that nobody needs", "figures")


def _expect_none(texts: Iterable[str], haystack: str, what: str, where: str) -> None:
    leaked = [text for text in texts if len(text) >= _SHORTEST and _occurs(text, haystack)]
    expect(
        not leaked,
        expected=f"no {what.removeprefix('a ')} in {where}",
        found=f"{len(leaked)}, for instance around: {_around(leaked, haystack)}",
        why="logs are read by many people and kept for years",
    )


def _occurs(text: str, haystack: str) -> bool:
    return text in haystack and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", haystack) is not None


def _around(leaked: list[str], haystack: str) -> str:
    if not leaked:
        return ""
    place = haystack.index(leaked[0])
    return repr(f"{haystack[max(0, place - 60) : place]}***")


def _private(bench: Bench) -> Iterator[str]:
    if bench.plugin.api_type != "payroll":
        return
    truth = payroll_of(bench.control, bench.tenants()[0].id, bench.from_date, bench.today)
    for name, spells in truth.people.values():
        yield name
        for spell in spells:
            yield f"{spell.monthly_salary:.2f}"


def _reprs(bench: Bench, connected: Connected) -> Iterator[str]:
    plugin = bench.plugin
    yield repr(plugin)
    yield repr(plugin.oauth)
    yield repr(bench.endpoints.app(plugin))
    for _step, request in _requests(bench):
        yield repr(request)

    async def of_adapter(session: HttpSession) -> str:
        client = bench.client(session, connected)
        return f"{bench.adapter(connected, client)!r} {client!r}"

    yield bench.run(of_adapter)


def _first_path(bench: Bench) -> str:
    for call in reversed(bench.control.calls()):
        if call["path"] != bench.endpoints.token_path:
            return call["path"]
    return ""


def _tokens(bench: Bench) -> TokenSet:
    issued = bench.control.issued("access_token"), bench.control.issued("refresh_token")
    access, refresh = (values[-1] if values else "token" for values in issued)
    return TokenSet(
        access_token=SecretStr(access),
        refresh_token=SecretStr(refresh),
        expires_at=datetime.now(UTC),
        lifetime_s=60,
    )


def _requests(bench: Bench) -> Iterator[tuple[str, OutboundRequest]]:
    """Yield what each step of the plugin's OAuth wants sent."""
    oauth, app, tokens = bench.plugin.oauth, bench.endpoints.app(bench.plugin), _tokens(bench)
    redirect_uri = f"{bench.service.url}/integration/{bench.plugin.slug}/callback"
    yield (
        "the code exchange",
        oauth.oauth_callback(
            app, code="code-of-nobody", redirect_uri=redirect_uri, code_verifier=None
        ),
    )
    if tokens.refresh_token is not None:
        yield (
            "a refresh",
            oauth.refresh_request(
                app, refresh_token=tokens.refresh_token, redirect_uri=redirect_uri
            ),
        )
    tenant = bench.tenants()[0]
    named = Tenant(tenant.id, tenant.name, connection_id="any")
    for request in oauth.disconnect_requests(app, tokens, named):
        yield "a disconnection", request


def _tenants_again(bench: Bench, connected: Connected) -> object:
    """Look for a grant's tenants in this process, where calls are watched."""
    access = bench.access(connected).model_copy(update={"tenant_id": "", "tenant_name": ""})
    tokens = _tokens(bench).model_copy(update={"access_token": access.access_token})

    async def work(session: HttpSession) -> object:
        client = session.bind(
            bench.plugin,
            tokens=HeldAccess(access),
            access=access,
            base_url=bench.endpoints.api_base_url,
        )
        return await bench.plugin.oauth.find_tenants(client, NewGrant(tokens, connected.callback))

    try:
        return bench.run(work)
    except Exception as exc:  # noqa: BLE001 -- the check judges it
        return exc


CHECKS = (
    check_no_host_is_called_that_is_not_declared,
    check_no_secret_and_no_personal_datum_in_logs_errors_and_figures,
)
