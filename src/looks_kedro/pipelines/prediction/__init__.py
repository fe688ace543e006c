"""Answer for new photos with one trained model: class, probability, evidence by region, and the model's verdict."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
