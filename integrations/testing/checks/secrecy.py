"""Check that no secret and no personal datum appears in logs, errors, reprs or figures."""

import re
from collections.abc import Iterable, Iterator

from integrations.runtime.http import HttpSession
from integrations.testing.checks.steps import Steps, take_oauth_steps
from integrations.testing.customer import Connected
from integrations.testing.environment import CLIENT_SECRET, app_of
from integrations.testing.expectations import expect
from integrations.testing.harness import Harness
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


def check_no_secret_and_no_personal_datum_in_logs_errors_and_figures(harness: Harness) -> None:
    """Logs from DEBUG on, prints, errors with their causes, reprs, the service's log."""
    harness.fresh()
    connected = harness.connect()
    steps = take_oauth_steps(harness, connected)
    harness.control.clear_calls()
    found = harness.attempt(connected)
    path = _first_path(harness)
    for fault in _FAULTS:
        harness.control.fault(**fault, path=path, times=None)
        harness.attempt(connected)
        harness.control.clear_faults()
    harness.control.revoke_grants()
    harness.attempt(connected)
    said = "\n".join(
        (
            harness.recorder.text,
            *harness.api.errors,
            harness.service.log.read_text(errors="replace"),
            *_reprs(harness, connected, steps),
        )
    )
    secrets = (*harness.secrets(), CLIENT_SECRET, SERVICE_KEY)
    needless = needless_texts(harness.control)
    _expect_none(secrets, said, "token, code or client secret", "logs, errors or reprs")
    _expect_none(needless, said, "personal data", "logs, errors or reprs")
    _expect_none(_private(harness), said, "person's name or pay", "logs, errors or reprs")
    if not isinstance(found, Exception):
        _expect_none(secrets, found.text, "token, code or client secret", "figures")
        _expect_none(needless, found.text, "personal data that is not needed", "figures")


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


def _private(harness: Harness) -> Iterator[str]:
    """Yield names and pay of all people in a payroll sandbox."""
    if harness.plugin.api_type != "payroll":
        return
    for tenant in harness.tenants():
        truth = payroll_of(harness.control, tenant.id, harness.from_date, harness.today)
        for name, spells in truth.people.values():
            yield name
            for spell in spells:
                yield f"{spell.monthly_salary:.2f}"


def _reprs(harness: Harness, connected: Connected, steps: Steps) -> Iterator[str]:
    plugin = harness.plugin
    yield f"{plugin!r} {plugin.oauth!r} {app_of(plugin, harness.addresses)!r} {steps.requests!r}"

    async def of_adapter(session: HttpSession) -> str:
        client = harness.client(session, connected)
        return f"{harness.adapter(connected, client)!r} {client!r}"

    yield harness.run(of_adapter)


def _first_path(harness: Harness) -> str:
    """Return the path of a fetch's first request."""
    paths = (call["path"] for call in harness.control.calls())
    return next((path for path in paths if path != harness.addresses.token_path), "")


CHECKS = (check_no_secret_and_no_personal_datum_in_logs_errors_and_figures,)
