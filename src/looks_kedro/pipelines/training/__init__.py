"""Train each backbone on each variant and predict the test part."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
