"""Checks that refreshing keeps the one refresh token: rotation, crashes, races, outages."""

from datetime import timedelta

from pydantic import SecretStr

from integrations.contracts import IntegrationAccess, token_fingerprint
from integrations.runtime.answers import RawAnswer
from integrations.testing.customer import Connected
from integrations.testing.environment import app_of
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import Fetched, Interrupted, run_with_session
from integrations.testing.harness import Harness
from integrations.testing.service import TokenAnswer, ask_from_processes

_OK, _CONFLICT, _UNAVAILABLE = 200, 409, 503
_PROCESSES = 8
_SLOW_S = 0.3
_ROTATES_WITHIN = timedelta(hours=25)
_LONG_WAIT_S = 4


def check_refresh_gives_a_new_token_for_the_same_tenant(harness: Harness) -> None:
    """One request replaces a refused access token, and the fetch continues with the new one."""
    harness.fresh()
    connected = harness.connect()
    old = harness.access(connected)
    harness.control.clear_calls()
    new = _refreshed(harness, connected, "a refused access token to be refreshed")
    expect(
        new.access_token != old.access_token and harness.token_calls() == 1,
        expected="a new access token after one request to the token endpoint",
        found=f"{'another' if new.access_token != old.access_token else 'the same'} token after "
        f"{harness.token_calls()} requests",
        why="every request may spend the refresh token; one too many cuts the customer off",
    )
    expect(
        new.tenant_id == old.tenant_id,
        expected="the tenant that was pinned at connect",
        found="another one",
        why="a refresh must never choose an organisation again",
    )
    _expect_figures(harness, connected, "the refreshed token to fetch the figures")


def check_rotation_is_stored_before_it_is_used(harness: Harness) -> None:
    """After kill -9 the next process has the rotated pair, and can rotate it again."""
    harness.fresh()
    connected = harness.connect()
    _refreshed(harness, connected, "the first refresh to succeed")
    rotated = _refreshed(
        harness, connected, "the rotated refresh token to be used for the next one"
    )
    harness.control.clear_calls()
    harness.service.kill()
    harness.service.start()
    found = harness.access(connected)
    expect(
        found.access_token == rotated.access_token and harness.token_calls() == 0,
        expected="the pair that was handed out before the crash to be there after it",
        found=f"another one, after {harness.token_calls()} requests to the token endpoint",
        why="a token that was used but not stored is lost, and the customer must connect again",
    )
    _refreshed(harness, connected, "the stored refresh token to work after the crash")
    _expect_figures(harness, connected, "figures after the crash")


def check_spent_token_that_comes_again_is_refused_after_the_declared_grace(
    harness: Harness,
) -> None:
    """The declared `replay_grace` matches the provider, and a replay ends in a clear state."""
    harness.fresh()
    connected = harness.connect()
    first = harness.control.issued("refresh_token")[-1]
    if not _rotate(harness, connected, first):
        return  # this provider keeps one refresh token
    grace = harness.plugin.oauth.replay_grace
    if grace is None:
        _expect_figures(harness, connected, "figures with the new access token")
        over = "once the new access token has been used"
    else:
        harness.control.advance_clock(grace.total_seconds() + 1)
        over = f"after {grace}"
    replayed = _replay(harness, first)
    error = _error_of(replayed)
    expect(
        replayed.status != _OK and error == "invalid_grant",
        expected=f"invalid_grant for a spent refresh token {over}: the grace that is declared",
        found=f"status {replayed.status}, error {error!r}",
        why="a declared grace that is not the provider's makes a lost answer cost the connection, "
        "or hides that the sandbox does not rotate as the provider does",
    )
    answer = _ask_again(harness, connected)
    expect(
        answer.status in {_OK, _CONFLICT},
        expected="a token, or 409 'requires_reconnect', after the replay",
        found=f"status {answer.status}",
        why="callers must be able to distinguish a dead grant from a provider that is down",
    )


