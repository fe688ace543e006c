"""A checkpoint as an ONNX or a safetensors file, for use without this project; checked for equal logits."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from looks_kedro.errors import BadInputError, LooksError
from looks_kedro.learning.checkpoints import model_from_checkpoint
from looks_kedro.learning.onnx_exporters import to_onnx
from looks_kedro.weight_files import fill

__all__ = [
    "UnequalLogitsError",
    "checkpoint_from_safetensors",
    "export_onnx",
    "export_safetensors",
    "onnx_bytes",
    "safetensors_bytes",
]

log = logging.getLogger(__name__)

OPSET = 18
"""Version of the ONNX operators; onnxruntime knows it since 1.14."""

_LARGEST_ONNX = 2**31 - 2**20  # bytes; a protocol buffer cannot hold more
_IMAGES = 3  # random ones, on which the logits are compared
_TEXTS = ("format", "backbone", "data_version")
_VALUES = ("classes", "image_size", "mean", "std", "git_commit", "metadata")


class UnequalLogitsError(LooksError):
    """An exported network does not give the logits of the checkpoint."""


def export_onnx(
    checkpoint: Mapping[str, Any], path: str | Path, *, opset: int = OPSET, tolerance: float = 1e-4
) -> Path:
    """Write a network as ONNX.

    Args:
        checkpoint: what ``make_checkpoint`` or ``load_checkpoint`` gives.
        path: the file; it is replaced in one step.
        opset: as for :func:`onnx_bytes`.
        tolerance: as there.

    Returns:
        The path.

    Raises:
        UnequalLogitsError: onnxruntime's logits differ; nothing is written.
        BadInputError: the checkpoint cannot be used, or is too large for ONNX.
    """
    return _write(onnx_bytes(checkpoint, opset=opset, tolerance=tolerance), Path(path))


def export_safetensors(checkpoint: Mapping[str, Any], path: str | Path) -> Path:
    """Write a network as safetensors; :func:`checkpoint_from_safetensors` reads it back.

    Args:
        checkpoint: what ``make_checkpoint`` or ``load_checkpoint`` gives.
        path: the file; it is replaced in one step.

    Returns:
        The path.

    Raises:
        UnequalLogitsError: the logits differ when it is read back; nothing is written.
        BadInputError: the checkpoint cannot be used.
    """
    return _write(safetensors_bytes(checkpoint), Path(path))


def onnx_bytes(checkpoint: Mapping[str, Any], *, opset: int = OPSET, tolerance: float = 1e-4) -> bytes:
    """A network as the bytes of an ONNX file.

    Its input ``images`` is float32 (N, 3, S, S) with any N and the checkpoint's S, normalised: divided by 255, less
    ``mean``, divided by ``std``; its output ``logits`` is (N, classes). Its metadata hold all of the checkpoint but
    the weights: texts as they are, everything else as JSON.

    Args:
        checkpoint: what ``make_checkpoint`` or ``load_checkpoint`` gives.
        opset: version of the ONNX operators.
        tolerance: largest difference of a logit between torch and onnxruntime on random images; as a share of the
            largest logit where that is above 1.

    Raises:
        UnequalLogitsError: the logits differ by more, or are not finite.
        LooksError: torch cannot write this version of the operators.
        BadInputError: the checkpoint cannot be used, or is too large for ONNX.
    """
    model = model_from_checkpoint(checkpoint)
    size = sum(value.nbytes for value in model.state_dict().values())
    if size > _LARGEST_ONNX:
        raise BadInputError(
            f"checkpoint: {size:,} bytes of weights; one ONNX file holds {_LARGEST_ONNX:,}. Export it as safetensors."
        )
    images = _random_images(checkpoint)
    content = _without_traces(to_onnx(model, images, opset), checkpoint)
    batches = [images, images[:1]]
    for batch, logits in zip(batches, _run_onnx(content, batches), strict=True):
        _compare(model, batch, logits, tolerance, "onnxruntime")
    return content


def safetensors_bytes(checkpoint: Mapping[str, Any]) -> bytes:
    """A network as the bytes of a safetensors file.

    Its metadata hold all of the checkpoint but the weights: texts as they are, everything else as JSON.

    Args:
        checkpoint: what ``make_checkpoint`` or ``load_checkpoint`` gives.

    Raises:
        UnequalLogitsError: the logits differ, be it by the last bit, when it is read back.
        BadInputError: the checkpoint cannot be used.
    """
    from safetensors.torch import save

    # A tensor that shares its memory with another would be refused.
    weights = {name: value.clone().contiguous() for name, value in checkpoint["state_dict"].items()}
    content = _in_order(save(weights, _metadata(checkpoint)))
    images = _random_images(checkpoint)
    model = model_from_checkpoint(checkpoint)
    again = copy.deepcopy(model)
    fill(again, _from_safetensors(content, "safetensors")["state_dict"], "safetensors: expected the same weights")
    with torch.inference_mode():
        _compare(model, images, again(images).numpy(), 0.0, "safetensors")
    return content


def _in_order(content: bytes) -> bytes:
    """The same file with sorted metadata, which the library writes in an order that differs from run to run."""
    header, data = _header(content)
    texts = header.pop("__metadata__")
    text = json.dumps({"__metadata__": dict(sorted(texts.items())), **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def _header(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file: its first 8 bytes say how many bytes of JSON the header is."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def checkpoint_from_safetensors(path: str | Path) -> dict[str, Any]:
    """The checkpoint in a safetensors file that this project has exported.

    Args:
        path: the file.

    Returns:
        What ``make_checkpoint`` gave, for ``model_from_checkpoint``.

    Raises:
        BadInputError: there is no such file, it is no safetensors file, or another program wrote it.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInputError(f"{path}: expected a safetensors file, found no such file; correct the path or export it")
    return _from_safetensors(path.read_bytes(), str(path))


