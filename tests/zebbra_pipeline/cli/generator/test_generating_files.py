"""The edits of project files, and writing all or nothing."""

import tomllib

import pytest
from support.generating import ROOT

from zebbra_pipeline.cli.generator import GenerateError, Plan, plan_builtin, write
from zebbra_pipeline.cli.generator.planning import with_plugin, with_settings

MODULES = ("oauth", "adapter", "reports")
PROJECT = """\
[project]
name = "zebbra-pipeline" # not to be touched

[project.entry-points."zebbra.integrations"]
xero = "integrations.xero:PLUGIN"

[tool.importlinter]
root_packages = ["integrations"]

[[tool.importlinter.contracts]]
name = "layers"
layers = [
    "runtime",
    "xero | gusto", # plugins
    "contracts",
]

[[tool.importlinter.contracts]]
name = "lists"
source_modules = [
    "integrations.contracts",
    "integrations.xero.oauth",
    "integrations.xero.adapter" # the last
]
forbidden_modules = ["dagster"]

[[tool.importlinter.contracts]]
name = "one line"
source_modules = ["integrations.contracts", "integrations.xero"]
"""
CHANGED = """\
[project]
name = "zebbra-pipeline" # not to be touched

[project.entry-points."zebbra.integrations"]
xero = "integrations.xero:PLUGIN"
acorn = "integrations.acorn:PLUGIN"

[tool.importlinter]
root_packages = ["integrations"]

[[tool.importlinter.contracts]]
name = "layers"
layers = [
    "runtime",
    "xero | gusto | acorn", # plugins
    "contracts",
]

[[tool.importlinter.contracts]]
name = "lists"
source_modules = [
    "integrations.contracts",
    "integrations.xero.oauth",
    "integrations.xero.adapter",
    "integrations.acorn.oauth",
    "integrations.acorn.adapter",
    "integrations.acorn.reports", # the last
]
forbidden_modules = ["dagster"]

[[tool.importlinter.contracts]]
name = "one line"
source_modules = ["integrations.contracts", "integrations.xero", "integrations.acorn"]
"""


def test_a_plugin_is_listed_wherever_one_that_exists_is_and_nothing_else_changes():
    assert with_plugin(PROJECT, slug="acorn", modules=MODULES) == CHANGED


def test_the_real_project_file_takes_several_plugins_one_after_the_other():
    text = (ROOT / "pyproject.toml").read_text()
    before = tomllib.loads(text)
    for slug in ("acorn", "zest2"):
        text = with_plugin(text, slug=slug, modules=MODULES)
    after = tomllib.loads(text)

    group = after["project"]["entry-points"]["zebbra.integrations"]
    old = before["project"]["entry-points"]["zebbra.integrations"]
    new = {"acorn": "integrations.acorn:PLUGIN", "zest2": "integrations.zest2:PLUGIN"}
    assert group == old | new
    contracts = after["tool"]["importlinter"]["contracts"]
    layers = [layer for each in contracts for layer in each.get("layers", [])]
    assert [layer for layer in layers if layer.endswith(" | acorn | zest2")] != []
    listed = [name for each in contracts for name in each.get("source_modules", [])]
    for slug in ("acorn", "zest2"):
        assert {
            f"integrations.{slug}",
            *(f"integrations.{slug}.{name}" for name in MODULES),
        } <= set(listed)
    # Without the plugin, everything is as before.
    for contract in contracts:
        for key, names in contract.items():
            if isinstance(names, list):
                kept = [name.replace(" | acorn | zest2", "") for name in names]
                contract[key] = [n for n in kept if "acorn" not in n and "zest2" not in n]
    after["project"]["entry-points"]["zebbra.integrations"] = old
    assert after == before


def test_a_project_file_without_plugins_is_refused():
    with pytest.raises(
        GenerateError, match=r"^pyproject.toml: expected plugins under .* found none$"
    ):
        with_plugin('[project]\nname = "x"\n', slug="acorn", modules=MODULES)


def test_settings_follow_the_others_after_a_blank_line():
    text = with_settings("#XERO_CLIENT_ID=\n", slug="acorn", api_base_url="https://api.example/")

    assert text == (
        "#XERO_CLIENT_ID=\n"
        "\n"
        "#ACORN_CLIENT_ID=\n"
        "#ACORN_CLIENT_SECRET=\n"
        "#ACORN_SCOPES=\n"
        "#ACORN_AUTHORIZE_URL=\n"
        "#ACORN_TOKEN_URL=\n"
        "#ACORN_REVOKE_URL=\n"
        "#ACORN_API_BASE_URL=https://api.example/\n"
    )


def test_a_failure_in_the_middle_leaves_everything_as_it_was(tmp_path):
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text("first as it was")
    second.write_text("second as it was")
    (tmp_path / ".second.toml.zebbra-new").mkdir()  # in the way of the second file
    plan = Plan(
        folders={tmp_path / "new": {"deep/inside.py": "text"}},
        changed={first: "first, changed", second: "second, changed"},
    )

    with pytest.raises(GenerateError, match="nothing was written"):
        write(plan)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".second.toml.zebbra-new",
        "first.toml",
        "second.toml",
    ]
    assert first.read_text() == "first as it was"
    assert second.read_text() == "second as it was"


def test_a_broken_link_in_the_way_counts_as_existing(tmp_path):
    (tmp_path / "new").symlink_to(tmp_path / "nowhere")

    with pytest.raises(GenerateError, match="already exists; nothing was written"):
        write(Plan(folders={tmp_path / "new": {"a.py": ""}}))


def test_nothing_is_built_into_an_installation_without_sources(tmp_path):
    with pytest.raises(
        GenerateError, match=r"is not the source tree of zebbra-pipeline.*--external"
    ):
        plan_builtin("Acorn", "accounting", root=tmp_path)
