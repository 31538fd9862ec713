"""The page on how it works names files, metadata keys and run tags as they are in the code."""

import re

from support.docs import DOCS, ROOT

from zebbra_pipeline.orchestration import partitions, run_liveness, run_tags
from zebbra_pipeline.orchestration.metadata import keys

PAGE = (DOCS / "how_it_works.md").read_text()


def section(title):
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def first_column(text):
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_every_metadata_key_is_explained_once():
    defined = {value for name, value in vars(keys).items() if name.isupper()} - {keys.PUT_OFF}

    assert sorted(first_column(section("Metadata keys in Dagster"))) == sorted(defined)


def test_every_run_tag_is_explained_once():
    defined = {
        f"{run_tags.CHANGED_TAG}<slug>",
        run_tags.COME_BACK_TAG,
        f"{run_tags.COME_BACK_TAG}.<slug>",
        run_liveness.EXECUTED_BY,
        partitions.RANGE_START,
        partitions.RANGE_END,
        partitions.PARTITION,
    }

    assert sorted(first_column(section("Run tags"))) == sorted(defined)


def test_no_other_module_writes_a_metadata_key():
    written = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "zebbra_pipeline").rglob("*.py")
        if re.search(r"\"zebbra/[a-z]", path.read_text())
    }

    assert written == {
        "zebbra_pipeline/orchestration/metadata/keys.py",
        "zebbra_pipeline/orchestration/run_liveness.py",
        "zebbra_pipeline/orchestration/run_tags.py",
    }


def test_files_and_names_on_the_two_routes_exist():
    routes = section("A figure, from the provider to a model's cell") + section(
        "A token, from the callback to a request"
    )
    named = re.findall(r"^  (\S+\.py) +([A-Za-z_]+)", routes, re.MULTILINE)
    files = re.findall(r"^  (\S+\.py)", routes, re.MULTILINE)
    absent = [
        (path, name)
        for path, name in named
        if (name[0].isupper() or "_" in name)
        and not re.search(rf"\b(class|def) {name}\b", (ROOT / path).read_text())
    ]

    assert [path for path in files if not (ROOT / path).exists()] == []
    assert absent == []
    assert len(files) > 20
