"""Files of weights: what lies in their place by mishap is named, the rest is read safely and compared with a network.

Every message has the form ``FILE: expected WHAT, found ...; what to do``. torch is loaded when a file is read.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["differences", "fill", "load_network", "plain_names", "read_content", "read_weights", "state_dict_of"]

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training programs put the state dict, beside optimizers and counters."""
_PREFIXES = ("module.", "_orig_mod.")
"""Which training on several GPUs and ``torch.compile`` put in front of every name."""


def load_network(network: nn.Module, path: Path, what: str, *, optional: tuple[str, ...] = ()) -> nn.Module:
    """Fill a network with the weights of a file, in evaluation mode, on the CPU; its weights do not train.

    Args:
        network: made on the device ``meta``, so that no random weights are drawn for nothing.
        path: a state dict saved by torch, in its zip format or the one before.
        what: the file for messages, such as ``HopeNet weights (hopenet_alpha2.pkl)``.
        optional: beginnings of names that the file may have or lack, such as ``logits.``.

    Raises:
        BadInputError: there is no such file; it is a web page, a Git LFS pointer, empty or no weights; or the weights
            are those of another network, or not finite.
    """
    fill(network, read_weights(path, what), f"{path}: expected {what}", optional=optional, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def read_weights(path: Path, what: str, missing: str = "download it, or correct the parameter") -> dict[str, Any]:
    """The state dict in a file of torch, without prefixes of parallel training.

    Args:
        path: a state dict, or a dict that holds one.
        what: what is expected, for messages.
        missing: what to do where there is no such file.

    Raises:
        BadInputError: the file is not that; says what it is and what to do.
    """
    return state_dict_of(read_content(path, what, missing), f"{path}: expected {what}")


def read_content(path: Path, what: str, missing: str = "download it, or correct the parameter") -> Any:
    """What ``torch.save`` wrote, on the CPU, without running code from the file.

    Args:
        path: the file.
        what: what is expected, for messages.
        missing: what to do where there is no such file.

    Raises:
        BadInputError: the file is missing, cannot be read, or is something else; says what it is and what to do.
    """
    import torch

    problem = _impostor(path, missing)
    if problem:
        raise BadInputError(f"{path}: expected {what}, found {problem}")
    try:
        # The unpickler warns of protocols that it takes damaged bytes for; what is wrong is told below.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged files make torch raise nearly every kind, struct.error among them
        raise BadInputError(f"{path}: expected {what}, found {_refused(path, error)}") from error


def state_dict_of(content: Any, told: str) -> dict[str, Any]:
    """The state dict in what a file holds, names without prefixes of parallel training.

    Args:
        content: a state dict, or a dict with one under ``state_dict``, ``model_state_dict`` or ``model``.
        told: begins messages, such as ``a.pt: expected FairFace weights``.

    Raises:
        BadInputError: there is none.
    """
    if isinstance(content, Mapping):
        content = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping):
        raise BadInputError(f"{told}, a state dict (names to tensors), found {type(content).__name__}; {_SAVE}")
    other = [str(name) for name, value in content.items() if not _is_tensor(value)]
    if other or not content:
        found = f"no tensor under {', '.join(other[:3])}" if other else "an empty dict"
        raise BadInputError(f"{told}, a state dict (names to tensors), found {found}; {_SAVE}")
    return plain_names(content)


def plain_names(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights under the network's own names, without ``module.`` or ``_orig_mod.`` in front of all of them."""
    found = {str(name): value for name, value in weights.items()}
    while True:
        prefix = next((one for one in _PREFIXES if found and all(name.startswith(one) for name in found)), None)
        if prefix is None:
            return found
        found = {name.removeprefix(prefix): value for name, value in found.items()}


def differences(
    wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], optional: tuple[str, ...] = ()
) -> list[str]:
    """In what a state dict differs from that of a network: names that lack or are too many, and shapes.

    Args:
        wanted: the network's.
        found: the one to compare; counters of batch normalisation may lack, as in files of old versions of torch.
        optional: beginnings of names that may be there or not.
    """
    told = []
    for name, value in wanted.items():
        if name not in found:
            if not name.endswith("num_batches_tracked") and not (optional and name.startswith(optional)):
                told.append(f"no {name}")
        elif found[name].shape != value.shape:
            told.append(f"{name} {tuple(found[name].shape)} in place of {tuple(value.shape)}")
    return told + [
        f"{name} too many" for name in found if name not in wanted and not (optional and name.startswith(optional))
    ]


