"""Start from ImageNet weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.imagenet import load_imagenet, start_from_imagenet


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return build_backbone("resnet18", 1000).state_dict()


@pytest.fixture(scope="module")
def published(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the name that torchvision gives its own: the first digits of its sha256 before .pth."""
    folder = tmp_path_factory.mktemp("imagenet")
    torch.save(weights, folder / "plain")
    digest = hashlib.sha256((folder / "plain").read_bytes()).hexdigest()
    return (folder / "plain").rename(folder / f"resnet18-{digest[:8]}.pth")


def test_the_published_file_gives_its_trunk_bit_for_bit_under_two_new_logits(
    published: Path, weights: dict[str, torch.Tensor]
) -> None:
    torch.manual_seed(3)
    found = start_from_imagenet("resnet18", published).state_dict()
    trunk = [key for key in weights if not key.startswith("fc.")]
    assert all(found[key].numpy().tobytes() == weights[key].numpy().tobytes() for key in trunk)
    assert found["fc.weight"].shape == (2, 512)
    assert not torch.equal(found["fc.weight"], weights["fc.weight"][:2])


def test_a_file_that_is_not_what_its_name_says_is_refused(published: Path, tmp_path: Path) -> None:
    other = tmp_path / "resnet18-0123abcd.pth"
    other.write_bytes(published.read_bytes())
    with pytest.raises(BadInputError, match=r"resnet18-0123abcd\.pth: expected .* begins with 0123abcd.*download it"):
        load_imagenet("resnet18", other)


def test_a_file_of_another_name_is_taken_and_told(
    published: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = tmp_path / "mine.pt"
    mine.write_bytes(published.read_bytes())
    load_imagenet("resnet18", mine)
    assert "nothing in its name tells" in caplog.text


def test_custom_takes_the_weights_of_a_resnet34() -> None:
    torch.manual_seed(0)
    given = build_backbone("resnet34", 1000).state_dict()
    assert torch.equal(start_from_imagenet("custom", given).state_dict()["conv1.weight"], given["conv1.weight"])


def test_the_weights_of_another_network_are_refused_with_what_differs(published: Path) -> None:
    with pytest.raises(BadInputError, match=r"expected ImageNet weights of resnet50, found another network.*layer1"):
        load_imagenet("resnet50", published)
    with pytest.raises(BadParameterError, match="resnet36"):
        load_imagenet("resnet36", published)


def test_a_missing_file_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no such file.*weights\.names=imagenet_resnet34"):
        load_imagenet("custom", tmp_path / "resnet34.pth")


def test_densenets_old_names_with_dots_are_understood() -> None:
    torch.manual_seed(0)
    given = build_backbone("densenet121", 1000).state_dict()
    old = {}
    for key, value in given.items():
        for layer in ("norm1", "norm2", "conv1", "conv2"):
            key = key.replace(f".{layer}.", f".{layer[:-1]}.{layer[-1]}.") if "denselayer" in key else key
        if not key.endswith("num_batches_tracked"):
            old[key] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    found = start_from_imagenet("densenet121", old).state_dict()
    name = "features.denseblock4.denselayer16.conv2.weight"
    assert torch.equal(found[name], given[name])


def test_the_side_outputs_of_inception_are_left_out() -> None:
    torch.manual_seed(0)
    given = build_backbone("inception_v3", 1000).state_dict()
    side = {"AuxLogits.fc.weight": torch.zeros(1000, 768), "AuxLogits.fc.bias": torch.zeros(1000)}
    model = start_from_imagenet("inception_v3", given | side)
    assert model.state_dict().keys() == given.keys()
    # Its published weights expect images in -1..1, made from those that all others see.
    assert model.transform_input is True


def test_a_vision_transformer_starts_at_another_image_size() -> None:
    torch.manual_seed(0)
    given = build_backbone("vit_b_32", 1000).state_dict()
    model = start_from_imagenet("vit_b_32", given, image_size=64).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 64, 64)).shape == (1, 2)
