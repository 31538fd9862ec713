import subprocess
import sys

import dagster as dg
import pytest

import zebbra_pipeline
from zebbra_pipeline import ZebbraPipelineComponent


def component(**attributes):
    return ZebbraPipelineComponent.from_attributes_dict(attributes=attributes)


@pytest.mark.parametrize(
    "reference", ["{{ env.KEY_OF_OURS }}", "{{env('KEY_OF_OURS')}}", '{{ env("KEY_OF_OURS") }}']
)
def test_the_service_key_is_kept_as_a_variables_name(monkeypatch, reference):
    monkeypatch.setenv("KEY_OF_OURS", "s3cret")

    built = component(connections={"service_key": reference})

    assert built.connections.service_key == dg.EnvVar("KEY_OF_OURS")
    assert "s3cret" not in repr(built)


def test_a_service_key_written_into_the_file_is_refused_and_not_repeated():
    with pytest.raises(Exception, match=r"expected '\{\{ env.NAME \}\}'") as caught:
        component(connections={"service_key": "s3cret"})

    assert "s3cret" not in str(caught.value)


def test_other_attributes_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("OAUTH_OF_OURS", "http://connect.example.com")

    built = component(connections={"oauth_url": "{{ env.OAUTH_OF_OURS }}"})

    assert built.connections.resource().oauth_url == "http://connect.example.com"


def test_an_integration_named_twice_counts_once():
    built = component(integrations=["Xero", "xero"]).build_defs(
        dg.ComponentTree.for_test().load_context
    )

    keys = {key.path[0] for key in built.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"xero", "merged_model"}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("workspaces_per_run", 0), ("integrations", []), ("checks", {"stale_after_days": 0})],
)
def test_values_that_make_no_sense_are_refused_by_name(attribute, value):
    with pytest.raises(ValueError, match=attribute):
        component(**{attribute: value})


def test_the_package_offers_the_component_and_imports_dagster_only_for_it():
    code = "import sys, zebbra_pipeline; assert 'dagster' not in sys.modules"

    assert "ZebbraPipelineComponent" in dir(zebbra_pipeline)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zebbra_pipeline.nothing
