"""Split by identity, mirror, and sample down, so that both classes have as many images in each part."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
