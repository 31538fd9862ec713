"""Check that no secret and no personal datum gets into texts that people read."""

import re
from collections.abc import Iterable, Iterator

from integrations.runtime.http import HttpSession
from integrations.testing.bench import Bench
from integrations.testing.checks.steps import Steps, take_oauth_steps
from integrations.testing.environment import CLIENT_SECRET, app_of
from integrations.testing.expectations import expect
from integrations.testing.person import Connected
from integrations.testing.service import SERVICE_KEY
from integrations.testing.truth import needless_texts, payroll_of

_SHORTEST = 6
_BEFORE = 60
_FAULTS = (
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 403},
    {"kind": "status", "status": 422},
    {"kind": "status", "status": 500},
    {"kind": "minute_limit"},
    {"kind": "html"},
    {"kind": "truncated"},
)


def check_no_secret_and_no_personal_datum_in_logs_errors_and_figures(bench: Bench) -> None:
    """Logs from DEBUG on, prints, errors with their causes, reprs, the service's log."""
    bench.fresh()
    connected = bench.connect()
    steps = take_oauth_steps(bench, connected)
    bench.control.clear_calls()
    found = bench.attempt(connected)
    path = _first_path(bench)
    for fault in _FAULTS:
        bench.control.fault(**fault, path=path, times=None)
        bench.attempt(connected)
        bench.control.clear_faults()
    bench.control.revoke_grants()
    bench.attempt(connected)
    said = "\n".join(
        (
            bench.recorder.text,
            *bench.api.errors,
            bench.service.log.read_text(errors="replace"),
            *_reprs(bench, connected, steps),
        )
    )
    secrets = (*bench.secrets(), CLIENT_SECRET, SERVICE_KEY)
    needless = needless_texts(bench.control)
    _expect_none(secrets, said, "token, code or client secret", "logs, errors or reprs")
    _expect_none(needless, said, "personal data", "logs, errors or reprs")
    _expect_none(_private(bench), said, "person's name or pay", "logs, errors or reprs")
    if not isinstance(found, Exception):
        _expect_none(secrets, found.text, "token, code or client secret", "figures")
        _expect_none(needless, found.text, "personal data that nobody needs", "figures")


def _expect_none(texts: Iterable[str], haystack: str, what: str, where: str) -> None:
    leaked = [text for text in texts if len(text) >= _SHORTEST and _occurs(text, haystack)]
    expect(
        not leaked,
        expected=f"no {what} in {where}",
        found=f"{len(leaked)}, the first after {_before(leaked, haystack)}",
        why="logs are read by many people and kept for years, figures by many more",
    )


def _occurs(text: str, haystack: str) -> bool:
    return text in haystack and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", haystack) is not None


def _before(leaked: list[str], haystack: str) -> str:
    place = haystack.index(leaked[0]) if leaked else 0
    return repr(haystack[max(0, place - _BEFORE) : place])


def _private(bench: Bench) -> Iterator[str]:
    """Yield names and pay of everybody in a payroll sandbox."""
    if bench.plugin.api_type != "payroll":
        return
    for tenant in bench.tenants():
        truth = payroll_of(bench.control, tenant.id, bench.from_date, bench.today)
        for name, spells in truth.people.values():
            yield name
            for spell in spells:
                yield f"{spell.monthly_salary:.2f}"


def _reprs(bench: Bench, connected: Connected, steps: Steps) -> Iterator[str]:
    plugin = bench.plugin
    yield f"{plugin!r} {plugin.oauth!r} {app_of(plugin, bench.addresses)!r} {steps.requests!r}"

    async def of_adapter(session: HttpSession) -> str:
        client = bench.client(session, connected)
        return f"{bench.adapter(connected, client)!r} {client!r}"

    yield bench.run(of_adapter)


def _first_path(bench: Bench) -> str:
    """Return the path of a fetch's first request."""
    paths = (call["path"] for call in bench.control.calls())
    return next((path for path in paths if path != bench.addresses.token_path), "")


CHECKS = (check_no_secret_and_no_personal_datum_in_logs_errors_and_figures,)
