"""The study's cost experiment: one setting at a time, and what saves most on this machine."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
