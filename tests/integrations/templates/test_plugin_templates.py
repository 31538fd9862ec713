"""The templates are code like all other code, and stay so under any name."""

import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from support.generating import FILL_IN, ROOT

from integrations.templates import accounting, payroll
from zebbra_pipeline.cli.generator import plan_builtin, plan_external, write
from zebbra_pipeline.cli.generator.naming import LONGEST

TEMPLATES = ROOT / "integrations" / "templates"
FAMILIES = ("accounting", "payroll")
NAMES = ("X", "Contract", "ContractsX", "Sandboxes", "Q" * LONGEST, "Z" * LONGEST)


@pytest.mark.parametrize("api_type", FAMILIES)
@pytest.mark.parametrize("name", NAMES)
def test_generated_files_are_formatted_and_linted_whatever_the_name(tmp_path, name, api_type):
    write(plan_external(name, api_type, folder=tmp_path))
    for folder, files in plan_builtin(name, api_type).folders.items():
        place = tmp_path / folder.relative_to(ROOT)
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert [
        text for text in texts if re.search("demobooks|demopay|templates\\.", text, re.IGNORECASE)
    ] == []
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for package in ("contracts", "sandbox_kit", "testing"):  # so that they are known as ours
        for path in (ROOT / "integrations" / package).glob("*.py"):
            place = tmp_path / path.relative_to(ROOT)
            place.parent.mkdir(exist_ok=True)
            place.write_text('"""Empty."""\n')
    for command in (("check",), ("format", "--check", "--diff")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("api_type", FAMILIES)
def test_every_place_to_fill_in_says_what_is_needed(api_type):
    comments = [
        re.sub(r"\s*\n\s*#", "", comment)
        for path in sorted((TEMPLATES / api_type).rglob("*.py"))
        for comment in FILL_IN.findall(path.read_text())
    ]
    documented = [
        text for text in comments if re.search(r"\bSee\b|\bdocument|Providers list", text)
    ]

    assert len(comments) > 15
    assert [text for text in comments if len(text) < 50] == []
    assert len(documented) > len(comments) * 2 / 3


@pytest.mark.parametrize("api_type", FAMILIES)
def test_every_error_that_asks_to_fill_in_stands_below_such_a_comment(api_type):
    errors = 0
    for path in (TEMPLATES / api_type).glob("*.py"):
        for function in re.split(r"\n(?= *(?:async )?def )", path.read_text()):
            for module, name in re.findall(r"fill in (\w+)\.(\w+)", function):
                errors += 1
                assert FILL_IN.search(function), function
                assert module == path.stem
                assert f"def {name}(" in function

    assert errors == 4


@pytest.mark.parametrize("api_type", FAMILIES)
def test_a_template_speaks_of_its_own_family_only(api_type):
    other = {"accounting": "demopay", "payroll": "demobooks"}[api_type]
    for path in (TEMPLATES / api_type).rglob("*.py"):
        assert other not in path.read_text().lower(), path


@pytest.mark.parametrize("plugin", [accounting.PLUGIN, payroll.PLUGIN])
def test_urls_of_a_template_can_be_no_real_providers(plugin):
    urls = [
        plugin.oauth.authorize_url,
        plugin.oauth.token_url,
        plugin.oauth.revoke_url,
        plugin.api.base_url,
        plugin.docs_url,
    ]

    assert {urlsplit(url).hostname.rsplit(".", 1)[-1] for url in urls} == {"example"}
    assert plugin.load_sandbox() is not None