def fill(
    network: nn.Module,
    weights: Mapping[str, torch.Tensor],
    told: str,
    *,
    optional: tuple[str, ...] = (),
    assign: bool = False,
) -> None:
    """Put weights into a network, after everything has been compared.

    Args:
        network: what it has under the optional names, and counters of batch normalisation that lack, stay as they are.
        weights: a state dict.
        told: begins messages, such as ``a.pt: expected weights of resnet50``.
        optional: beginnings of names that may be there or not.
        assign: take the tensors themselves, for networks on the device ``meta``; what lacks becomes zero there.

    Raises:
        BadInputError: names or shapes differ, or a number is not finite.
    """
    import torch

    wanted = network.state_dict()
    wrong = differences(wanted, weights, optional)
    if wrong:
        raise BadInputError(
            f"{told}, found another network: {len(wrong)} names or shapes differ ({', '.join(wrong[:3])}); "
            f"give the file that belongs to it"
        )
    filled = OrderedDict[str, torch.Tensor]()
    for name, value in wanted.items():
        given = weights.get(name)
        if given is None:
            filled[name] = torch.zeros(value.shape, dtype=value.dtype) if value.is_meta else value
            continue
        if given.is_floating_point() and not bool(torch.isfinite(given).all()):
            raise BadInputError(f"{told}, found numbers in {name} that are not finite; download or train it again")
        filled[name] = given.to(value.dtype)
    # MNASNet refuses a state dict that does not carry the version of its layers.
    filled._metadata = wanted._metadata  # type: ignore[attr-defined]
    network.load_state_dict(filled, assign=assign)


_SAVE = "save model.state_dict() with torch.save"


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _impostor(path: Path, missing: str) -> str:
    """What a file is that torch cannot have written, with the remedy; "" where it may be weights."""
    from looks_kedro.sources.media_types import ENOUGH, describe, media_type

    if not path.is_file():
        return f"{'a folder' if path.is_dir() else 'no such file'}; {missing}"
    try:
        with path.open("rb") as file:
            start = file.read(ENOUGH)
    except OSError as error:
        return f"a file that cannot be read ({error}); correct its permissions"
    if not start:
        return "an empty file (0 bytes); download or train it again"
    kind = media_type(start)
    if kind == "text/html":
        return (
            "a saved web page (a login, quota or error page of a download service, as a rule); open the link in a "
            "browser and download the file itself, or take another source"
        )
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, which only names the file; fetch the file with git lfs pull where it came from"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return (
            "a safetensors file; if it was exported here, looks_kedro.learning.checkpoint_from_safetensors reads it, "
            "else save what safetensors.torch.load_file gives with torch.save"
        )
    # A version number, then a producer, a graph, or another of the model's fields, each with its length.
    if start[:1] == b"\x08" and len(start) > 2 and start[1] < 32 and start[2] & 7 in (0, 2) and start[2] >> 3 in _ONNX:
        return "an ONNX file, from which nothing can be trained; give the file of torch (.pt, .pth) that it came from"
    if kind == "application/zip":
        return _other_zip(path)
    return f"{describe(start)}, which torch refuses; download the file itself" if kind else ""


_ONNX = (2, 3, 4, 5, 6, 7, 8, 14, 20)  # numbers of the fields of onnx.ModelProto that may come second


def _other_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # cut off or damaged, for which it has many kinds of errors: torch says where
        return ""
    if any(name.endswith("constants.pkl") for name in names):
        return f"a TorchScript program, not weights alone; {_SAVE} where it was made"
    if any(name.endswith("data.pkl") for name in names):
        return ""
    held = f"with {', '.join(names[:3])} in it" if names else "with nothing in it"
    return f"a zip archive {held}; unpack it and give the file of weights within"


def _refused(path: Path, error: Exception) -> str:
    message = str(error)
    forbidden = re.search(r"GLOBAL (\S+)", message) or re.search(r"global (\S+\.\S+)", message)
    if isinstance(error, pickle.UnpicklingError) and forbidden:
        return (
            f"a file that torch refuses, since it could run code: it holds Python objects other than tensors, numbers, "
            f"texts, lists and dicts ({forbidden[1]}; a whole pickled model?); save the state_dict() alone where it "
            f"was made: torch.save(model.state_dict(), path)"
        )
    reason = (message.strip().splitlines() or [type(error).__name__])[0][:200]
    return (
        f"{path.stat().st_size:,} bytes that torch refuses ({reason}); it is cut off, damaged or no file of weights: "
        f"download or train it again"
    )
