"""From a face on disk to its matte and the matte's measures, in one go, as the engine for per-image work wants it.

The matte travels with its measures as base64 text, so that both come from one computation and one cache.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, model_validator

from looks_kedro.cache import ResultCache, fingerprint
from looks_kedro.errors import BadInputError
from looks_kedro.mattes.grabcut import GrabCut, grabcut_matte
from looks_kedro.mattes.quality import matte_quality
from looks_kedro.mattes.rembg import Device, Model, RembgMatte, device_of, weights_of

_CODE = ("looks_kedro.mattes", "looks_kedro.faces.alignment", "looks_kedro.faces.geometry", "looks_kedro.faces.decode")
_PACKAGES = ("numpy", "opencv-python-headless", "pillow")


class Mattes(BaseModel, extra="forbid", frozen=True):
    """How people are cut out."""

    method: Literal["rembg", "grabcut"] = Field(
        "rembg", description="rembg: a network, whose weights are fetched once; grabcut: by colours, without weights"
    )
    model: Model = Field("u2net_human_seg", description="rembg's network; u2netp is light, birefnet-portrait best")
    custom_weights: str | None = Field(None, description="for u2net_custom: an ONNX file in the folder of weights")
    device: Device = Field("auto", description="where the network runs; auto takes CUDA where ONNX Runtime has it")
    grabcut: GrabCut = GrabCut()

    @model_validator(mode="after")
    def _custom_has_a_file(self) -> Mattes:
        if self.method == "rembg" and (self.custom_weights is None) == (self.model == "u2net_custom"):
            raise ValueError("custom_weights names the ONNX file of model u2net_custom, and of no other model")
        return self

    @property
    def name(self) -> str:
        """The method for the column ``method``, such as ``grabcut`` or ``rembg u2netp``."""
        return "grabcut" if self.method == "grabcut" else f"rembg {self.custom_weights or self.model}"

    def weights_file(self, folder: Path) -> Path | None:
        """The network's file; None where the method needs none.

        Raises:
            BadInputError: it is needed and not there; the message says how to fetch it.
        """
        return None if self.method == "grabcut" else weights_of(self.model, folder, self.custom_weights)

    def fingerprint(self, folder: Path) -> str:
        """What mattes and measures depend on beside the face, for ``looks_kedro.cache.Cached``.

        Args:
            folder: where the weights lie; they count by their content.
        """
        weights = self.weights_file(folder)
        if weights is None:
            return fingerprint("matte", self.grabcut, code=_CODE, packages=_PACKAGES)
        return fingerprint(
            "matte",
            self.model,
            device_of(self.device),
            code=_CODE,
            packages=(*_PACKAGES, "rembg", "onnxruntime"),
            files=[weights],
        )

    def processes_for(self, wanted: int | None) -> int | None:
        """How many processes to work in: one where a GPU is used, which more would only crowd."""
        return 1 if self.method == "rembg" and device_of(self.device) == "cuda" else wanted


@dataclass(frozen=True)
class FaceToCut:
    """A face to be cut out.

    Attributes:
        path: its file.
        file: what messages call it.
        sha256: of the file, by which its matte is known again.
        landmarks: x and y of the five landmarks in its pixels, 10 numbers.
    """

    path: Path
    file: str
    sha256: str
    landmarks: tuple[float, ...]

    @property
    def key(self) -> str:
        """What the matte depends on beside the settings."""
        return f"{self.sha256} {json.dumps(self.landmarks)}"


def matte_key(face: FaceToCut) -> str:
    """The key of a face's matte, for ``looks_kedro.cache.Cached``."""
    return face.key


class Matter:
    """Cuts faces out by one method; the state of a process: ``setup=partial(Matter, settings, weights_folder)``.

    Args:
        settings: the method.
        weights_folder: where a network's weights lie.
    """

    def __init__(self, settings: Mattes, weights_folder: Path | None = None) -> None:
        self.settings = settings
        self._network: RembgMatte | None = None
        if settings.method == "rembg":
            if weights_folder is None:
                raise ValueError("rembg needs the folder of weights")
            weights = settings.weights_file(weights_folder)
            assert weights is not None
            self._network = RembgMatte(settings.model, weights, settings.device)

    def matte(self, face: npt.NDArray[np.uint8], landmarks: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The matte (H, W) uint8 of a face (H, W, 3) uint8 RGB with landmarks (5, 2)."""
        if self._network is not None:
            return self._network.matte(face)
        return grabcut_matte(face, landmarks, self.settings.grabcut)


def make_matte(state: Matter, item: FaceToCut) -> dict[str, Any]:
    """Cut one face out and judge the matte.

    Args:
        state: the method.
        item: the face.

    Returns:
        What JSON can hold: ``png``, the matte as a grey PNG file in base64, and the measures of ``matte_quality``.
        Whether it passes is said by ``decide``, apart, so that other limits need no new mattes.
    """
    from looks_kedro.faces.decode import decode

    face = decode(item.path)
    landmarks = np.asarray(item.landmarks, dtype=np.float64).reshape(5, 2)
    matte = state.matte(face, landmarks)
    return {"png": base64.b64encode(_png(matte)).decode("ascii"), **matte_quality(face, matte, landmarks)}


def saved_matte(results: ResultCache, key: str) -> bytes:
    """The PNG file of a matte that :func:`make_matte` made and the cache holds.

    Args:
        results: the cache.
        key: ``Cached.key_of`` of the face.

    Raises:
        BadInputError: the cache has lost it, because somebody removed it during the run.
    """
    found = results.known([key])
    if key not in found:
        raise BadInputError(f"{results.path}: a matte is gone that was made a moment ago. Run again.")
    return base64.b64decode(json.loads(found[key])["png"])


def matte_pixels(png: str | bytes) -> npt.NDArray[np.uint8]:
    """A matte (H, W) uint8 from a PNG file, or from its base64 text."""
    from PIL import Image

    data = base64.b64decode(png) if isinstance(png, str) else png
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("L"), dtype=np.uint8)


def _png(matte: npt.NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(matte).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
