"""
The conformance kit: the requirements of a plugin, as tests that its author runs.

Three lines in the author's test file:

    from integrations.testing import conformance_tests
    from integrations.demobooks import PLUGIN

    TestConformance = conformance_tests(PLUGIN)

`pytest` then connects the plugin to its own sandbox through the real OAuth service (a process
of its own) and fetches with the real client. A failure says what was expected, what was found
and why it matters. A plugin that is not installed is tested too, as long as its module can be
imported by name.

What the author's sandbox needs for it: `PLUGIN.sandbox`, built with `integrations.sandbox_kit`,
and a few control routes that return its data in a plain shape (`integrations.testing.truth`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integrations.contracts import IntegrationPlugin

__all__ = ["conformance_tests"]


def conformance_tests(plugin: "IntegrationPlugin") -> type:
    """
    Return a test class with one test for each check that *plugin* has to pass.

    Assign it to a name that begins with `Test`. Which checks it holds follows from the
    plugin's family, from what it declares, and from what its sandbox offers.
    """
    from integrations.testing import checks  # late: pytest loads this package in every run

    return checks.conformance_tests(plugin)
