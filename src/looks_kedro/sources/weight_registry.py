"""Weights of published networks: where they are, how to know them, what they are for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from looks_kedro.errors import BadInputError

IMAGENET = "imagenet_"
"""Begins the names of ImageNet weights; the rest is torchvision's name of the network."""

_HUB = "https://huggingface.co"
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_REMBG = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"


@dataclass(frozen=True)
class WeightFile:
    """A file of weights.

    Attributes:
        name: short name.
        file: name on disk.
        urls: addresses, tried in order.
        purpose: what the network does here.
        licence: what is said about its use.
        size: bytes, None where nobody says.
        sha256: None where nobody who can be trusted says; then the first download's is kept beside the file.
        md5: where the publisher gives only this.
        sha256_start: where the publisher gives only its first digits, as torchvision does in the file's name.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    purpose: str
    licence: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    sha256_start: str | None = None

    def is_vouched_for(self) -> bool:
        """Whether somebody has published how to know the file."""
        return bool(self.sha256 or self.md5 or self.sha256_start)


WEIGHT_FILES: Mapping[str, WeightFile] = {
    entry.name: entry
    for entry in (
        WeightFile(
            # The authors' Drive folder is dead. Size and sha256 as the hub's LFS pointer in this repository says; the
            # file loads as FairFace's network, and its 18 logits agree with the published labels.
            "fairface",
            "res34_fair_align_multi_7_20190809.pt",
            (
                f"{_HUB}/spaces/njgroene/age-gender-profilepic/resolve/"
                "c505be469012d250cd99c2f6c20cba09928dbd75/res34_fair_align_multi_7_20190809.pt",
            ),
            "age, gender and race of a face; start of the custom network",
            "published with the FairFace data set, CC BY 4.0",
            85_283_042,
            "37f2e74c0e7da196f8edd7dae0c88cffdbef7923beebebcc27381f0ad0fdb2c1",
        ),
        WeightFile(
            # Only on the authors' Drive (address in the README of natanielruiz/deep-head-pose); no public digest found.
            "hopenet_alpha2",
            "hopenet_alpha2.pkl",
            (f"{_DRIVE}16OZdRULgUpceMKZV6U9PNFiigfjezsCY",),
            "head pose, as the study used it",
            "Apache 2.0 (natanielruiz/deep-head-pose); trained on 300W-LP",
        ),
        WeightFile(
            # Size and sha256 as three independent places say: the LFS pointers of lmzjms/wavlm-large and of
            # torphix/face (hopenet.pth) on the hub, and the frame2frame package, which loads it from Drive.
            "hopenet_robust_alpha1",
            "hopenet_robust_alpha1.pkl",
            (
                f"{_HUB}/lmzjms/wavlm-large/resolve/8dcf1a5100c5540dfec370e91620105a890e94f8/hopenet_robust_alpha1.pkl",
                f"{_DRIVE}1m25PrSE7g9D2q2XJVMR6IA7RaCvWSzCR",
            ),
            "head pose, robust to blur and low quality; what its authors advise for real photos",
            "Apache 2.0 (natanielruiz/deep-head-pose); trained on 300W-LP",
            95_924_799,
            "1e0c6ddfda0e19a679607480c10875020de29b3984f187ec311c5e0802b6b6d5",
        ),
        WeightFile(
            # The address is facenet-pytorch's own; size and sha256 as several public projects pin them alike.
            "facenet",
            "20180402-114759-vggface2.pt",
            ("https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",),
            "whether two faces are the same person",
            "MIT (facenet-pytorch); trained on VGGFace2, which is for research",
            111_898_327,
            "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        ),
        # Addresses and md5 as rembg 2.0.86 has them in its sessions.
        WeightFile(
            "u2net_human_seg",
            "u2net_human_seg.onnx",
            (f"{_REMBG}/u2net_human_seg.onnx",),
            "mattes of people",
            "Apache 2.0 (U-2-Net)",
            md5="c09ddc2e0104f800e3e1bb4652583d1f",
        ),
        WeightFile(
            "u2netp",
            "u2netp.onnx",
            (f"{_REMBG}/u2netp.onnx",),
            "mattes, small and fast",
            "Apache 2.0 (U-2-Net)",
            md5="8e83ca70e441ab06c318d82300c84806",
        ),
        WeightFile(
            "birefnet-portrait",
            "birefnet-portrait.onnx",
            (f"{_REMBG}/BiRefNet-portrait-epoch_150.onnx",),
            "mattes of portraits, the best and slowest",
            "MIT (BiRefNet)",
            md5="c3a64a6abf20250d090cd055f12a3b67",
        ),
    )
}
"""Every file of weights that can be fetched, by name, but for ImageNet's (:func:`imagenet_weights`)."""


def check_name(name: str) -> str:
    """See that a name may be that of some weights; whether torchvision knows a network is only asked for later.

    Raises:
        ValueError: it is not.
    """
    if name in WEIGHT_FILES or re.fullmatch(rf"{IMAGENET}[a-z0-9_]+", name):
        return name
    raise ValueError(f"there are no weights {name!r}; known are {', '.join(WEIGHT_FILES)}, and {_BY_NETWORK}")


WeightName = Annotated[str, AfterValidator(check_name)]

_BY_NETWORK = f"{IMAGENET}NAME of a classification network of torchvision, such as {IMAGENET}resnet50"
_PREFERRED = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")


def imagenet_weights(name: str) -> WeightFile:
    """The published ImageNet weights of a network of torchvision.

    Of several it is always ``IMAGENET1K_V1``, the first recipe, with which results were published, and not the newer
    ones, whose long training with strong augmentation no other backbone of the comparison has had. The two networks
    without it (regnet_y_128gf, vit_h_14) have weights of SWAG with a linear classifier, made at 224 px.

    Args:
        name: ``imagenet_`` and torchvision's name.

    Raises:
        BadInputError: torchvision has no such network.
    """
    import torchvision

    network = name.removeprefix(IMAGENET)
    if network not in torchvision.models.list_models(module=torchvision.models):
        raise BadInputError(f"There are no weights {name!r}; known are {', '.join(WEIGHT_FILES)}, and {_BY_NETWORK}.")
    published = {weights.name: weights for weights in torchvision.models.get_model_weights(network)}
    weights = next((published[kind] for kind in _PREFERRED if kind in published), next(iter(published.values())))
    file = weights.url.rpartition("/")[2]
    start = re.search(r"-([0-9a-f]{8,64})\.pth$", file)
    return WeightFile(
        name,
        file,
        (weights.url,),
        f"start of {network} from ImageNet ({weights.name})",
        "CC BY-NC 4.0 (SWAG)" if "SWAG" in weights.name else "BSD 3-clause (torchvision); trained on ImageNet",
        sha256_start=start[1] if start else None,
    )
