"""Any network as the audit knows it: a callable from uint8 images to two logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.batches import resized
from looks_kedro.errors import BadInputError, BadParameterError

if TYPE_CHECKING:
    import torch

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Classifier", "as_classifier"]

Images = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_ENOUGH_TO_DOUBT = 8
_WIDE = 0.5
"""So many numbers between 0 and 1, so far apart and none outside, are hardly logits."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with what is needed to show it an image.

    Attributes:
        answer: uint8 images (n, S, S, 3) of the right size to whatever the network gives for them.
        image_size: side of the images that it takes, px; None where it takes any.
        batch_size: images that it is shown at a time.
    """

    answer: Callable[[Images], Any]
    image_size: int | None = None
    batch_size: int = 64

    def __call__(self, images: Images) -> Logits:
        """Logits of both classes, float32 (n, 2), of uint8 images (n, S, S, 3) of any side.

        Raises:
            BadInputError: the network gives something else than one or two finite numbers an image.
        """
        if len(images) == 0:
            return np.empty((0, 2), dtype=np.float32)
        given = []
        for start in range(0, len(images), self.batch_size):
            part = images[start : start + self.batch_size]
            if self.image_size is not None and part.shape[1] != self.image_size:
                part = np.stack([resized(image, self.image_size) for image in part])
            given.append(_as_array(self.answer(np.ascontiguousarray(part)), len(part)))
        return _two_logits(np.concatenate(given))

    def right(self, images: Images, labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Whether the larger logit is that of the image's class, (n,); equal ones say class 0."""
        said: npt.NDArray[np.bool_] = self(images).argmax(axis=1) == labels
        return said


def as_classifier(
    model: Any,
    image_size: int | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    device: str | None = None,
    batch_size: int = 64,
) -> Classifier:
    """Make a classifier of a network.

    Args:
        model: a ``torch.nn.Module`` that takes normalised images, float32 (n, 3, S, S); or a callable that takes them
            as they are, uint8 (n, S, S, 3) RGB. Either gives two logits an image, (n, 2), class 1 the second; or one,
            (n, 1) or (n,), positive for class 1. A classifier is given back as it is.
        image_size: side of the images that the network was trained on, px; None shows them as large as they are.
        mean: of red, green and blue in 0..1, subtracted before a module; the default is ImageNet's.
        std: by which is divided then.
        device: where a module runs, such as ``cuda``; it is moved there and stays. None leaves it where it is.
        batch_size: images that it is shown at a time.

    Returns:
        The classifier. A module is in evaluation mode while it answers, without gradients, and in its own again
        afterwards.

    Raises:
        BadParameterError: the model is no callable, or a number is out of range.
    """
    if isinstance(model, Classifier):
        return model
    if not callable(model):
        raise BadParameterError(
            f"model: expected a torch module, or a callable from uint8 images to logits; found {type(model).__name__}. "
            "Give the network itself, not its state dict or checkpoint."
        )
    if batch_size < 1 or (image_size is not None and image_size < 1):
        raise BadParameterError(f"batch_size is {batch_size} and image_size {image_size}; expected at least 1.")
    if not (len(mean) == len(std) == 3 and min(std) > 0):
        raise BadParameterError(
            f"expected three numbers for mean and std, and a positive std; found {mean} and {std}. "
            "They are those of red, green and blue in 0..1 that the network was trained with."
        )
    return Classifier(_answering(model, mean, std, device), image_size, batch_size)


def _answering(model: Any, mean: Sequence[float], std: Sequence[float], device: str | None) -> Callable[[Images], Any]:
    # A callable must not cost the import of torch.
    if not any(kind.__module__.startswith("torch.nn") for kind in type(model).__mro__):
        plain: Callable[[Images], Any] = model
        return plain
    import torch

    if device is not None:
        model.to(device)
    first = next(model.parameters(), None)
    place = first.device if first is not None else torch.device(device or "cpu")
    kind = first.dtype if first is not None and first.is_floating_point() else torch.float32
    shift, scale = (torch.tensor(values, device=place).view(1, 3, 1, 1) for values in (mean, std))

    def answer(images: Images) -> Any:
        # As a loader gives them: a network that flattens by view() takes no other order in memory.
        pixels = torch.from_numpy(images).to(place).permute(0, 3, 1, 2).contiguous().float()
        with _evaluating(model), torch.inference_mode():
            return model(pixels.div_(255).sub_(shift).div_(scale).to(kind))

    return answer


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; each part's own mode afterwards."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _as_array(answer: Any, count: int) -> npt.NDArray[np.float64]:
    """What a network gave, as numbers (count, 1) or (count, 2)."""
    # Networks of the transformers package give an object with the logits in it.
    given = getattr(answer, "logits", answer)
    given = given.detach().float().cpu().numpy() if hasattr(given, "detach") else given
    values = np.asarray(given) if not isinstance(given, (tuple, dict)) else None
    if values is None or values.dtype.kind not in "fiu":
        kind = type(answer).__name__ if values is None else f"an array of {values.dtype}"
        raise BadInputError(
            f"The model gave {kind} for {count} images; expected logits, an array or tensor ({count}, 2). "
            "Wrap it in a function that picks them."
        )
    values = values.reshape(count, 1) if values.shape == (count,) else values
    if values.ndim != 2 or values.shape[0] != count or values.shape[1] not in (1, 2):
        advice = (
            "A network of more classes can be wrapped in a function that gives the logits of the two in question."
            if values.ndim == 2 and values.shape[0] == count
            else "Expected is one row for each image."
        )
        raise BadInputError(
            f"The model gave an array of shape {values.shape} for {count} images; expected two logits an image, "
            f"({count}, 2), or one, ({count}, 1). {advice}"
        )
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise BadInputError(
            f"The model gave {values[row].tolist()} for image {row} of a batch; expected finite numbers. "
            "Check its weights, and that mean, std and image_size are those of its training."
        )
    return values.astype(np.float64)


def _two_logits(values: npt.NDArray[np.float64]) -> Logits:
    if values.shape[1] == 2:
        return values.astype(np.float32)
    within = values.min() >= 0 and values.max() <= 1 and np.ptp(values) > _WIDE
    if within and len(values) >= _ENOUGH_TO_DOUBT:
        raise BadInputError(
            f"The model gave one number an image, all of {len(values)} between 0 and 1: they look like probabilities; "
            "expected a logit, positive for class 1. Leave out the sigmoid, or give two columns, (1 - p, p)."
        )
    return np.hstack([np.zeros_like(values), values]).astype(np.float32)
