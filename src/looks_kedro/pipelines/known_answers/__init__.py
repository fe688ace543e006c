"""Try the audit on networks of which it is known what they rely on."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
