import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import models, transforms

from looks_kedro.errors import BadInputError
from looks_kedro.faces.hopenet import BINS, HEADS, HopeNet, build_network, loose_crop, to_our_angles
from looks_kedro.faces.pose import rotation_of

degrees = st.floats(-80, 80)


@pytest.fixture(scope="module")
def weights():
    """A state dict as published: random, written before counts of training steps were kept."""
    torch.manual_seed(0)
    network = build_network()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():  # one look at noise, so that activations keep a size that a trained network has
        network(torch.randn(2, 3, 224, 224))
    state = network.state_dict()
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


@pytest.fixture(scope="module")
def published(weights, tmp_path_factory):
    """The file in the format of its time, before torch wrote zip files."""
    path = tmp_path_factory.mktemp("hopenet") / "hopenet_alpha2.pkl"
    torch.save(weights, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture(scope="module")
def network(published):
    return HopeNet(published)


@pytest.fixture(scope="module")
def found(network, pictures):
    return network.angles(pictures, BOXES)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 256, (3, 12, 10, 3), dtype=np.uint8)
    sizes = [(300, 260), (480, 640), (91, 77)]
    return [np.asarray(Image.fromarray(block).resize(size)) for block, size in zip(blocks, sizes, strict=True)]


BOXES = [(80.0, 90.5, 170.2, 200.0), (100.0, 60.0, 260.0, 250.0), (-5.0, 10.0, 60.0, 95.0)]


def with_winning_bins(weights, numbers):
    """The weights with heads that choose these bins whatever the picture shows."""
    chosen = dict(weights)
    for head, number in zip(HEADS, numbers, strict=True):
        chosen[f"{head}.weight"] = torch.zeros(BINS, 2048)
        chosen[f"{head}.bias"] = torch.full((BINS,), -40.0)
        chosen[f"{head}.bias"][number] = 40.0
    return chosen


@pytest.mark.parametrize("zipped", [True, False])
def test_the_chosen_bins_come_back_as_degrees_from_both_formats_of_file(weights, tmp_path, pictures, zipped):
    path = tmp_path / "hopenet_robust_alpha1.pkl"
    # Bins of 3 degrees from -99: yaw +21 to the image's left, pitch 0, roll 0.
    torch.save(with_winning_bins(weights, (40, 33, 33)), path, _use_new_zipfile_serialization=zipped)
    network = HopeNet(path)
    assert network.angles(pictures[:1], BOXES[:1])[0] == pytest.approx((-21.0, 0.0, 0.0), abs=1e-4)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [((33, 38, 33), (0, 15, 0)), ((33, 33, 23), (0, 0, -30))],
)
def test_each_head_gives_its_own_angle(weights, tmp_path, pictures, numbers, expected):
    path = tmp_path / "hopenet.pkl"
    torch.save({f"module.{name}": value for name, value in with_winning_bins(weights, numbers).items()}, path)
    assert HopeNet(path).angles(pictures[:1], BOXES[:1])[0] == pytest.approx(expected, abs=1e-4)


def test_two_equal_bins_give_the_angle_between_them(weights, tmp_path, pictures):
    chosen = with_winning_bins(weights, (33, 33, 33))
    chosen["fc_roll.bias"][36] = 40.0
    torch.save(chosen, tmp_path / "hopenet.pkl")
    assert HopeNet(tmp_path / "hopenet.pkl").angles(pictures[:1], BOXES[:1])[0][2] == pytest.approx(4.5, abs=1e-4)


