"""What `zebbra new` refuses: one sentence, status 1, nothing written."""

import sys

import pytest

from zebbra_pipeline.cli.app import main
from zebbra_pipeline.cli.generator.naming import GenerateError, Naming, check_name

LETTERS_ONLY = "expected letters and digits only, a letter first, such as 'FreeAgent'"


@pytest.fixture
def new(tmp_path, monkeypatch, capsys):
    """Run `zebbra new` in an empty folder; return its status and what it says on stderr."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "500")
        monkeypatch.setattr(sys, "argv", ["zebbra", "new", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("external", [[], ["--external"]])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Free-Agent", f"integration name 'Free-Agent': {LETTERS_ONLY}"),
        ("Free Agent", f"integration name 'Free Agent': {LETTERS_ONLY}"),
        ("", f"integration name '': {LETTERS_ONLY}"),
        ("../etc", f"integration name '../etc': {LETTERS_ONLY}"),
        ("7Books", f"integration name '7Books': {LETTERS_ONLY}"),
        ("Café", f"integration name 'Café': {LETTERS_ONLY}"),
        ("A" * 25, f"integration name '{'A' * 25}': expected at most 24 letters, found 25"),
        ("Testing", "integration name 'Testing' is reserved: it means the folder integrations/testing"),
        ("Zebbra", "integration name 'Zebbra' is reserved: it means the settings that begin with ZEBBRA_"),
        ("Class", "integration name 'Class' is reserved: 'class' is a word of Python's, which no module can be called"),
        ("XERO", "an integration called Xero already exists"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused_in_one_sentence_and_nothing_is_written(
    new, tmp_path, name, sentence, external
):
    status, said = new(name, "--api-type", "accounting", *external)

    assert (status, said) == (1, f"zebbra: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["contracts", "Runtime", "TEMPLATES", "pipeline", "healthz"])
def test_names_with_a_meaning_of_their_own_are_reserved(name):
    with pytest.raises(GenerateError, match=f"'{name}' is reserved: it means"):
        check_name(name, installed=[])


@pytest.mark.parametrize("api_type", ["ledger", "", "Accounting"])
def test_an_unknown_api_type_is_refused_with_those_that_exist(new, tmp_path, api_type):
    status, said = new("Acorn", "--api-type", api_type, "--external")

    assert (status, said) == (
        1, f"zebbra: API type {api_type!r}: expected accounting or payroll\n"
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(new, tmp_path):
    (tmp_path / "zebbra-acorn").mkdir()
    (tmp_path / "zebbra-acorn" / "mine.txt").write_text("mine")

    status, said = new("Acorn", "--api-type", "payroll", "--external")

    folder = tmp_path / "zebbra-acorn"
    assert (status, said) == (1, f"zebbra: {folder} already exists; nothing was written\n")
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_help_has_an_example(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["zebbra", "new", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert "Example: zebbra new FreeAgent --api-type accounting" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["demobooks", "XDemoBooksX", "xDEMOPAYx", "DemoPay"])
def test_a_name_that_looks_like_the_templates_own_is_put_in_whole(name):
    naming = Naming(name, "accounting", f"integrations.{name.lower()}")

    text = naming.render("DemoBooks demobooks DEMOBOOKS integrations.templates.accounting.oauth\n")

    slug = name.lower()
    assert text == f"{name} {slug} {slug.upper()} integrations.{slug}.oauth\n"
