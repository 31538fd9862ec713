"""The pipeline: fetch into the warehouse, merge into the models, run by Dagster."""
