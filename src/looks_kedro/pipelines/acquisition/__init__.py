"""Get the raw portraits of both classes, with a row in the log for each image tried."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
