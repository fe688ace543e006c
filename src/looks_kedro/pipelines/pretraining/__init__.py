"""Make the FairFace-format network that the custom model starts from."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
