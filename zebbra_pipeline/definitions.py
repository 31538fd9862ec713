"""What `workspace.yaml` loads: the pipeline with the installed integrations and the settings."""

from zebbra_pipeline.building import build_definitions

defs = build_definitions()
