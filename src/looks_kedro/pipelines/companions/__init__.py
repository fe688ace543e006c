"""Find what tells the classes in the images of a variant, before a network is trained."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
