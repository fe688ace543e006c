"""The two exporters of torch to ONNX, of which each version of torch has its favourite, behind one function."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn

from looks_kedro.errors import LooksError

__all__ = ["by_dynamo", "by_tracing", "to_onnx"]

log = logging.getLogger(__name__)


def to_onnx(model: nn.Module, images: torch.Tensor, opset: int) -> bytes:
    """A network as ONNX, by the exporter of torch that is there and knows its layers.

    The older one takes a quarter of the time and no package beside torch, but is deprecated since torch 2.9.

    Args:
        model: in evaluation mode.
        images: float32 (N, 3, S, S), an example of what it sees; N may vary afterwards.
        opset: version of the ONNX operators.

    Returns:
        The bytes of a file with the input ``images`` and the output ``logits``.

    Raises:
        LooksError: the newer exporter is needed and a package that it uses is missing; or torch cannot write this
            version of the operators.
    """
    content = _exported(model, images, opset)
    _check_opset(content, opset)
    return content


def _check_opset(content: bytes, opset: int) -> None:
    """See that the file has the version that was asked for, in whose place torch writes another one without a word."""
    import onnx

    (found,) = (one.version for one in onnx.load_from_string(content).opset_import if one.domain in ("", "ai.onnx"))
    if found != opset:
        raise LooksError(
            f"export.opset is {opset}; torch {torch.__version__} with onnx {onnx.__version__} writes {found} in its "
            f"place. Set export.opset to {found}, or update torch, onnx and onnxscript."
        )


def _exported(model: nn.Module, images: torch.Tensor, opset: int) -> bytes:
    with _silence():
        try:
            return by_tracing(model, images, opset)
        except Exception as error:  # where it is gone or cannot do it, the newer one tells what is wrong
            log.info("The older exporter of torch cannot do it (%s); trying the newer one", error)
        try:
            return by_dynamo(model, images, opset)
        except ImportError as error:
            raise LooksError(
                f"export to ONNX: torch {torch.__version__} needs a package: {error}; install it"
            ) from error


def by_tracing(model: nn.Module, images: torch.Tensor, opset: int) -> bytes:
    """ONNX by torch's older exporter; ``images`` (N, 3, S, S) are an example, N may vary afterwards."""
    buffer = io.BytesIO()
    axes = {"images": {0: "batch"}, "logits": {0: "batch"}}
    options: dict[str, Any] = {"dynamo": False, "dynamic_axes": axes, "verbose": False, "opset_version": opset}
    # Since torch 2.9 the type says a path; a buffer is taken as before.
    torch.onnx.export(model, (images,), cast(Any, buffer), **options, **_NAMES)
    return buffer.getvalue()


def by_dynamo(model: nn.Module, images: torch.Tensor, opset: int) -> bytes:
    """ONNX by torch's newer exporter, which needs the package onnxscript; as :func:`by_tracing`."""
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.onnx.export(
        model, (images,), None, dynamo=True, dynamic_shapes=shapes, verbose=False, opset_version=opset, **_NAMES
    )
    content: bytes = program.model_proto.SerializeToString()  # type: ignore[union-attr]
    return content


_NAMES: dict[str, Any] = {"input_names": ["images"], "output_names": ["logits"]}


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporters tell on every channel what they are about; errors still come."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