def check_lost_answer_is_recovered_inside_the_declared_grace(harness: Harness) -> None:
    """The provider rotates the token, its answer is lost, and the connection survives."""
    harness.fresh()
    connected = harness.connect()
    _refreshed(harness, connected, "the first refresh to succeed")
    harness.control.fault("lost_answer", path=harness.addresses.token_path)
    answer = _ask_again(harness, connected)
    if harness.plugin.oauth.replay_grace == timedelta(0):
        expect(
            answer.status in {_OK, _CONFLICT},
            expected="a token, or 409 'requires_reconnect': no grace is declared",
            found=f"status {answer.status}",
            why="callers must be able to distinguish a dead grant from a provider that is down",
        )
        return
    expect(
        answer.status == _OK,
        expected="the spent refresh token to work once more, as the declared grace says",
        found=f"status {answer.status}; the connection is {harness.state(connected)}",
        why="a cut network connection at the wrong moment would cost the customer's connection",
    )
    _expect_figures(harness, connected, "figures after the lost answer")


def check_token_that_ends_in_the_middle_of_a_fetch_is_not_noticed(harness: Harness) -> None:
    """All access tokens end after the first answer; the fetch returns the same figures."""
    harness.fresh()
    whole = harness.reference()
    connected = harness.connect()
    harness.control.clear_calls()
    found = harness.attempt(
        connected,
        wrap=lambda client: Interrupted(client, harness.control.expire_access_tokens),
    )
    expect(
        isinstance(found, Fetched) and found.figures == whole.figures,
        expected="the same figures although the access token ended in the middle",
        found=shown(found) if isinstance(found, Exception) else "other figures",
        why="tokens live for minutes; every long fetch outlives one",
    )
    refused = [call for call in harness.control.calls() if call["status"] == 401]  # noqa: PLR2004 -- Unauthorized
    most = 1 if refused else 0
    expect(
        harness.token_calls() <= most,
        expected="one refresh for the fetch",
        found=f"{harness.token_calls()}",
        why="every request may spend the refresh token",
    )


def check_eight_processes_at_once_refresh_once(harness: Harness) -> None:
    """Eight processes ask for a token that has ended; all get the same new one."""
    harness.fresh()
    connected = harness.connect()
    harness.control.expire_access_tokens()
    harness.control.clear_calls()
    harness.control.fault("slow", path=harness.addresses.token_path, seconds=_SLOW_S)
    fingerprint = token_fingerprint(harness.access(connected).access_token)
    answers = ask_from_processes(
        _PROCESSES,
        harness.service,
        connected.workspace_id,
        harness.plugin.slug,
        rejected=fingerprint,
    )
    different = sorted({answer for answers_ in answers for answer in answers_})
    expect(
        len(different) == 1 and harness.token_calls() == 1,
        expected=f"one refresh, and one new token for all {_PROCESSES} processes",
        found=f"{harness.token_calls()} refreshes, {len(different)} different answers"
        + "".join(f", {answer}" for answer in different if answer.startswith("status")),
        why="two refreshes at once spend the same token twice, and the provider ends the grant",
    )
    _expect_figures(harness, connected, "figures with the token that all were given")


def check_throttled_token_endpoint_costs_a_wait_and_no_connection(harness: Harness) -> None:
    """429: the service waits out a short wait, returns 503 for a long one, and ends no grant."""
    harness.fresh()
    connected = harness.connect()
    path = harness.addresses.token_path
    harness.control.fault("minute_limit", path=path, retry_after=1)
    _refreshed(harness, connected, "a refresh that is throttled for a second to succeed")
    harness.control.fault("minute_limit", path=path, times=None, retry_after=_LONG_WAIT_S)
    answer = _ask_again(harness, connected)
    _expect_unavailable(harness, connected, answer, "throttled (429)")


