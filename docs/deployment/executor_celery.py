"""The pipeline with a Celery task for each integration's step."""

from dagster_celery import celery_executor

from zebbra_pipeline import build_definitions

defs = build_definitions(executor=celery_executor)
