"""Map what each model's decision rests on, image by image and on average."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
