"""Links resolve, commands exist, and blocks are of a language that somebody checks."""

import re
import subprocess
import sys

import pytest
import typer
import yaml
from support.docs import DOCS, ROOT, page

from zebbra_pipeline.cli.app import app

PAGES = [page(path) for path in (*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")))]
OTHERS = {"pip", "pytest", "grep", "cp", "dagster"}
"""Programs of the guides that are neither make nor ours."""


@pytest.fixture(params=PAGES, ids=lambda each: each.path.name)
def shown(request):
    return request.param


def test_pages_of_the_guide_are_there():
    names = {each.path.name for each in PAGES}

    assert {"add_an_integration.md", "guide.md", "how_it_works.md", "providers.md"} <= names
    assert {"from_zebbra.md", "README.md"} <= names


def test_relative_links_resolve_anchors_included(shown):
    broken = []
    for target, anchor in shown.links:
        path = (shown.path.parent / target).resolve() if target else shown.path
        if not path.exists():
            broken.append(target)
        elif anchor and anchor not in page(path).anchors:
            broken.append(f"{target}#{anchor}")

    assert broken == []


def test_commands_exist(shown):
    zebbra = typer.main.get_command(app)
    targets = set(re.findall(r"^([a-z_]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    unknown = []
    for line in shown.commands:
        program, *arguments = re.sub(r"^(\w+=\S+ )+", "", line).split()
        name = program.removeprefix(".venv/bin/")
        if name == "make":
            known = arguments[0] in targets
        elif name == "zebbra":
            known = all_known(zebbra.commands, arguments)
        else:
            known = name in OTHERS or shown.path.parent != DOCS
        if not known:
            unknown.append(line)

    assert unknown == []


def test_blocks_are_in_the_language_that_they_say(shown):
    for block in shown.blocks:
        if block.language == "python":
            compile(block.text, shown.path.name, "exec")
        if block.language == "yaml":
            assert isinstance(yaml.safe_load(block.text), dict)
    assert {block.language for block in shown.blocks} <= {
        "console",
        "python",
        "sql",
        "text",
        "toml",
        "yaml",
    }


@pytest.mark.parametrize("api_type", ["accounting", "payroll"])
def test_generator_takes_the_arguments_that_the_guide_gives_it(tmp_path, api_type):
    guide = page(DOCS / "add_an_integration.md")
    (line,) = [each for each in guide.commands if "zebbra new" in each]
    arguments = line.replace("accounting", api_type).split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "zebbra_pipeline", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "zebbra-pebble" / "src" / "zebbra_pebble" / "oauth.py").exists()
    assert "FILL IN" in done.stdout


def all_known(commands, arguments):
    """Whether a command of zebbra's is there with the options that it is given."""
    name, *rest = arguments
    if name.startswith("<"):
        return True
    options = {option for item in commands[name].params for option in item.opts}
    return all(word in options | {"--help"} for word in rest if word.startswith("--"))
