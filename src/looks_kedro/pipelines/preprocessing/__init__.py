"""Find the face that each portrait is about, keep the frontal ones, bring all to one geometry."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
