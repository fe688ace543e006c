"""Try each model where a part of the picture is missing or another's, and find the group that it serves worst."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
