"""How a network is trained, and the constants that every network here shares."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from looks_kedro.lists import PlusList

BACKBONES = ("custom", "resnet18", "resnet34", "resnet50", "efficientnet_b0")
"""The study's five networks; ``custom`` is a ResNet34 that starts from FairFace's attribute network."""

CLASSES = ("ordinary", "celebrity")
"""Names of the two logits, in their order: ``looks`` 0 and 1."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def _no_switch(value: object) -> object:
    """Refuse true and false, which Python counts as 1 and 0."""
    if value is True or value is False:
        raise ValueError("expected a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_no_switch)]
"""An integer that ``true`` is none of."""
Byte = Annotated[Whole, Field(ge=0, le=255)]


def _bounded(value: float) -> float:
    """Refuse infinity, which one may write for no bound."""
    if value == math.inf:
        raise ValueError("expected a finite number; for no bound give more than the disk has")
    return value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


Precision = Annotated[Literal["auto", "32", "bf16"], BeforeValidator(_as_text)]
"""The command line reads 32 as a number."""


class Augmentation(BaseModel, extra="forbid", frozen=True):
    """How training images are varied, each anew in each epoch; 0 switches a variation off, and all are off."""

    mirror: float = Field(0.0, ge=0, le=1, description="probability of swapping left and right")
    rotation: float = Field(0.0, ge=0, le=180, description="largest turn in degrees, to either side")
    translation: float = Field(0.0, ge=0, lt=1, description="largest shift, as a share of the side")
    scale: float = Field(0.0, ge=0, lt=1, description="largest change of size: a factor in 1 - scale .. 1 + scale")
    brightness: float = Field(0.0, ge=0, le=1, description="largest change: a factor in 1 - x .. 1 + x")
    contrast: float = Field(0.0, ge=0, le=1, description="largest change: a factor in 1 - x .. 1 + x")
    saturation: float = Field(0.0, ge=0, le=1, description="largest change: a factor in 1 - x .. 1 + x")
    blur: float = Field(0.0, ge=0, le=1, description="probability of a Gaussian blur")
    erase: float = Field(0.0, ge=0, le=1, description="probability of a rectangle being erased")

    @property
    def off(self) -> bool:
        """Whether images stay as they are."""
        return not any(self.model_dump().values())


class Training(BaseModel, extra="forbid", frozen=True):
    """How a network is trained; the defaults are those of the published study."""

    epochs: Whole = Field(10, ge=1, description="passes over the training images")
    batch_size: Whole = Field(32, ge=2, description="images a step, over all devices together")
    learning_rate: float = Field(
        1e-4, gt=0, allow_inf_nan=False, description="step size; the largest one where a schedule changes it"
    )
    schedule: Literal["constant", "cosine", "step"] = Field(
        "constant", description="of the learning rate over the epochs, after the warm-up"
    )
    warmup_epochs: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="epochs in which the learning rate rises from zero; fewer than all"
    )
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adam", description="sgd uses a momentum of 0.9")
    weight_decay: float = Field(0.0, ge=0, allow_inf_nan=False, description="decay of the weights a step")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of a target spread over all classes")
    augmentation: Augmentation = Field(Augmentation(), description="variations of the training images")
    batch_norm_momentum: float = Field(
        0.1, gt=0, le=1, description="weight of the newest batch in the means that batch normalisation tests with"
    )
    frozen_trunk: bool = Field(False, description="train the last layer only")
    validation_fraction: float = Field(
        0.0, ge=0, le=0.5, description="share of the training people kept aside to watch the training by"
    )
    early_stop: Whole | None = Field(
        None, ge=1, description="stop after so many epochs without a lower validation loss, and keep the best epoch"
    )
    image_size: Whole = Field(224, ge=32, description="side in pixels of the square that the network sees")
    workers: Whole = Field(2, ge=0, description="threads that decode images and prepare batches; 0 = none beside")
    seed: Whole = Field(0, ge=0, lt=2**32, description="of the first weights, the order of images, and dropout")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto = cuda where there is one")
    devices: Whole = Field(1, ge=1, description="GPUs of this machine, or processes on the CPU, that share each batch")
    precision: Precision = Field(
        "auto", description="of the arithmetic; auto = bf16 where the processor has instructions for it, else 32"
    )
    memory_format: Literal["auto", "channels_last", "contiguous"] = Field(
        "auto", description="order of the numbers in memory; auto = channels_last"
    )
    compile: bool = Field(False, description="torch.compile: minutes before the first step, faster steps then")
    deterministic: bool = Field(True, description="the same seed on the same machine gives the same weights")
    threads: Whole | None = Field(None, ge=1, description="CPU threads of the network; none = torch's own choice")
    array_gigabytes: Annotated[float, AfterValidator(_bounded)] = Field(
        30.0, ge=0, description="disk for decoded images; larger data are decoded anew in each epoch"
    )
    alpha_colour: Annotated[tuple[Byte, Byte, Byte], PlusList] = Field(
        (0, 0, 0), description="red, green, blue (0-255) behind the transparent pixels of images with alpha"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.early_stop is not None and self.validation_fraction == 0:
            raise ValueError(
                "early_stop watches the validation loss, but validation_fraction is 0; "
                "set validation_fraction (0.1, say), or early_stop to null"
            )
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs is {self.warmup_epochs:g}; expected less than epochs, which is {self.epochs}: the "
                "learning rate would only rise; lower warmup_epochs, or raise epochs"
            )
        if 1 < self.devices > self.batch_size // 2:
            raise ValueError(
                f"batch_size is {self.batch_size}; expected at least two images for each of {self.devices} devices; "
                "raise batch_size, or lower devices"
            )
        return self
