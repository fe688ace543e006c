"""A trained network that answers for photos: its own weights and the face detector are loaded once."""

from __future__ import annotations

import io
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.errors import BadParameterError
from looks_kedro.faces.detection import device_named
from looks_kedro.parallel import map_batches
from looks_kedro.prediction.photos import Photo
from looks_kedro.prediction.preparing import Preparation, PreparedPhoto, Preparer, prepare_photos
from looks_kedro.prediction.results import Prediction, Regions
from looks_kedro.prediction.verdicts import audit_note

if TYPE_CHECKING:
    from looks_kedro.cam import Evidence

__all__ = ["Predictor", "usable_temperature"]

Checkpoint = Mapping[str, Any]

_COLDEST = 0.0505
"""Temperatures below are the end of the range that is searched: no test image was answered wrongly."""

_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_TIFF_MODES = frozenset({"CMYK", "F", "I", "I;16B", "LAB", "PA", "RGBX", "YCbCr"})
"""Modes of PIL images that the formats keep without loss."""
_PLAIN = {"La": "LA", "RGBa": "RGBA"}
"""Modes that are converted to another one than RGB."""


class Predictor:
    """Answers for photos; ``Predictor(checkpoint)("ada.jpg")`` is all it takes.

    Args:
        checkpoint: a trained network, as ``make_checkpoint`` gives and the catalog loads it; or its file.
        preparation: how photos are prepared; it must be as the network's own images were.
        temperature: of the calibration (``calibration_summary``); none leaves probabilities as they are.
        verdict: what the audit saved about this network (``verdict.json``), which stands beside every answer.
        model: what the network is called; its backbone on its variant where nothing is given.
        device: where the network runs; ``auto`` takes a GPU where there is one.
        batch_size: photos a pass of the network.

    Raises:
        BadInputError: the checkpoint is none, or weights are missing that the preparation needs.
    """

    def __init__(
        self,
        checkpoint: Checkpoint | str | os.PathLike[str],
        preparation: Preparation | None = None,
        *,
        temperature: float | None = None,
        verdict: Mapping[str, Any] | None = None,
        model: str = "",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        batch_size: int = 32,
    ) -> None:
        from looks_kedro.learning import load_checkpoint

        given = load_checkpoint(Path(checkpoint)) if isinstance(checkpoint, (str, os.PathLike)) else checkpoint
        self.preparation = preparation or Preparation()
        self.preparation.check()
        red, green, blue = given["metadata"].get("alpha_colour", (0, 0, 0))
        # Another size or colour than the network was trained with would be another question.
        self._setup = partial(Preparer, self.preparation, int(given["image_size"]), (red, green, blue))
        first, second = given["classes"]
        self._answer = Prediction(
            "",
            model=model or f"{given['backbone']} on {self.preparation.variant.kind} images",
            audit=audit_note(verdict),
            classes=(str(first), str(second)),
            temperature=temperature,
            alpha_colour=(red, green, blue),
        )
        self._network = _Network(given, device)
        self._batch_size = batch_size

    def __call__(self, picture: Any) -> Prediction:
        """Answer for one picture.

        Args:
            picture: a file, its bytes, a uint8 array (H, W, 3) RGB, (H, W, 4) RGBA or (H, W), or a PIL image.

        Returns:
            The answer, which shows itself in a notebook; a refusal where there is no one face from the front.
        """
        if isinstance(picture, (str, os.PathLike)):
            return self._one(Photo(Path(picture), Path(picture).name))
        with tempfile.TemporaryDirectory() as folder:
            # Through a file, so that it goes the way of all photos.
            path = Path(folder) / "picture"
            path.write_bytes(_as_file(picture))
            return self._one(Photo(path, "picture"))

    def stream(self, photos: Sequence[Photo], processes: int | None = 1) -> Iterator[Prediction]:
        """Answer for many photos, in their order, a few at a time in memory.

        Args:
            photos: of :func:`looks_kedro.prediction.find_photos`.
            processes: that find faces, while the network runs in this one; 1 works here alone, None takes one a core;
                on a GPU there is one.
        """
        how = self.preparation
        prepared = map_batches(
            prepare_photos,
            photos,
            setup=self._setup,
            processes=partial(_processes, how, processes),
            batch_size=how.detection.batch_size,
            description="predicting",
        )
        while group := list(itertools.islice(prepared, self._batch_size)):
            yield from self._answers(group)

    @cached_property
    def _preparer(self) -> Preparer:
        return self._setup()

    def _one(self, photo: Photo) -> Prediction:
        (prediction,) = self._answers(prepare_photos(self._preparer, [photo]))
        return prediction

    def _answers(self, prepared: Sequence[PreparedPhoto]) -> list[Prediction]:
        """Show a few photos to the network together; refused ones pass by."""
        seen = [one.seen for one in prepared if one.seen is not None]
        evidence = self._network.evidence(np.stack(seen)) if seen else None
        answers, place = [], 0
        for one in prepared:
            answer = replace(self._answer, file=one.file, reason=one.reason, detail=one.detail, shown=one.shown)
            if evidence is not None and one.regions is not None:
                answer = _answered(answer, evidence, place, one.regions)
                place += 1
            answers.append(answer)
        return answers


