"""Check that a plugin calls no host that it does not declare."""

from urllib.parse import urlsplit

from integrations.testing.bench import Bench
from integrations.testing.checks.steps import take_oauth_steps
from integrations.testing.expectations import expect, shown
from integrations.testing.guard import only_hosts_of


def check_no_host_is_called_that_is_not_declared(bench: Bench) -> None:
    """Connecting, refreshing, fetching and disconnecting reach the declared addresses only."""
    bench.fresh()
    connected = bench.connect()
    with only_hosts_of((bench.addresses.root, bench.service.url)) as refused:
        found = bench.attempt(connected)
        steps = take_oauth_steps(bench, connected)
    expect(
        not refused,
        expected="calls to the declared API only",
        found=f"calls to {', '.join(refused)}",
        why="the customer's tokens and figures must go nowhere that nobody has agreed to",
    )
    failure = found if isinstance(found, Exception) else steps.failure
    expect(
        failure is None,
        expected="a fetch, and find_tenants, to succeed without other hosts",
        found=shown(failure) if failure is not None else "",
        why="what depends on an undeclared host fails where it is not reachable",
    )
    for step, url in steps.urls.items():
        parts = urlsplit(url)
        expect(
            url.startswith(f"{bench.addresses.root}/"),
            expected=f"{step} to go to the addresses that are set, behind {bench.addresses.root}",
            found=f"{parts.scheme}://{parts.netloc}{parts.path}",
            why="secrets would go to another host, and no other environment could be set",
        )


CHECKS = (check_no_host_is_called_that_is_not_declared,)
