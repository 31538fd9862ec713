"""Checks of what happens to the one refresh token that must never be lost."""

from datetime import timedelta

from pydantic import SecretStr

from integrations.contracts import IntegrationAccess, token_fingerprint
from integrations.runtime.answers import RawAnswer
from integrations.testing.bench import Bench
from integrations.testing.environment import app_of
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import Fetched, Interrupted, run_with_session
from integrations.testing.person import Connected
from integrations.testing.service import TokenAnswer, ask_from_processes

_OK, _CONFLICT, _UNAVAILABLE = 200, 409, 503
_PROCESSES = 8
_SLOW_S = 0.3
_ROTATES_WITHIN = timedelta(hours=25)
_LONG_WAIT_S = 4


def check_refresh_gives_a_new_token_for_the_same_tenant(bench: Bench) -> None:
    """A refused access token is replaced by one request, and the fetch goes on with it."""
    bench.fresh()
    connected = bench.connect()
    old = bench.access(connected)
    bench.control.clear_calls()
    new = _refreshed(bench, connected, "a refused access token to be refreshed")
    expect(
        new.access_token != old.access_token and bench.token_calls() == 1,
        expected="a new access token after one request to the token endpoint",
        found=f"{'another' if new.access_token != old.access_token else 'the same'} token after "
        f"{bench.token_calls()} requests",
        why="every request may spend the refresh token; one too many cuts the customer off",
    )
    expect(
        new.tenant_id == old.tenant_id,
        expected="the tenant that was pinned at connect",
        found="another one",
        why="a refresh must never choose an organisation again",
    )
    _expect_figures(bench, connected, "the refreshed token to fetch the figures")


def check_rotation_is_stored_before_it_is_used(bench: Bench) -> None:
    """After kill -9 the next process has the rotated pair, and can rotate it again."""
    bench.fresh()
    connected = bench.connect()
    _refreshed(bench, connected, "the first refresh to succeed")
    rotated = _refreshed(bench, connected, "the rotated refresh token to be used for the next one")
    bench.control.clear_calls()
    bench.service.kill()
    bench.service.start()
    found = bench.access(connected)
    expect(
        found.access_token == rotated.access_token and bench.token_calls() == 0,
        expected="the pair that was handed out before the crash to be there after it",
        found=f"another one, after {bench.token_calls()} requests to the token endpoint",
        why="a token that was used but not stored is lost, and the customer must connect again",
    )
    _refreshed(bench, connected, "the stored refresh token to work after the crash")
    _expect_figures(bench, connected, "figures after the crash")


def check_spent_token_that_comes_again_is_refused_after_the_declared_grace(bench: Bench) -> None:
    """The declared `replay_grace` is the provider's, and a replay ends in a clear state."""
    bench.fresh()
    connected = bench.connect()
    first = bench.control.issued("refresh_token")[-1]
    if not _rotate(bench, connected, first):
        return  # this provider keeps one refresh token
    grace = bench.plugin.oauth.replay_grace
    if grace is None:
        _expect_figures(bench, connected, "figures with the new access token")
        over = "once the new access token has been used"
    else:
        bench.control.advance_clock(grace.total_seconds() + 1)
        over = f"after {grace}"
    replayed = _replay(bench, first)
    error = _error_of(replayed)
    expect(
        replayed.status != _OK and error == "invalid_grant",
        expected=f"invalid_grant for a spent refresh token {over}: the grace that is declared",
        found=f"status {replayed.status}, error {error!r}",
        why="a declared grace that is not the provider's makes a lost answer cost the connection, "
        "or hides that the sandbox does not rotate as the provider does",
    )
    answer = _ask_again(bench, connected)
    expect(
        answer.status in {_OK, _CONFLICT},
        expected="a token, or 409 'requires_reconnect', after the replay",
        found=f"status {answer.status}",
        why="a dead grant has to be told apart from a provider that is down",
    )


def check_lost_answer_is_recovered_inside_the_declared_grace(bench: Bench) -> None:
    """The provider acts, its answer is lost, and the connection lives on."""
    bench.fresh()
    connected = bench.connect()
    _refreshed(bench, connected, "the first refresh to succeed")
    bench.control.fault("lost_answer", path=bench.addresses.token_path)
    answer = _ask_again(bench, connected)
    if bench.plugin.oauth.replay_grace == timedelta(0):
        expect(
            answer.status in {_OK, _CONFLICT},
            expected="a token, or 409 'requires_reconnect': no grace is declared",
            found=f"status {answer.status}",
            why="a dead grant has to be told apart from a provider that is down",
        )
        return
    expect(
        answer.status == _OK,
        expected="the spent refresh token to work once more, as the declared grace says",
        found=f"status {answer.status}; the connection is {bench.state(connected)}",
        why="a cut network connection at the wrong moment would cost the customer's connection",
    )
    _expect_figures(bench, connected, "figures after the lost answer")


def check_token_that_ends_in_the_middle_of_a_fetch_is_not_noticed(bench: Bench) -> None:
    """All access tokens end after the first answer; the fetch returns the same figures."""
    bench.fresh()
    whole = bench.reference()
    connected = bench.connect()
    bench.control.clear_calls()
    found = bench.attempt(
        connected,
        wrap=lambda client: Interrupted(client, bench.control.expire_access_tokens),
    )
    expect(
        isinstance(found, Fetched) and found.figures == whole.figures,
        expected="the same figures although the access token ended in the middle",
        found=shown(found) if isinstance(found, Exception) else "other figures",
        why="tokens live for minutes; a long fetch always meets this",
    )
    refused = [call for call in bench.control.calls() if call["status"] == 401]  # noqa: PLR2004 -- Unauthorized
    most = 1 if refused else 0
    expect(
        bench.token_calls() <= most,
        expected="one refresh for the fetch",
        found=f"{bench.token_calls()}",
        why="every request may spend the refresh token",
    )


