"""What `dg scaffold defs zebbra_pipeline.ZebbraPipelineComponent <name>` writes."""

from typing import Any

import dagster as dg
from dagster.components import scaffold_component

_DEFS_YAML = """\
type: {type_name}

# Everything may be left out; what is shown is the default.
attributes:
  # integrations: [Xero, Gusto]   # all that are installed
  # workspaces_per_run: 50        # the setting ZEBBRA_WORKSPACES_PER_RUN

  # connections:                  # the settings ZEBBRA_OAUTH_URL and ZEBBRA_SERVICE_KEY
  #   oauth_url: http://localhost:8765
  #   service_key: "{{{{ env.ZEBBRA_SERVICE_KEY }}}}"

  # warehouse:                    # the settings ZEBBRA_WAREHOUSE and ZEBBRA_PUBLISHED
  #   target: .zebbra/warehouse.duckdb
  #   published: .zebbra/published.duckdb

  schedule:                       # null: none
    # cron: "0 6 * * *"           # the setting ZEBBRA_REFRESH_CRON
    # full_cron: "0 3 * * 0"      # the setting ZEBBRA_FULL_CRON: the whole history; "": never
    # check_cron: "30 7 * * *"    # the setting ZEBBRA_CHECK_CRON: no provider call; "": never
    # timezone: UTC               # the setting ZEBBRA_TIMEZONE
    running: false                # true: runs without anybody turning it on

  checks:                         # null: none
    stale_after_days: 3
    # every_result_up_to: null    # 50: runs of more workspaces log only what fails or failed before
"""


class PipelineScaffolder(dg.Scaffolder[Any]):
    """Writes a `defs.yaml` that shows every attribute with its default."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        if request.scaffold_format == "python":
            scaffold_component(request)
            return
        text = _DEFS_YAML.format(type_name=request.type_name)
        if request.append:
            with request.target_path.open("a") as file:
                file.write(f"---\n{text}")
        else:
            (request.target_path / "defs.yaml").write_text(text)
