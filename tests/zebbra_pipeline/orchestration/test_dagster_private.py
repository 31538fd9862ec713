"""Names of Dagster that are not public are imported in one module."""

import re

from support.docs import ROOT

PRIVATE = re.compile(r"^\s*(?:from|import) dagster(?:\._| import _)", re.MULTILINE)


def test_one_module_imports_private_names_of_dagster():
    found = {
        path.name
        for path in (ROOT / "zebbra_pipeline").rglob("*.py")
        if PRIVATE.search(path.read_text())
    }

    assert found == {"dagster_private.py"}
