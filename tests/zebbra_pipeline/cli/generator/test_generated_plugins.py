"""A generated plugin as it is written: whole, found by everything, and honest about its gaps."""

import json
import os
import subprocess

import pytest
from support.generating import ROOT

LIST_ASSETS = """
import json
from zebbra_pipeline.definitions import defs
keys = [key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()]
print(json.dumps(sorted(keys)))
"""
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"


@pytest.mark.usefixtures("unfilled_runs")  # they run while the other tests do
def test_the_command_tells_every_file_and_three_next_steps(generated):
    _, (acorn, _, ledgerly, _) = generated

    lines = acorn.told.splitlines()
    assert lines[:9] == [
        "wrote integrations/acornbooks/__init__.py",
        "wrote integrations/acornbooks/adapter.py",
        "wrote integrations/acornbooks/oauth.py",
        "wrote integrations/acornbooks/reports.py",
        "wrote integrations/acornbooks/sandbox/__init__.py",
        "wrote integrations/acornbooks/sandbox/answers.py",
        "wrote tests/integrations/acornbooks/test_acornbooks_conformance.py",
        "changed pyproject.toml",
        "changed .env.example",
    ]
    assert [line.strip() for line in lines if line.startswith("  ") and line[2].isdigit()] == [
        "1. make setup",
        "2. grep -rn 'FILL IN' integrations/acornbooks",
        "3. make setup && .venv/bin/pytest tests/integrations/acornbooks",
    ]
    assert [line.strip() for line in ledgerly.told.splitlines() if line[:3] in {"  1", "  3"}] == [
        "1. pip install --editable zebbra-ledgerly",
        "3. cd zebbra-ledgerly && pytest",
    ]
    assert "changed" not in ledgerly.told


def test_everything_that_is_told_is_there_and_nothing_else(generated):
    project, plugins = generated
    for plugin in plugins:
        root = project.beside if plugin.external else project.root
        told = [
            root / line.split(maxsplit=1)[1]
            for line in plugin.told.splitlines()
            if line.startswith(("wrote ", "changed "))
        ]
        home = plugin.tests.parent if plugin.external else plugin.package
        there = [path for path in home.rglob("*") if path.is_file() and "cache" not in str(path)]

        assert [path for path in told if not path.is_file()] == []
        assert set(there) <= set(told)
    assert list(project.root.rglob(".zebbra-new-*")) == []


def test_a_second_run_refuses_and_changes_nothing(generated):
    project, _ = generated
    before = (project.root / "pyproject.toml").read_text()

    again = project.run("-m", "zebbra_pipeline", "new", "ACORNBOOKS", "--api-type", "payroll")

    assert (again.returncode, again.stderr) == (
        1, "zebbra: an integration called Acornbooks already exists\n"
    )  # fmt: skip
    assert (project.root / "pyproject.toml").read_text() == before


@pytest.mark.parametrize("command", [("check",), ("format", "--check")])
def test_generated_files_are_formatted_and_linted(generated, command):
    project, plugins = generated
    for plugin in plugins:
        done = project.run("-m", "ruff", *command, str(plugin.package), str(plugin.tests))

        assert done.returncode == 0, done.stdout + done.stderr


def test_generated_files_pass_strict_type_checks(types):
    assert types.returncode == 0, types.stdout + types.stderr
    assert types.stdout.startswith("Success: no issues found")


def test_generated_plugins_are_held_to_the_layers(generated, tmp_path):
    project = generated[0].copied_to(tmp_path / "copy")
    kept = project.run("-c", LINT_IMPORTS)
    for slug in ("acornbooks", "zestpay2"):
        adapter = project.root / "integrations" / slug / "adapter.py"
        adapter.write_text(f"import duckdb\nimport httpx\n{adapter.read_text()}")
    broken = project.run("-c", LINT_IMPORTS)

    assert kept.returncode == 0, kept.stdout
    assert broken.returncode == 1
    for slug in ("acornbooks", "zestpay2"):
        assert f"integrations.{slug}.adapter -> duckdb" in broken.stdout
        assert f"integrations.{slug}.adapter -> httpx" in broken.stdout


def test_make_writes_a_plugin_and_installs_it_anew():
    done = subprocess.run(
        ["make", "-n", "generate_from_template", "INTEGRATION=Acorn", "API_TYPE=payroll"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    lines = done.stdout.splitlines()
    (command,) = [line for line in lines if "zebbra new" in line]
    assert command.split() == [".venv/bin/zebbra", "new", '"Acorn"', "--api-type", '"payroll"']
    assert [line for line in lines[lines.index(command) :] if line.endswith("setup")] != []


def test_they_appear_among_the_integrations(generated):
    project, _ = generated
    done = project.run("-m", "zebbra_pipeline", "integrations", "--json")

    told = json.loads(done.stdout)
    found = {item["name"]: (item["api_type"], item["package"]) for item in told["integrations"]}
    assert told["failures"] == []
    assert {name: found[name] for name in ("Acornbooks", "Zestpay2", "Ledgerly", "WageWorks")} == {
        "Acornbooks": ("accounting", "zebbra-pipeline 0.1.0"),
        "Zestpay2": ("payroll", "zebbra-pipeline 0.1.0"),
        "Ledgerly": ("accounting", "zebbra-ledgerly 0.1.0"),
        "WageWorks": ("payroll", "zebbra-wageworks 0.1.0"),
    }
    assert {"Xero", "Gusto"} <= set(found)


def test_they_appear_in_dagster(generated):
    project, _ = generated
    done = project.run("-c", LIST_ASSETS)

    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) >= {
        "acornbooks/profit_and_loss",
        "acornbooks/balance_sheet",
        "zestpay2/employees",
        "zestpay2/payroll_costs",
        "ledgerly/profit_and_loss",
        "ledgerly/balance_sheet",
        "wageworks/employees",
        "wageworks/payroll_costs",
        "merged_model",
    }


def test_the_example_file_still_lists_every_setting(generated):
    project, _ = generated
    done = project.run(
        *("-m", "pytest", "-q", "tests/integrations/runtime/test_settings.py"),
        *("-k", "lists_every_setting"),
        PYTHONPATH=f"{project.metadata}{os.pathsep}{project.root}",  # what is built in
    )

    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("index", [0, 1])
def test_the_conformance_test_fails_only_where_something_is_to_be_filled_in(unfilled_runs, index):
    cases = unfilled_runs[index].cases
    failures = {name: text for name, text in cases.items() if text}

    assert "test_nothing_is_left_to_fill_in" in failures
    assert {name: text for name, text in failures.items() if "fill in" not in text} == {}
    assert set(cases) - set(failures) >= {
        "test_authorize_url_is_the_declared_one_and_asks_for_the_declared_scopes",
        "test_tenants_are_those_that_the_person_has_shared",
        "test_pkce_binds_the_code_to_its_verifier",
    }


def test_every_place_to_fill_in_is_named_with_file_and_line(generated):
    project, plugins = generated
    done = project.run("-m", "pytest", "-q", str(plugins[0].tests), "-k", "left_to_fill_in")

    named = [line for line in done.stdout.splitlines() if ": # FILL IN: " in line]
    expected = [
        f"{path.relative_to(plugins[0].package)}:{number}:"
        for path in sorted(plugins[0].package.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "FILL IN" in line
    ]
    assert len(expected) > 15
    assert [place for place in expected if not any(place in line for line in named)] == []
