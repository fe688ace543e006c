"""Weights of published networks from a file: read safely, compared with the network, and everything wrong named."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    import torch
    from torch import nn


def load_network(network: nn.Module, path: Path, what: str, *, optional: tuple[str, ...] = ()) -> nn.Module:
    """Fill a network with the weights of a file, in evaluation mode, on the CPU.

    Args:
        network: made on the device ``meta``, so that no random weights are drawn for nothing.
        path: a state dict saved by torch, in its zip format or the one before.
        what: the file for messages, such as ``HopeNet weights (hopenet_alpha2.pkl)``.
        optional: beginnings of names that the file may have or lack, such as ``logits.``.

    Raises:
        BadInputError: there is no such file; it is a web page, a Git LFS pointer, empty or no weights; or the weights
            are those of another network, or not finite.
    """
    import torch

    weights = _without_prefix(_read(path, what))
    wanted = network.state_dict()
    wrong = [
        name
        for name, value in wanted.items()
        if (name not in weights and not name.endswith("num_batches_tracked") and not name.startswith(optional))
        or (name in weights and weights[name].shape != value.shape)
    ]
    wrong += [name for name in weights if name not in wanted and not (optional and name.startswith(optional))]
    if wrong:
        raise BadInputError(
            f"{path}: expected {what}, found another network: {len(wrong)} names or shapes differ "
            f"({', '.join(_difference(name, wanted, weights) for name in wrong[:3])}). Give the published file."
        )
    for name, value in weights.items():
        if name in wanted and value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise BadInputError(f"{path}: expected {what}, found numbers in {name} that are not finite; download again")
    # What the file lacks has no part in the result: counts of training steps, and left-over layers.
    filled = {
        name: weights[name].to(value.dtype) if name in weights else torch.zeros(value.shape, dtype=value.dtype)
        for name, value in wanted.items()
    }
    network.load_state_dict(filled, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def _read(path: Path, what: str) -> dict[str, torch.Tensor]:
    import torch

    if not path.is_file():
        raise BadInputError(f"{path}: expected {what}, found no such file; download it, or correct the parameter")
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if not start:
        raise BadInputError(f"{path}: expected {what}, found an empty file; download it again")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise BadInputError(
            f"{path}: expected {what}, found a saved web page (a login, quota or error page of a download service, "
            f"as a rule); download the file itself"
        )
    if start.startswith(b"version https://git-lfs"):
        raise BadInputError(f"{path}: expected {what}, found a Git LFS pointer; fetch the file with git lfs pull")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise BadInputError(
            f"{path}: expected {what}, found {path.stat().st_size:,} bytes that torch refuses ({reason}); it is cut "
            f"off or no file of weights: download it again"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise BadInputError(f"{path}: expected {what}, a state dict (names to tensors), found {type(content).__name__}")
    return {str(name): value for name, value in content.items()}


def _without_prefix(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names as in the network: training on several GPUs puts ``module.`` in front of all."""
    return {name.removeprefix("module."): value for name, value in weights.items()}


def _difference(name: str, wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> str:
    if name not in found:
        return f"no {name}"
    if name not in wanted:
        return f"{name} too many"
    return f"{name} {tuple(found[name].shape)} in place of {tuple(wanted[name].shape)}"