def _from_safetensors(content: bytes, told: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        weights = load(content)
        texts = _header(content)[0].get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise BadInputError(
            f"{told}: expected a safetensors file, found {len(content):,} bytes of something else, or cut off "
            f"({error}); export it again, or read a file of torch (.pt) with load_checkpoint"
        ) from error
    missing = [key for key in (*_TEXTS, *_VALUES) if key not in texts]
    if missing:
        raise BadInputError(
            f"{told}: expected metadata of looks_kedro, found none for {', '.join(missing)}; another program wrote it: "
            f"name its network with make_checkpoint(safetensors.torch.load_file(path), backbone, image_size=...)"
        )
    values = {key: json.loads(texts[key]) for key in _VALUES}
    return {**{key: texts[key] for key in _TEXTS}, **values, "state_dict": weights}


def _metadata(checkpoint: Mapping[str, Any]) -> dict[str, str]:
    texts = {key: str(checkpoint.get(key, "")) for key in _TEXTS}
    return texts | {key: json.dumps(checkpoint.get(key), sort_keys=True) for key in _VALUES}


def _random_images(checkpoint: Mapping[str, Any]) -> torch.Tensor:
    size = checkpoint["image_size"]
    drawn = torch.rand((_IMAGES, 3, size, size), generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(checkpoint[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (drawn - mean) / std


def _without_traces(content: bytes, checkpoint: Mapping[str, Any]) -> bytes:
    """With the checkpoint's metadata, and without those of the exporter, which name files of this machine."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.helper.set_model_props(model, _metadata(checkpoint))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _run_onnx(content: bytes, batches: Sequence[torch.Tensor]) -> list[npt.NDArray[np.float32]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Its threads would wait busily and keep torch's from the processor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return [session.run(["logits"], {"images": images.numpy()})[0] for images in batches]


def _compare(
    model: nn.Module, images: torch.Tensor, found: npt.NDArray[np.float32], tolerance: float, where: str
) -> None:
    with torch.inference_mode():
        expected = model(images).numpy()
    difference = float(np.abs(expected - found).max())
    # 32-bit numbers of hundreds differ in the fifth digit after the point whoever computes them.
    allowed = tolerance * max(1.0, float(np.abs(expected).max()))
    # Written so that a difference that is no number is too large as well.
    if not difference <= allowed:
        raise UnequalLogitsError(
            f"export: {where} gives logits that differ by up to {difference:.2g} from torch's; expected at most "
            f"{allowed:.2g}. Another version of the package may do; a larger export.tolerance accepts it."
        )
    log.info("Logits by %s and by torch differ by at most %.2g", where, difference)


def _write(content: bytes, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
