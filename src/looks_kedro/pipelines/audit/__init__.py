"""Find what each model's decisions rest on, by exchanging one thing at a time."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