def check_token_endpoint_that_is_down_costs_a_wait_and_no_connection(harness: Harness) -> None:
    """5xx: the service retries, then returns 503, and works again after the outage."""
    harness.fresh()
    connected = harness.connect()
    path = harness.addresses.token_path
    harness.control.fault("status", path=path, times=None, status=503)
    answer = _ask_again(harness, connected)
    _expect_unavailable(harness, connected, answer, "down (503)")
    harness.control.clear_faults()
    harness.control.fault("status", path=path, status=500)
    _refreshed(harness, connected, "a refresh that fails once with 500 to succeed")
    _expect_figures(harness, connected, "figures when the token endpoint is up again")


def _expect_unavailable(
    harness: Harness, connected: Connected, answer: TokenAnswer, trouble: str
) -> None:
    expect(
        answer.status == _UNAVAILABLE and answer.retry_after not in {"", "0"},
        expected=f"503 with Retry-After while the token endpoint is {trouble}",
        found=f"status {answer.status}, Retry-After {answer.retry_after or 'missing'}",
        why="callers must know that trying again later will help",
    )
    state = harness.state(connected)
    expect(
        state == "connected",
        expected=f"the connection to stay while the token endpoint is {trouble}",
        found=f"it is {state}",
        why="customers would have to connect again after each outage of the provider",
    )


def _ask_again(harness: Harness, connected: Connected) -> TokenAnswer:
    """Ask for a token as if the provider had just refused the stored one."""
    slug = harness.plugin.slug
    stored = harness.api.token(connected.workspace_id, slug)
    if stored.status != _OK:
        return stored
    refused = token_fingerprint(stored.access.access_token)
    return harness.api.token(connected.workspace_id, slug, rejected=refused)


def _refreshed(harness: Harness, connected: Connected, expected: str) -> IntegrationAccess:
    answer = _ask_again(harness, connected)
    expect(
        answer.status == _OK,
        expected=expected,
        found=f"status {answer.status}: {answer.result}; "
        f"the connection is {harness.state(connected)}",
        why="without refreshes a connection dies with its first access token",
    )
    return answer.access


def _expect_figures(harness: Harness, connected: Connected, expected: str) -> None:
    found = harness.attempt(connected)
    expect(
        isinstance(found, Fetched),
        expected=expected,
        found=shown(found) if isinstance(found, Exception) else "",
        why="the API has to accept the token",
    )


def _rotate(harness: Harness, connected: Connected, first: str) -> bool:
    """Refresh until the refresh token changes; return False if it never does."""
    _refreshed(harness, connected, "a refresh to succeed")
    if harness.control.issued("refresh_token")[-1] == first:
        harness.control.advance_clock(_ROTATES_WITHIN.total_seconds())
        _refreshed(harness, connected, "a refresh a day later to succeed")
    return harness.control.issued("refresh_token")[-1] != first


def _replay(harness: Harness, refresh_token: str) -> RawAnswer:
    plugin = harness.plugin
    request = plugin.oauth.refresh_request(
        app_of(plugin, harness.addresses),
        refresh_token=SecretStr(refresh_token),
        redirect_uri=f"{harness.service.url}/integration/{plugin.slug}/callback",
    )
    return run_with_session(lambda session: session.send(request))


def _error_of(answer: RawAnswer) -> object:
    content = answer.json() if answer.status != _OK else {}
    return content.get("error") if isinstance(content, dict) else None


CHECKS = (
    check_refresh_gives_a_new_token_for_the_same_tenant,
    check_rotation_is_stored_before_it_is_used,
    check_spent_token_that_comes_again_is_refused_after_the_declared_grace,
    check_lost_answer_is_recovered_inside_the_declared_grace,
    check_token_that_ends_in_the_middle_of_a_fetch_is_not_noticed,
    check_eight_processes_at_once_refresh_once,
    check_throttled_token_endpoint_costs_a_wait_and_no_connection,
    check_token_endpoint_that_is_down_costs_a_wait_and_no_connection,
)
