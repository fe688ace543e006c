"""Split, copy and sample down, so that both classes have as many images in each part; and see that nothing leaks."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
