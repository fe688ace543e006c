"""Nodes of the export pipeline."""

from typing import Any

from .parameters import Export


def export_model(model: dict[str, Any], export: Export) -> tuple[bytes, bytes]:
    """Write a trained model in two formats that other programs read.

    Args:
        model: checkpoint of a trained network.
        export: how.

    Returns:
        The bytes of an ONNX file, whose logits onnxruntime gives as torch does, and those of a safetensors file.

    Raises:
        UnequalLogitsError: the exported network gives other logits.
    """
    from looks_kedro.learning.export import onnx_bytes, safetensors_bytes

    return onnx_bytes(model, opset=export.opset, tolerance=export.tolerance), safetensors_bytes(model)
