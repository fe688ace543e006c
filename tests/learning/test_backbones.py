"""Networks by name, the split of their head, and a new head."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.backbones import (
    BACKBONES,
    build_backbone,
    head_name,
    last_linear,
    skeleton,
    split_head,
    with_new_head,
)

EVERY = torchvision.models.list_models(module=torchvision.models)
# One small network of each kind of head, with the smallest images that are quick and possible.
KINDS = {
    "resnet18": 48,
    "regnet_y_400mf": 48,
    "efficientnet_b0": 48,
    "mobilenet_v2": 48,
    "mobilenet_v3_small": 48,
    "densenet121": 48,
    "mnasnet0_5": 48,
    "shufflenet_v2_x0_5": 48,
    "googlenet": 48,
    "swin_t": 48,
    "vit_b_32": 64,
    "convnext_tiny": 48,
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def after_one_look(model: nn.Module) -> None:
    """Evaluation mode with running means of noise: with those of a fresh network all logits are next to nothing."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 80, 80))
    model.eval()


@pytest.mark.parametrize(
    "name",
    [
        *BACKBONES,
        "mobilenet_v2",
        "regnet_y_400mf",
        "densenet121",
        "resnext50_32x4d",
        "mnasnet0_5",
        "shufflenet_v2_x0_5",
        "googlenet",
        "inception_v3",
        "swin_t",
    ],
)
def test_trunk_average_and_head_give_the_networks_own_logits(name: str) -> None:
    torch.manual_seed(0)
    model = build_backbone(name, classes=3)
    after_one_look(model)
    trunk, head = split_head(model)
    images = torch.randn(2, 3, 80, 80)
    with torch.inference_mode():
        expected = model(images)
        found = head(trunk(images).mean((2, 3)))
    assert found.shape == (2, 3)
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "convnext_tiny", "vit_b_32", "vgg11", "alexnet", "maxvit_t"])
def test_a_network_with_another_head_is_refused_by_the_split(name: str) -> None:
    with pytest.raises(BadParameterError, match=r"global average pooling and one linear layer.*another kind"):
        split_head(skeleton(name))


def test_a_head_of_another_kind_cannot_be_split() -> None:
    with pytest.raises(BadParameterError, match=r"Sequential.*global average pooling"):
        split_head(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4, 2)))


def test_custom_is_a_resnet34() -> None:
    assert {key: value.shape for key, value in build_backbone("custom").state_dict().items()} == {
        key: value.shape for key, value in build_backbone("resnet34").state_dict().items()
    }


def test_the_same_seed_draws_the_same_first_weights_and_another_seed_others() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return build_backbone("resnet18").state_dict()["conv1.weight"]

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


@pytest.mark.parametrize("name", ["resnet36", "fcn_resnet50", "squeezenet1_0", "squeezenet1_1"])
def test_a_network_that_cannot_serve_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadParameterError, match=name):
        build_backbone(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EVERY if not name.startswith(("squeezenet", "regnet"))])
def test_every_classification_network_of_torchvision_gives_as_many_logits_as_classes(name: str) -> None:
    model = skeleton(name, classes=3).eval()
    assert model(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 3)
    assert last_linear(model).out_features == 3


@pytest.mark.parametrize(("name", "side"), KINDS.items())
def test_a_new_head_leaves_every_bit_of_the_trunk(name: str, side: int) -> None:
    torch.manual_seed(1)
    size = side if name.startswith("vit") else None
    given = build_backbone(name, 10, size).state_dict()
    prefix = f"{head_name(skeleton(name))}."
    torch.manual_seed(2)
    model = with_new_head(name, {f"module.{key}": value for key, value in given.items()}, 2, side)
    found = model.state_dict()
    assert found.keys() == given.keys()
    trunk = [key for key in given if not key.startswith(prefix)]
    assert len(trunk) == len(given) - 2
    assert all(found[key].dtype == given[key].dtype and torch.equal(found[key], given[key]) for key in trunk)
    assert found[f"{prefix}weight"].shape == (2, given[f"{prefix}weight"].shape[1])
    assert model.training
    assert all(value.requires_grad for value in model.parameters())
    with torch.inference_mode():
        assert model.eval()(torch.randn(2, 3, side, side)).shape == (2, 2)


