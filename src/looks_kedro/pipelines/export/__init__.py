"""Write each trained model as ONNX and as safetensors, for use without this project."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
