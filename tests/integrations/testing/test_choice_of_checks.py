from dataclasses import replace

import pytest
from support.conformance_toys import PAYROLL_PLUGIN, PLUGIN

from integrations.contracts import IntegrationPlugin
from integrations.testing import conformance_tests
from integrations.xero import PLUGIN as XERO


def names_for(plugin: IntegrationPlugin) -> list[str]:
    return [name for name in vars(conformance_tests(plugin)) if name.startswith("test_")]


def test_pkce_is_checked_where_it_is_declared() -> None:
    name = "test_pkce_binds_the_code_to_its_verifier"

    assert name in names_for(PLUGIN)
    assert name not in names_for(PAYROLL_PLUGIN)


def test_paging_is_checked_where_the_sandbox_has_pages() -> None:
    name = "test_every_page_is_read_and_each_row_once"

    assert name in names_for(PLUGIN)
    assert name not in names_for(XERO)


def test_figures_are_checked_by_the_family_of_the_plugin() -> None:
    assert "test_every_figure_equals_the_books" in names_for(PLUGIN)
    assert "test_every_figure_equals_the_books" not in names_for(PAYROLL_PLUGIN)
    assert "test_people_are_those_of_the_company_spell_by_spell" in names_for(PAYROLL_PLUGIN)


def test_plugin_whose_sandbox_is_missing_still_gets_its_tests() -> None:
    assert len(names_for(replace(PLUGIN, sandbox=None))) > 30


@pytest.mark.parametrize("plugin", [PLUGIN, PAYROLL_PLUGIN], ids=lambda item: item.slug)
def test_each_test_is_a_sentence_with_one_more_beneath_it(plugin: IntegrationPlugin) -> None:
    tests = conformance_tests(plugin)

    for name in names_for(plugin):
        assert vars(tests)[name].__doc__.endswith(".")
        assert name.count("_") >= 4
