"""Put runs side by side: what went into them, and what came of it."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
