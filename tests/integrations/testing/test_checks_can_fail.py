"""Every check fails for a plugin that is broken in just that respect, and says so."""

from collections.abc import Iterator

import pytest
from support.conformance_broken import BROKEN, Broken
from support.conformance_toys import PAYROLL_PLUGIN, PLUGIN

from integrations.testing.checks import Check, checks_for
from integrations.testing.environment import Environment, running_environment
from integrations.testing.expectations import ConformanceError


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """All broken plugins on one sandbox and one OAuth service."""
    plugins = [broken.plugin for broken in BROKEN]
    with running_environment(plugins, tmp_path_factory.mktemp("environment")) as opened:
        yield opened


def check_of(broken: Broken) -> Check:
    (found,) = [check for check in checks_for(broken.plugin) if check.__name__ == broken.check]
    return found


@pytest.mark.parametrize("broken", BROKEN, ids=lambda item: f"{item.check}-{item.plugin.slug}")
def test_broken_plugin_fails_with_the_sentence_that_names_it(
    environment: Environment, broken: Broken
) -> None:
    check = check_of(broken)

    with pytest.raises(ConformanceError) as caught:
        check(environment.harness(broken.plugin))

    assert broken.expected in caught.value.expected
    assert broken.found in caught.value.found
    assert len(caught.value.why) > 20


def test_there_is_a_broken_plugin_for_each_check() -> None:
    proved = {broken.check for broken in BROKEN}
    every = {check.__name__ for plugin in (PLUGIN, PAYROLL_PLUGIN) for check in checks_for(plugin)}

    assert every - proved == set()
