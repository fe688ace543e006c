"""Wean models off the shortcut that the audit named, and measure their reliance on it again."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