class _Network:
    """A network on its device, and the way to its maps."""

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        import torch

        from looks_kedro.learning import model_from_checkpoint
        from looks_kedro.learning.data import choose_device

        self.device = choose_device(device)
        network = model_from_checkpoint(checkpoint)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def evidence(self, images: npt.NDArray[np.uint8]) -> Evidence:
        """Signed evidence and logits of images, uint8 (n, S, S, 3)."""
        from looks_kedro.cam import network_evidence
        from looks_kedro.learning import split_head
        from looks_kedro.learning.data import on_device

        return network_evidence(self.network, [on_device(images, self.device)], split_head)


def usable_temperature(summary: pd.DataFrame) -> float | None:
    """The temperature of a calibration, or none.

    A model without an error on the test part has no temperature of its own: the best one is the coldest there is, and
    would make every answer certain.

    Args:
        summary: table ``calibration_summary``, one row, or none where there was no calibration.
    """
    value = float(summary["temperature"].iloc[0]) if len(summary) else float("nan")
    return value if value > _COLDEST else None


def _answered(answer: Prediction, evidence: Evidence, place: int, numbers: npt.NDArray[np.uint8]) -> Prediction:
    from looks_kedro.audit.regions import REGIONS
    from looks_kedro.cam import attention_by_region

    ordinary, celebrity = (float(value) for value in evidence.logits[place])
    signed = evidence.signed[place]
    masks = {name: numbers == number for number, name in enumerate(REGIONS)}
    toward = np.array([int(celebrity > ordinary)])
    shares = attention_by_region(signed[None], [masks], toward)
    share, area = (dict(zip(shares.regions, values[0].tolist(), strict=True)) for values in (shares.share, shares.area))
    return replace(answer, logits=(ordinary, celebrity), evidence=signed, regions=Regions(share, area))


def _processes(how: Preparation, wanted: int | None) -> int | None:
    """One process where networks run on a GPU, which more would only crowd."""
    if device_named(how.detection.device) != "cpu":
        return 1
    return how.mattes.processes_for(wanted) if how.variant.needs_matte else wanted


def _as_file(picture: Any) -> bytes:
    """Bytes of an image file without loss."""
    from PIL import Image as Pictures
    from PIL import ImageOps

    if isinstance(picture, (bytes, bytearray, memoryview)):
        return bytes(picture)
    if isinstance(picture, np.ndarray):
        coloured = picture.ndim == 3 and picture.shape[2] in (3, 4)
        if picture.dtype != np.uint8 or not (coloured or picture.ndim == 2) or not picture.size:
            raise BadParameterError(
                f"expected a picture as uint8 (H, W, 3), (H, W, 4) or (H, W); found {picture.dtype} {picture.shape}"
                f"{_remedy(picture)}"
            )
        picture = Pictures.fromarray(np.ascontiguousarray(picture))
    if not isinstance(picture, Pictures.Image):
        raise BadParameterError(f"expected a file, bytes, a uint8 array or a PIL image; found {type(picture).__name__}")
    upright = ImageOps.exif_transpose(picture)
    if upright.mode not in _PNG_MODES | _TIFF_MODES:
        upright = upright.convert(_PLAIN.get(upright.mode, "RGB"))
    stream = io.BytesIO()
    upright.save(stream, "PNG" if upright.mode in _PNG_MODES else "TIFF")
    return stream.getvalue()


def _remedy(picture: npt.NDArray[Any]) -> str:
    """How to make a picture of an array that is nearly one."""
    if picture.ndim == 3 and picture.shape[2] == 1:
        return "; give picture[:, :, 0]"
    if picture.ndim == 3 and picture.shape[0] in (3, 4):
        return "; give picture.transpose(1, 2, 0)"
    return ""
