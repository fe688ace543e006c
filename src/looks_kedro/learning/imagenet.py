"""Start from ImageNet: torchvision's published weights, or a file of the same format, under a new head."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import head_name, published_name, skeleton, with_new_head
from looks_kedro.weight_files import differences, read_weights, state_dict_of

__all__ = ["load_imagenet", "start_from_imagenet"]

log = logging.getLogger(__name__)

_SIDE_OUTPUTS = ("aux1.", "aux2.", "AuxLogits.")
"""Of GoogLeNet and Inception; they help training from nothing and are left out here."""

# Names in DenseNet's files are older than torch's rule that a module's name has no dot.
_DOTTED = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$")


def load_imagenet(backbone: str, source: str | Path | Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """ImageNet weights of a backbone, checked.

    Args:
        backbone: name for ``build_backbone``.
        source: a file saved by torch, or a state dict. A file named as torchvision names its own, ending in
            ``-HASH.pth``, must have a sha256 that begins with HASH. The head may have any width; names may begin
            with ``module.``.

    Returns:
        State dict, head included.

    Raises:
        BadInputError: there is no such file, it is not what its name says, or it holds the weights of another network.
        BadParameterError: there is no such backbone.
    """
    published = published_name(backbone)
    what = f"ImageNet weights of {backbone}"
    if isinstance(source, str | Path):
        told = f"{source}: expected {what}"
        fetch = f"kedro run --pipelines weights --params weights.names=imagenet_{published}"
        weights = read_weights(Path(source), what, f"fetch it ({fetch}), or correct the parameter")
        _check_hash(Path(source), what)
    else:
        told = f"start weights: expected {what}"
        weights = state_dict_of(source, told)
    renamed = {_DOTTED.sub(r"\1\2", name): value for name, value in weights.items()}
    kept = {name: value for name, value in renamed.items() if not name.startswith(_SIDE_OUTPUTS)}
    model = skeleton(published)
    # The size of a position embedding is that of the images; it is resampled later.
    optional = (f"{head_name(model)}.", "encoder.pos_embedding")
    wanted, compared = (
        {name: value for name, value in names.items() if not name.startswith(optional)}
        for names in (model.state_dict(), kept)
    )
    wrong = differences(wanted, compared)
    if wrong:
        raise BadInputError(
            f"{told}, found another network: {len(wrong)} names or shapes differ ({', '.join(wrong[:3])}); give the "
            f"file of {published}, or name the backbone that the file belongs to"
        )
    return kept


def start_from_imagenet(
    backbone: str, source: str | Path | Mapping[str, Any], classes: int = 2, image_size: int | None = None
) -> nn.Module:
    """A network with ImageNet's trunk under a fresh linear layer.

    Args:
        backbone: name for ``build_backbone``.
        source: what ``load_imagenet`` takes.
        classes: width of the new layer, drawn from torch's global random state.
        image_size: as for ``build_backbone``.

    Returns:
        The network in training mode; every weight trains.

    Raises:
        BadInputError: as ``load_imagenet``, or a number is not finite.
        BadParameterError: there is no such backbone, or it cannot see images of this size.
    """
    told = f"{source if isinstance(source, str | Path) else 'start weights'}: expected ImageNet weights of {backbone}"
    return with_new_head(backbone, load_imagenet(backbone, source), classes, image_size, told=told)


def _check_hash(path: Path, what: str) -> None:
    named = re.search(r"-([0-9a-f]{8,64})\.pth$", path.name)
    if not named:
        log.warning("%s: nothing in its name tells whether it is the published file; its weights are taken", path)
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(named[1]):
        raise BadInputError(
            f"{path}: expected {what} whose sha256 begins with {named[1]}, as its name says, found {found[:16]}...; "
            f"download it again, or rename a file that was changed on purpose"
        )