def test_the_whole_way_agrees_with_torchvision(weights, found, pictures):
    """Another way to the same numbers: torchvision's own ResNet-50 and transforms, the heads as one layer."""
    oracle = models.resnet50(weights=None, num_classes=3 * BINS).eval()
    trunk = {name: value for name, value in weights.items() if not name.startswith("fc_")}
    heads = {f"fc.{part}": torch.cat([weights[f"{head}.{part}"] for head in HEADS]) for part in ("weight", "bias")}
    oracle.load_state_dict(trunk | heads, strict=False)
    prepare = transforms.Compose(
        [
            transforms.Resize(224),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    for picture, box, angles in zip(pictures, BOXES, found, strict=True):
        left, top, right, bottom = loose_crop(box, picture.shape)
        with torch.no_grad():
            logits = oracle(prepare(Image.fromarray(picture[top:bottom, left:right]))[None]).view(3, BINS)
        expected = (torch.softmax(logits, dim=1) @ torch.arange(BINS).float() * 3 - 99).tolist()
        assert angles == pytest.approx(to_our_angles(*expected), abs=1e-3)


def test_a_result_does_not_depend_on_the_batch(network, found, pictures):
    alone = [network.angles([picture], [box])[0] for picture, box in zip(pictures, BOXES, strict=True)]
    assert found == alone
    assert len(set(alone)) == 3
    assert network.angles([], []) == []


def test_the_crop_is_loose_and_ends_at_the_pictures_edge():
    assert loose_crop((100, 200, 180, 300), (1000, 900, 3)) == (60, 125, 220, 325)
    assert loose_crop((10, 20, 90, 120), (130, 100, 3)) == (0, 0, 100, 130)
    with pytest.raises(ValueError, match="beside the picture"):
        loose_crop((500, 20, 590, 120), (130, 100, 3))
    with pytest.raises(ValueError, match="finite"):
        loose_crop((float("nan"), 20, 590, 120), (130, 100, 3))


@given(degrees, degrees, degrees)
def test_the_converted_head_points_where_hopenets_authors_draw_it(yaw, pitch, roll):
    """Their ``draw_axis``: ends of the head's axes in the picture, x to the right and y down."""
    p, y, r = math.radians(pitch), -math.radians(yaw), math.radians(roll)
    right = (math.cos(y) * math.cos(r), math.cos(p) * math.sin(r) + math.cos(r) * math.sin(p) * math.sin(y))
    down = (-math.cos(y) * math.sin(r), math.cos(p) * math.cos(r) - math.sin(p) * math.sin(y) * math.sin(r))
    nose = (math.sin(y), -math.cos(y) * math.sin(p))
    rotation = rotation_of(*to_our_angles(yaw, pitch, roll))
    assert rotation[:2, 0] == pytest.approx(right, abs=1e-6)
    assert rotation[:2, 1] == pytest.approx(down, abs=1e-6)
    assert -rotation[:2, 2] == pytest.approx(nose, abs=1e-6)


@given(degrees, degrees, degrees)
def test_a_mirrored_head_has_the_opposite_yaw_and_roll(yaw, pitch, roll):
    straight, mirrored = to_our_angles(yaw, pitch, roll), to_our_angles(-yaw, pitch, -roll)
    assert mirrored == pytest.approx((-straight[0], straight[1], -straight[2]), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", "saved web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 95000000\n", "Git LFS pointer"),
        (b"", "empty file"),
        (b"PK\x03\x04 and then nothing of use", "torch refuses"),
    ],
)
def test_a_file_that_is_no_network_is_named_for_what_it_is(tmp_path, content, named):
    path = tmp_path / "hopenet_alpha2.pkl"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=named) as told:
        HopeNet(path)
    assert str(path) in str(told.value)


def test_a_cut_off_file_is_named(published, tmp_path):
    path = tmp_path / "hopenet_alpha2.pkl"
    path.write_bytes(published.read_bytes()[:1_000_000])
    with pytest.raises(BadInputError, match="1,000,000 bytes that torch refuses"):
        HopeNet(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInputError, match="no such file"):
        HopeNet(tmp_path / "hopenet_alpha2.pkl")


def test_other_networks_are_refused_with_what_differs(weights, tmp_path):
    path = tmp_path / "other.pkl"
    torch.save(models.resnet18(num_classes=18).state_dict(), path)
    with pytest.raises(BadInputError, match=r"another network.*layer1"):
        HopeNet(path)
    torch.save(models.resnet50(num_classes=18).state_dict(), path)
    with pytest.raises(BadInputError, match=r"no fc_yaw\.weight"):
        HopeNet(path)
    torch.save(weights | {"fc_yaw.weight": torch.zeros(62, 2048)}, path)
    with pytest.raises(BadInputError, match=re.escape("fc_yaw.weight (62, 2048) in place of (66, 2048)")):
        HopeNet(path)
    torch.save([1, 2, 3], path)
    with pytest.raises(BadInputError, match="found list"):
        HopeNet(path)
    torch.save(weights | {"fc_roll.bias": torch.full((BINS,), float("nan"))}, path)
    with pytest.raises(BadInputError, match=r"fc_roll\.bias that are not finite"):
        HopeNet(path)


def test_the_left_over_layer_may_be_missing(weights, tmp_path, found, pictures):
    path = tmp_path / "hopenet.pkl"
    torch.save({name: value for name, value in weights.items() if not name.startswith("fc_finetune")}, path)
    assert HopeNet(path).angles(pictures[:1], BOXES[:1]) == found[:1]


def test_a_file_cannot_run_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "hopenet_alpha2.pkl"
    torch.save({"conv1.weight": Trap()}, path)
    with pytest.raises(BadInputError, match="torch refuses"):
        HopeNet(path)
    assert not (tmp_path / "sprung").exists()
