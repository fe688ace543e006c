"""Predictions of networks in FairFace's format."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.learning.attributes import attribute_words, predict_attributes, read_batches
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.tables import AGES, GENDERS, RACES

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
COLUMNS = ["age", "gender", "race", "age_probability", "gender_probability", "race_probability"]


def pictures(count: int, side: int = 224) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (count, 7, 7, 3), dtype=np.uint8)
    return [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in coarse]


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """A network of the same format with random weights, whose logits differ from image to image."""
    torch.manual_seed(3)
    network = build_backbone("resnet34", 18).eval()
    features = []
    network.avgpool.register_forward_hook(lambda *given: features.append(given[2].flatten(1)))
    with torch.no_grad():
        network(torch.from_numpy(np.stack(pictures(5))).permute(0, 3, 1, 2).float() / 255)
        logits = features[0] @ network.fc.weight.T
        network.fc.weight *= (1.5 / logits.std(0))[:, None]
        network.fc.bias.copy_(-(features[0] @ network.fc.weight.T).mean(0))
    return {name: value.clone() for name, value in network.state_dict().items()}


def torchvisions(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    network = torchvision.models.resnet34(weights=None, num_classes=18)
    network.load_state_dict(weights)
    return network.eval()


def by_hand(network: torch.nn.Module, image: np.ndarray) -> tuple[list[str], list[float]]:
    """One image through a network, normalised channel by channel, softmax by its definition."""
    pixels = torch.tensor(image.astype(np.float64).transpose(2, 0, 1) / 255)
    for channel in range(3):
        pixels[channel] = (pixels[channel] - MEAN[channel]) / STD[channel]
    with torch.no_grad():
        logits = network(pixels.float()[None])[0].tolist()
    words, shares = [], []
    for names, part in ((AGES, logits[9:18]), (GENDERS, logits[7:9]), (RACES, logits[0:7])):
        largest = max(part)
        words.append(names[part.index(largest)])
        shares.append(1 / sum(math.exp(value - largest) for value in part))
    return words, shares


def test_words_and_probabilities_are_those_of_a_computation_by_hand(weights):
    images = pictures(5)
    table = predict_attributes(weights, images, 2, "cpu")
    assert list(table.columns) == COLUMNS
    assert list(table.index) == [0, 1, 2, 3, 4]
    network = torchvisions(weights)
    expected = [by_hand(network, image) for image in images]
    assert table[COLUMNS[:3]].to_numpy().tolist() == [words for words, _ in expected]
    assert np.allclose(table[COLUMNS[3:]], [shares for _, shares in expected], atol=1e-4)
    # The images differ for this network, so a mix-up of their order would show.
    assert len({tuple(np.round(shares, 3)) for _, shares in expected}) == 5


def test_files_and_arrays_give_the_same_in_batches_of_any_size(weights, tmp_path):
    images = pictures(3, side=300)
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(image).save(paths[-1])
    one = predict_attributes(weights, images, 1, "cpu")
    for other in (
        predict_attributes(weights, images, 64, "cpu"),
        predict_attributes(weights, paths, 2, "cpu"),
    ):
        assert other[COLUMNS[:3]].equals(one[COLUMNS[:3]])
        assert np.allclose(other[COLUMNS[3:]], one[COLUMNS[3:]], atol=1e-4)


@pytest.mark.parametrize(("age", "gender", "race"), [("3-9", "Male", "Middle Eastern"),
                                                     ("more than 70", "Female", "White")])  # fmt: skip
def test_planted_biases_give_the_words_that_they_stand_for(weights, age, gender, race):
    bias = torch.zeros(18)
    bias[RACES.index(race)] = 2.0
    bias[7 + GENDERS.index(gender)] = 1.0
    bias[9 + AGES.index(age)] = 3.0
    planted = weights | {"fc.weight": torch.zeros(18, 512), "fc.bias": bias}
    table = predict_attributes(planted, pictures(2), 2, "cpu")
    assert table[COLUMNS[:3]].to_numpy().tolist() == [[age, gender, race]] * 2
    shares = [math.e**3 / (math.e**3 + 8), math.e / (math.e + 1), math.e**2 / (math.e**2 + 6)]
    assert np.allclose(table[COLUMNS[3:]], [shares] * 2, atol=1e-6)


def test_a_file_of_weights_gives_what_its_weights_give(weights, tmp_path):
    path = tmp_path / "fair.pt"
    torch.save({f"module.{name}": value for name, value in weights.items() if "num_batches" not in name}, path)
    images = pictures(2)
    assert predict_attributes(path, images, 2, "cpu").equals(predict_attributes(weights, images, 2, "cpu"))


def test_no_image_gives_an_empty_table_and_another_network_is_refused(weights):
    assert list(predict_attributes(weights, [], device="cpu").columns) == COLUMNS
    with pytest.raises(BadInputError, match="expected 18 logits"):
        predict_attributes(build_backbone("resnet34", 2).state_dict(), pictures(1), device="cpu")


def test_what_is_no_image_is_named(weights, tmp_path):
    (tmp_path / "face.jpg").write_bytes(b"no picture")
    with pytest.raises(BadInputError, match=r"face\.jpg"):
        predict_attributes(weights, [tmp_path / "face.jpg"], device="cpu")
    with pytest.raises(BadInputError, match=r"\(224, 224\)"):
        predict_attributes(weights, [np.zeros((224, 224), np.uint8)], device="cpu")


def test_each_logit_has_its_word():
    logits = torch.eye(18) * 5
    words = attribute_words(logits)
    assert words["race"].iloc[:7].to_list() == list(RACES)
    assert words["gender"].iloc[7:9].to_list() == list(GENDERS)
    assert words["age"].iloc[9:].to_list() == list(AGES)
    assert words["age_probability"].iloc[9:].to_numpy() == pytest.approx(math.e**5 / (math.e**5 + 8))


def test_large_logits_give_probabilities_of_one_and_not_of_nothing():
    logits = torch.zeros(1, 18)
    logits[0, [6, 8, 17]] = 1e4
    row = attribute_words(logits).iloc[0].to_list()
    assert row == ["more than 70", "Female", "Middle Eastern", 1.0, 1.0, 1.0]


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    # 400 images of 224 px would be 60 MB; the three batches of two that are in flight are below 1 MB.
    Image.fromarray(pictures(1)[0]).save(tmp_path / "face.png")
    tracemalloc.start()
    seen = sum(len(batch) for batch in read_batches([tmp_path / "face.png"] * 400, 2, workers=2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == 400
    assert peak < 5_000_000


def test_the_random_state_is_left_as_it_was(weights):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    predict_attributes(weights, pictures(1), device="cpu")
    assert torch.equal(torch.random.get_rng_state(), before)
