"""Trains portrait classifiers and measures whether they look at the face."""

__version__ = "0.1.0"
