"""Parameters of the export pipeline."""

from pydantic import BaseModel, Field


class Export(BaseModel, extra="forbid", frozen=True):
    """How models are exported."""

    opset: int = Field(18, ge=18, description="version of the ONNX operators")
    tolerance: float = Field(
        1e-4, gt=0, description="largest difference of logits by torch and onnxruntime, as a share of those above 1"
    )
