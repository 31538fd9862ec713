"""The pipeline with a pod for each integration's step, where one run's memory is too much for one."""

from dagster_k8s import k8s_job_executor

from zebbra_pipeline import build_definitions

defs = build_definitions(executor=k8s_job_executor)
