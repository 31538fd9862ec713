"""The pipeline for projects of `dg`, configured in YAML."""
