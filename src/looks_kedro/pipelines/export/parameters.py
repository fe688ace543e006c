"""Parameters of the export pipeline."""

from pydantic import BaseModel, Field


class Export(BaseModel, extra="forbid", frozen=True):
    """How models are exported."""

    # 28 is the newest that torch 2.15 and onnx 1.23 write; which of them an older torch can do, the export tells.
    opset: int = Field(18, ge=18, le=28, description="version of the ONNX operators")
    tolerance: float = Field(
        1e-4,
        gt=0,
        allow_inf_nan=False,
        description="largest difference of logits by torch and onnxruntime, as a share of those above 1",
    )