def check_eight_processes_at_once_refresh_once(bench: Bench) -> None:
    """Eight processes ask for a token that has ended; all get the same new one."""
    bench.fresh()
    connected = bench.connect()
    bench.control.expire_access_tokens()
    bench.control.clear_calls()
    bench.control.fault("slow", path=bench.addresses.token_path, seconds=_SLOW_S)
    fingerprint = token_fingerprint(bench.access(connected).access_token)
    answers = ask_from_processes(
        _PROCESSES,
        bench.service,
        connected.workspace_id,
        bench.plugin.slug,
        rejected=fingerprint,
    )
    different = sorted({answer for answers_ in answers for answer in answers_})
    expect(
        len(different) == 1 and bench.token_calls() == 1,
        expected=f"one refresh, and one new token for all {_PROCESSES} processes",
        found=f"{bench.token_calls()} refreshes, {len(different)} different answers"
        + "".join(f", {answer}" for answer in different if answer.startswith("status")),
        why="two refreshes at once spend the same token twice, and the provider ends the grant",
    )
    _expect_figures(bench, connected, "figures with the token that all were given")


def check_throttled_token_endpoint_costs_a_wait_and_no_connection(bench: Bench) -> None:
    """429: a short wait is waited for, a long one is passed on, nothing is marked as dead."""
    bench.fresh()
    connected = bench.connect()
    path = bench.addresses.token_path
    bench.control.fault("minute_limit", path=path, retry_after=1)
    _refreshed(bench, connected, "a refresh that is throttled for a second to succeed")
    bench.control.fault("minute_limit", path=path, times=None, retry_after=_LONG_WAIT_S)
    answer = _ask_again(bench, connected)
    _expect_unavailable(bench, connected, answer, "throttled (429)")


def check_token_endpoint_that_is_down_costs_a_wait_and_no_connection(bench: Bench) -> None:
    """5xx: repeated, then passed on as 503; when it is up again, so are we."""
    bench.fresh()
    connected = bench.connect()
    path = bench.addresses.token_path
    bench.control.fault("status", path=path, times=None, status=503)
    answer = _ask_again(bench, connected)
    _expect_unavailable(bench, connected, answer, "down (503)")
    bench.control.clear_faults()
    bench.control.fault("status", path=path, status=500)
    _refreshed(bench, connected, "a refresh that fails once with 500 to succeed")
    _expect_figures(bench, connected, "figures when the token endpoint is up again")


def _expect_unavailable(
    bench: Bench, connected: Connected, answer: TokenAnswer, trouble: str
) -> None:
    expect(
        answer.status == _UNAVAILABLE and answer.retry_after not in {"", "0"},
        expected=f"503 with Retry-After while the token endpoint is {trouble}",
        found=f"status {answer.status}, Retry-After {answer.retry_after or 'missing'}",
        why="callers must know that trying again later will help",
    )
    state = bench.state(connected)
    expect(
        state == "connected",
        expected=f"the connection to stay while the token endpoint is {trouble}",
        found=f"it is {state}",
        why="customers would have to connect again after each outage of the provider",
    )


def _ask_again(bench: Bench, connected: Connected) -> TokenAnswer:
    """Ask for a token as if the provider had just refused the stored one."""
    slug = bench.plugin.slug
    stored = bench.api.token(connected.workspace_id, slug)
    if stored.status != _OK:
        return stored
    refused = token_fingerprint(stored.access.access_token)
    return bench.api.token(connected.workspace_id, slug, rejected=refused)


def _refreshed(bench: Bench, connected: Connected, expected: str) -> IntegrationAccess:
    answer = _ask_again(bench, connected)
    expect(
        answer.status == _OK,
        expected=expected,
        found=f"status {answer.status}: {answer.result}; "
        f"the connection is {bench.state(connected)}",
        why="without refreshes a connection dies with its first access token",
    )
    return answer.access


def _expect_figures(bench: Bench, connected: Connected, expected: str) -> None:
    found = bench.attempt(connected)
    expect(
        isinstance(found, Fetched),
        expected=expected,
        found=shown(found) if isinstance(found, Exception) else "",
        why="a token that the API does not take is no token",
    )


def _rotate(bench: Bench, connected: Connected, first: str) -> bool:
    """Refresh until the refresh token has another value; False if it never has."""
    _refreshed(bench, connected, "a refresh to succeed")
    if bench.control.issued("refresh_token")[-1] == first:
        bench.control.advance_clock(_ROTATES_WITHIN.total_seconds())
        _refreshed(bench, connected, "a refresh a day later to succeed")
    return bench.control.issued("refresh_token")[-1] != first


def _replay(bench: Bench, refresh_token: str) -> RawAnswer:
    plugin = bench.plugin
    request = plugin.oauth.refresh_request(
        app_of(plugin, bench.addresses),
        refresh_token=SecretStr(refresh_token),
        redirect_uri=f"{bench.service.url}/integration/{plugin.slug}/callback",
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
