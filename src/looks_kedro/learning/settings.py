"""How a network is trained, and the constants that every network here shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from looks_kedro.lists import PlusList

BACKBONES = ("custom", "resnet18", "resnet34", "resnet50", "efficientnet_b0")
"""The study's five networks; ``custom`` is a ResNet34 that starts from FairFace's attribute network."""

CLASSES = ("ordinary", "celebrity")
"""Names of the two logits, in their order: ``looks`` 0 and 1."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Byte = Annotated[int, Field(ge=0, le=255)]


class Training(BaseModel, extra="forbid", frozen=True):
    """How a network is trained; the defaults are those of the published study."""

    epochs: int = Field(10, ge=1, description="passes over the training images")
    batch_size: int = Field(32, ge=2, description="images a step")
    learning_rate: float = Field(1e-4, gt=0, description="step size, constant over the epochs")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adam", description="sgd uses a momentum of 0.9")
    weight_decay: float = Field(0.0, ge=0, description="decay of the weights a step")
    batch_norm_momentum: float = Field(
        0.1, gt=0, le=1, description="weight of the newest batch in the means that batch normalisation tests with"
    )
    image_size: int = Field(224, ge=32, description="side in pixels of the square that the network sees")
    workers: int = Field(2, ge=0, description="threads that decode images and prepare batches; 0 = none beside")
    seed: int = Field(0, ge=0, description="of the first weights, the order of images, and dropout")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto = cuda where there is one")
    deterministic: bool = Field(True, description="the same seed on the same machine gives the same weights")
    threads: int | None = Field(None, ge=1, description="CPU threads of the network; none = torch's own choice")
    alpha_colour: Annotated[tuple[Byte, Byte, Byte], PlusList] = Field(
        (0, 0, 0), description="red, green, blue (0-255) behind the transparent pixels of images with alpha"
    )