def test_the_new_head_is_drawn_by_the_seed_and_not_copied() -> None:
    given = build_backbone("resnet18", 1000).state_dict()

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return with_new_head("resnet18", given).state_dict()["fc.weight"]

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert not torch.equal(drawn(1), given["fc.weight"][:2])


def test_weights_of_another_network_or_without_sense_make_no_start() -> None:
    given = build_backbone("resnet18", 1000).state_dict()
    with pytest.raises(
        BadInputError, match=r"expected those of resnet50, found another network.*names or shapes differ"
    ):
        with_new_head("resnet50", given)
    with pytest.raises(BadInputError, match=r"no layer4\.1\.conv2\.weight"):
        with_new_head("resnet18", {key: value for key, value in given.items() if key != "layer4.1.conv2.weight"})
    with pytest.raises(BadInputError, match=r"numbers in conv1\.weight that are not finite"):
        with_new_head("resnet18", given | {"conv1.weight": torch.full_like(given["conv1.weight"], float("nan"))})


def test_counters_of_batch_normalisation_may_lack_as_in_old_files() -> None:
    given = build_backbone("resnet18", 1000).state_dict()
    old = {key: value for key, value in given.items() if not key.endswith("num_batches_tracked")}
    assert with_new_head("resnet18", old).state_dict()["bn1.num_batches_tracked"] == 0


def test_a_position_embedding_is_resampled_to_another_image_size() -> None:
    given = build_backbone("vit_b_32", 10, 96).state_dict()
    places = given["encoder.pos_embedding"]
    assert places.shape == (1, 1 + 3 * 3, 768)
    found = with_new_head("vit_b_32", given, 2, 192).state_dict()
    assert torch.equal(found["conv_proj.weight"], given["conv_proj.weight"])
    assert torch.equal(found["encoder.pos_embedding"][:, :1], places[:, :1])
    # torchvision resamples with corners aligned: what stood in the corners of the grid stands there still.
    grid = found["encoder.pos_embedding"][0, 1:].view(6, 6, 768)
    before = places[0, 1:].view(3, 3, 768)
    torch.testing.assert_close(grid[[0, 0, -1, -1], [0, -1, 0, -1]], before[[0, 0, -1, -1], [0, -1, 0, -1]])


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("vit_b_16", 60, "multiple of 16 px, found 60"),
        ("vit_b_32", 16, "multiple of 32 px, found 16"),
        ("maxvit_t", 112, "multiple of 224 px, found 112"),
        ("inception_v3", 64, "at least 75 px, found 64"),
        ("alexnet", 32, "at least 63 px, found 32"),
        ("swin_t", 24, "at least 32 px, found 24"),
    ],
)
def test_an_image_size_that_a_network_cannot_see_is_told_with_the_parameter(name: str, size: int, told: str) -> None:
    with pytest.raises(BadParameterError, match=rf"backbone {name}.*{told}.*training\.image_size"):
        build_backbone(name, image_size=size)


def test_the_smallest_permitted_images_pass_through() -> None:
    for name, size in (("inception_v3", 75), ("alexnet", 63), ("swin_t", 32), ("densenet121", 32), ("vit_b_16", 32)):
        model = skeleton(name, 2, size).eval()
        assert model(torch.empty(2, 3, size, size, device="meta")).shape == (2, 2)


def test_a_skeleton_draws_nothing_from_the_random_state() -> None:
    before = torch.random.get_rng_state()
    for name in ("resnet18", "regnet_y_400mf"):
        skeleton(name)
    assert torch.equal(torch.random.get_rng_state(), before)
