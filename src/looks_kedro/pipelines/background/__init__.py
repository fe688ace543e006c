"""Cut the person out, and build each variant of the images that the models see."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
