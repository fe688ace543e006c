"""Put the study's tables, curves and maps on one page."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
