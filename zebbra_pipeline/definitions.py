"""What `workspace.yaml` loads: the pipeline with the installed integrations and the settings."""

import gc

# Dagster has just made some hundred thousand objects that live as long as the process. Python
# would look through all of them once while these definitions are built, and free nothing.
_collecting = gc.isenabled()
gc.disable()
try:
    from zebbra_pipeline.orchestration.building import build_definitions

    defs = build_definitions()
finally:
    if _collecting:
        gc.enable()
