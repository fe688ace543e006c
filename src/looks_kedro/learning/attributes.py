"""Age, gender and race of faces by a network in FairFace's format, with their probabilities."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.data import ImageArray, choose_device, on_device, read_portrait
from looks_kedro.learning.fairface import ATTRIBUTES, LOGITS, load_fairface
from looks_kedro.progress import track

__all__ = ["SIDE", "attribute_words", "predict_attributes", "read_batches"]

SIDE = 224
"""Side in pixels of the square that FairFace's network sees."""


def predict_attributes(
    weights: str | Path | Mapping[str, Any],
    images: Sequence[str | Path | ImageArray],
    batch_size: int = 32,
    device: str = "auto",
    *,
    workers: int = 2,
) -> pd.DataFrame:
    """Name age, gender and race of faces.

    Images are read a batch at a time, so memory does not grow with their number.

    Args:
        weights: what ``load_fairface`` takes: a file, or a state dict with 18 logits.
        images: files or uint8 (H, W, 3) arrays in RGB, framed as FairFace frames them; resized to 224 px.
        batch_size: images at a time.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: threads that read the next batch meanwhile.

    Returns:
        One row an image, in their order: ``age``, ``gender``, ``race``, each the word of the largest logit, and
        ``age_probability``, ``gender_probability``, ``race_probability``, its softmax among the logits of the same
        attribute.

    Raises:
        BadInputError: the weights are not FairFace's, or an image cannot be read.
    """
    place = choose_device(device)
    model = _network(weights).to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    tables = [attribute_words(torch.empty(0, LOGITS))]
    batches = read_batches(images, batch_size, workers)
    with torch.inference_mode():
        for batch in track(batches, "naming age, gender and race", total=-(-len(images) // batch_size)):
            tables.append(attribute_words(model(on_device(batch, place)).float()))
    return pd.concat(tables[1:] or tables, ignore_index=True)


@dataclass(frozen=True)
class FaceFile:
    """A face to be named.

    Attributes:
        path: where the image lies.
        file: what messages call it.
        sha256: of its bytes, by which its prediction is known again.
    """

    path: Path
    file: str
    sha256: str


class AttributePredictor:
    """The network of :func:`name_faces`, made once a process; use ``functools.partial`` as ``setup``."""

    def __init__(self, weights: Path, device: str = "auto") -> None:
        self.device = choose_device(device)
        self.network = _network(weights).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def name_faces(state: AttributePredictor, items: Sequence[FaceFile]) -> list[dict[str, Any]]:
    """Name a batch of faces, for ``map_batches``; on the CPU one at a time, so that a batch changes no digit.

    Args:
        state: the network.
        items: the faces.

    Returns:
        For each the words and probabilities of :func:`predict_attributes`, these rounded to 6 digits.
    """
    size = 1 if state.device.type == "cpu" else len(items)
    tables = []
    with torch.inference_mode():
        for batch in read_batches([item.path for item in items], size, workers=1):
            tables.append(attribute_words(state.network(on_device(batch, state.device)).float()))
    named = pd.concat(tables, ignore_index=True).round(6)
    return [{str(name): value for name, value in row.items()} for row in named.to_dict("records")]


def attribute_words(logits: torch.Tensor) -> pd.DataFrame:
    """Words and probabilities of logits.

    Args:
        logits: (N, 18): seven races, two genders, nine ages.

    Returns:
        What ``predict_attributes`` gives.
    """
    parts = torch.split(logits.detach().cpu().double(), [len(words) for words in ATTRIBUTES.values()], dim=1)
    named: dict[str, Any] = {}
    for (attribute, words), part in zip(ATTRIBUTES.items(), parts, strict=True):
        probability, number = part.softmax(dim=1).max(dim=1)
        named[attribute] = pd.Series([words[index] for index in number.tolist()], dtype="str")
        named[f"{attribute}_probability"] = probability.numpy()
    order = ("age", "gender", "race")
    return pd.DataFrame(named)[[*order, *(f"{attribute}_probability" for attribute in order)]]


def _network(weights: str | Path | Mapping[str, Any]) -> nn.Module:
    state = load_fairface(weights)
    with torch.random.fork_rng(devices=[]):
        model = build_backbone("resnet34", LOGITS)
    # Files of old versions of torch lack the counters of batch normalisation; load_fairface has checked the rest.
    model.load_state_dict(state, strict=False)
    return model.eval()


def read_batches(images: Sequence[str | Path | ImageArray], size: int, workers: int) -> Iterator[ImageArray]:
    """Images in batches; the next one is read while the caller works on this one, and no further.

    Args:
        images: files or uint8 (H, W, 3).
        size: images a batch.
        workers: threads.

    Yields:
        uint8 (n, 224, 224, 3), in the order of the images.

    Raises:
        BadInputError: an image cannot be read, or is no RGB image.
    """
    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead: deque[Iterator[ImageArray]] = deque()
        for start in range(0, len(images), size):
            ahead.append(pool.map(_read, images[start : start + size]))
            if len(ahead) > 1:
                yield np.stack(list(ahead.popleft()))
        while ahead:
            yield np.stack(list(ahead.popleft()))


def _read(image: str | Path | ImageArray) -> npt.NDArray[np.uint8]:
    import cv2

    if isinstance(image, str | Path):
        return read_portrait(Path(image), SIDE, (0, 0, 0))
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise BadInputError(f"expected an image of shape (H, W, 3) and type uint8, found {image.shape} {image.dtype}")
    shrinks = min(image.shape[:2]) >= SIDE
    resized: npt.NDArray[np.uint8] = cv2.resize(
        image, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized
