"""Merges landed figures into Zebbra's model documents."""

from zebbra_pipeline.merge.documents import (
    ModelDocumentError,
    check_document,
    load_model,
    load_models,
    model_paths,
)
from zebbra_pipeline.merge.model import merge_model
from zebbra_pipeline.merge.resolve import MalformedReferenceError, Reference, parse_reference
from zebbra_pipeline.merge.show import table_of
from zebbra_pipeline.merge.starter import starter_model

__all__ = [
    "MalformedReferenceError",
    "ModelDocumentError",
    "Reference",
    "check_document",
    "load_model",
    "load_models",
    "merge_model",
    "model_paths",
    "parse_reference",
    "starter_model",
    "table_of",
]
