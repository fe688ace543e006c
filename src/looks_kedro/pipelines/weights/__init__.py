"""Fetch the weights of published networks, once, into the folder where every study looks for them."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
