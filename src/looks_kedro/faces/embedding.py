"""Faces as points on a sphere: photos of one person lie near each other.

InceptionResnetV1 of facenet-pytorch, trained as FaceNet (Schroff et al., CVPR 2015) was, on VGGFace2; its weights
come from a file of the published format.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.faces.decode import MAX_PIXELS, decode
from looks_kedro.weight_files import load_network

if TYPE_CHECKING:
    from torch import nn

DIMENSIONS = 512
INPUT_SIZE = 160
"""Side of the network's input, px."""

_BATCH = 64  # on a GPU
_CLASSIFIER = "logits."  # tells the people of the training set apart; not used

Embeddings = npt.NDArray[np.float32]


class FaceEmbedder:
    """Embeddings of faces.

    Args:
        weights: ``20180402-114759-vggface2.pt``, ``20180408-102900-casia-webface.pt`` or a file of the same format.
        device: where it computes. On the CPU images pass one by one, so that an embedding is the same to the last
            bit whatever images are in the batch.

    Raises:
        BadInputError: the file is missing or holds no such weights.
    """

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        import torch

        with torch.device("meta"):
            network = build_network()
        what = "weights of facenet-pytorch's InceptionResnetV1 (20180402-114759-vggface2.pt)"
        self._network: Any = load_network(network, Path(weights), what, optional=(_CLASSIFIER,)).to(device)
        self.device = device

    def embed(self, images: Sequence[npt.NDArray[np.uint8]], boxes: Sequence[npt.ArrayLike]) -> Embeddings:
        """Embed the face of each picture.

        Args:
            images: (H, W, 3) uint8 RGB each, of any sizes.
            boxes: the face in each as MTCNN found it, (4,): left, top, right, bottom in pixels.

        Returns:
            float32 (N, 512), of unit length.

        Raises:
            ValueError: a box lies beside its picture.
        """
        return self.embed_pixels([face_pixels(image, box) for image, box in zip(images, boxes, strict=True)])

    def embed_pixels(self, pixels: Sequence[npt.NDArray[np.uint8]]) -> Embeddings:
        """Embed faces that :func:`face_pixels` has cut out, (160, 160, 3) each."""
        import torch

        size = 1 if self.device == "cpu" else _BATCH
        parts = [np.zeros((0, DIMENSIONS), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(pixels), size):
                batch = torch.from_numpy(np.stack(pixels[start : start + size])).to(self.device)
                parts.append(self._network((batch.permute(0, 3, 1, 2).float() - 127.5) / 128.0).cpu().numpy())
        return np.concatenate(parts)


def build_network() -> nn.Module:
    """The architecture without its classifier; gives embeddings of unit length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from facenet_pytorch import InceptionResnetV1

    network: nn.Module = InceptionResnetV1(pretrained=None, classify=False)
    return network


def face_pixels(image: npt.NDArray[np.uint8], box: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """The box's part of a picture as (160, 160, 3) uint8, pixel for pixel as facenet-pytorch cuts PIL images.

    Its margin is 0; what lies beside the picture is cut off; the box becomes a square by stretching.

    Raises:
        ValueError: the box lies beside the picture or is not finite.
    """
    corners = np.asarray(box, dtype=np.float64).reshape(4)
    if not np.isfinite(corners).all():
        raise ValueError(f"a face's box must be finite; found {corners}")
    left, top, right, bottom = (float(value) for value in corners)
    height, width = image.shape[:2]
    x0, y0, x1, y1 = int(max(left, 0)), int(max(top, 0)), int(min(right, width)), int(min(bottom, height))
    if x1 <= x0 or y1 <= y0:
        raise ValueError(f"box {corners} lies beside the picture of {width} x {height} pixels")
    face = Image.fromarray(np.ascontiguousarray(image[y0:y1, x0:x1]))
    return np.asarray(face.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BILINEAR), dtype=np.uint8)


# ---------------------------------------------------------------------------------------------------------------------
# As a piece of work for looks_kedro.parallel.


@dataclass(frozen=True)
class FaceInPhoto:
    """A face to be embedded.

    Attributes:
        path: where the photo lies.
        file: its name, for messages.
        sha256: of the photo's bytes; with the box it says all that the embedding depends on.
        box: left, top, right, bottom in pixels of the photo.
        landmarks: the five points, x and y in turn; unused here, as facenet cuts by the box.
    """

    path: Path
    file: str
    sha256: str
    box: tuple[float, ...]
    landmarks: tuple[float, ...] = ()


class Embedder:
    """The state of :func:`embed_faces`, made once a process.

    Use ``functools.partial(Embedder, weights)`` as the ``setup`` of ``map_images``.
    """

    def __init__(self, weights: Path, device: str = "cpu", max_pixels: int = MAX_PIXELS) -> None:
        self.network = FaceEmbedder(weights, device)
        self.max_pixels = max_pixels


def embed_faces(state: Embedder, items: Sequence[FaceInPhoto]) -> list[dict[str, Any]]:
    """Embed a batch of faces.

    Returns:
        For each item ``{"embedding": ...}``, the 512 numbers as base64 of little-endian float32.

    Raises:
        BadInputError: a photo cannot be read (any more), or its box lies beside it; names the photo.
    """
    pixels = []
    for item in items:
        try:
            pixels.append(face_pixels(decode(item.path, state.max_pixels), item.box))
        except (BadInputError, ValueError) as error:
            raise BadInputError(f"{item.file}: the face cannot be embedded: {error}") from error
    return [encode(row) for row in state.network.embed_pixels(pixels)]


def encode(embedding: Embeddings) -> dict[str, Any]:
    """One embedding as a value that JSON can hold."""
    return {"embedding": base64.b64encode(np.asarray(embedding, dtype="<f4").tobytes()).decode("ascii")}


def embeddings_of(values: Iterable[Mapping[str, Any]]) -> Embeddings:
    """The array float32 (N, 512) from what :func:`embed_faces` gave."""
    rows = [np.frombuffer(base64.b64decode(value["embedding"]), dtype="<f4") for value in values]
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)
