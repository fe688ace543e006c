"""Put age, gender, race and class beside each face."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
