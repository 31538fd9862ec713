"""Four plugins, written by `zebbra new`: of both families, built in and as packages of their own."""

from subprocess import CompletedProcess

import pytest
from support.generating import ConformanceRun, Generated, Project, fill_in

PLUGINS = (
    ("Acornbooks", "accounting", False),  # before `contracts` in the order of imports
    ("Zestpay2", "payroll", False),  # after `sandbox_kit`, and with a digit
    ("Ledgerly", "accounting", True),
    ("WageWorks", "payroll", True),
)


@pytest.fixture(scope="session")
def generated(tmp_path_factory) -> tuple[Project, list[Generated]]:
    """The plugins as they are written."""
    project = Project(tmp_path_factory.mktemp("generated"))
    project.copy_sources()
    return project, [
        project.generate(name, api_type, external=external) for name, api_type, external in PLUGINS
    ]


@pytest.fixture(scope="session")
def types(generated) -> CompletedProcess[str]:
    """What mypy says of the plugins as they are written."""
    project, plugins = generated
    return project.type_check(plugins)


@pytest.fixture(scope="session")
def filled(generated, types, tmp_path_factory) -> tuple[Project, list[Generated]]:
    """The plugins with every place filled in; mypy finds what it has learnt so far."""
    project = generated[0].copied_to(tmp_path_factory.mktemp("filled") / "project")
    plugins = [
        project.plugin(name, api_type, external=external) for name, api_type, external in PLUGINS
    ]
    for plugin in plugins:
        fill_in(plugin)
    return project, plugins


@pytest.fixture(scope="session")
def unfilled_runs(generated, tmp_path_factory) -> list[ConformanceRun]:
    """The conformance tests of one built-in and one external plugin as they are written."""
    project, plugins = generated
    folder = tmp_path_factory.mktemp("unfilled_runs")
    return [project.conformance(plugins[index], folder / f"{index}.xml") for index in (0, 3)]


@pytest.fixture(scope="session")
def filled_runs(filled, tmp_path_factory) -> list[ConformanceRun]:
    """The conformance tests of the other two with every place filled in."""
    project, plugins = filled
    folder = tmp_path_factory.mktemp("filled_runs")
    return [project.conformance(plugins[index], folder / f"{index}.xml") for index in (1, 2)]
