"""One photo or many: the same answers, whatever way they come in."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageCms

from looks_kedro.audit.regions import REGIONS
from looks_kedro.errors import BadParameterError
from looks_kedro.learning import model_from_checkpoint
from looks_kedro.learning.calibration import fit_temperature
from looks_kedro.learning.data import on_device
from looks_kedro.prediction import Predictor, find_photos, usable_temperature
from looks_kedro.prediction.results import GROUPS


def test_the_answer_is_that_of_the_network_on_the_prepared_photo(
    predictor: Predictor, checkpoint: dict[str, Any], album: Path
) -> None:
    answer = predictor(album / "front 0.jpg")
    from looks_kedro.prediction import Photo
    from looks_kedro.prediction.preparing import prepare_photos

    (prepared,) = prepare_photos(predictor._preparer, [Photo(album / "front 0.jpg", "x")])
    with torch.inference_mode():
        logits = model_from_checkpoint(checkpoint)(on_device(prepared.seen[None], torch.device("cpu")))[0].numpy()
    np.testing.assert_allclose(answer.logits, logits, atol=1e-5)
    probability = torch.softmax(torch.tensor(logits), 0)[1].item()
    assert answer.probability == pytest.approx(probability, abs=1e-6)
    assert answer.predicted == ("celebrity" if probability > 0.5 else "ordinary")
    calibrated = torch.softmax(torch.tensor(logits) / 2, 0)[1].item()
    assert answer.calibrated_probability == pytest.approx(calibrated, abs=1e-6)
    assert answer.certainty == pytest.approx(max(calibrated, 1 - calibrated), abs=1e-6)


def test_the_map_adds_up_to_the_answer_and_its_shares_to_one(
    predictor: Predictor, checkpoint: dict[str, Any], album: Path
) -> None:
    answer = predictor(album / "front 1.jpg")
    bias = checkpoint["state_dict"]["fc.bias"]
    difference = answer.logits[1] - answer.logits[0]
    assert answer.evidence.sum() + float(bias[1] - bias[0]) == pytest.approx(difference, abs=1e-4)
    assert tuple(answer.regions.share) == REGIONS
    assert sum(answer.regions.area.values()) == pytest.approx(1)
    if np.isfinite(list(answer.regions.share.values())).all():
        assert sum(answer.regions.share.values()) == pytest.approx(1)
    assert sorted(one for names in GROUPS.values() for one in names) == sorted(REGIONS)
    assert sum(area for _, area in answer.regions.grouped().values()) == pytest.approx(1)


def test_one_photo_gives_the_same_answer_from_a_file_bytes_an_array_and_a_picture(
    predictor: Predictor, album: Path, tmp_path: Path
) -> None:
    picture = Image.open(album / "front 0.jpg").convert("RGB")
    picture.save(tmp_path / "lossless.png")
    first = predictor(str(tmp_path / "lossless.png"))
    for given in ((tmp_path / "lossless.png").read_bytes(), np.asarray(picture), picture, picture.convert("RGBA")):
        answer = predictor(given)
        np.testing.assert_allclose(answer.logits, first.logits, atol=1e-6)
        assert answer.file == "picture"


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros(5, dtype=np.uint8), 7])
def test_what_is_no_picture_is_told(predictor: Predictor, wrong: object) -> None:
    with pytest.raises(BadParameterError, match="expected a"):
        predictor(wrong)


@pytest.mark.parametrize("batch_size", [1, 2, 50])
def test_many_photos_give_the_answers_of_each_alone_in_their_order(
    checkpoint: dict[str, Any], predictor: Predictor, album: Path, batch_size: int
) -> None:
    photos = find_photos(album)
    many = Predictor(checkpoint, temperature=2.0, device="cpu", batch_size=batch_size)
    answers = list(many.stream(photos))
    assert [answer.file for answer in answers] == [photo.file for photo in photos]
    assert [answer.reason for answer in answers].count("") == 3
    for photo, answer in zip(photos, answers, strict=True):
        alone = predictor(photo.path)
        assert (alone.reason, alone.detail) == (answer.reason, answer.detail)
        if answer.kept:
            np.testing.assert_allclose(alone.logits, answer.logits, atol=1e-5)
            np.testing.assert_allclose(alone.evidence, answer.evidence, atol=1e-5)


@pytest.mark.parametrize("backbone", ["mobilenet_v3_small", "vit_b_32"])
def test_networks_with_other_heads_have_maps(
    fresh_checkpoint: Callable[..., dict[str, Any]], album: Path, backbone: str
) -> None:
    answer = Predictor(fresh_checkpoint(backbone), device="cpu")(album / "front 0.jpg")
    assert answer.kept
    assert answer.evidence.shape == (2, 2)
    assert math.isnan(answer.calibrated_probability)


def test_a_refusal_has_no_numbers_and_says_why(predictor: Predictor, album: Path) -> None:
    refusal = predictor(album / "side.jpg")
    assert not refusal.kept
    assert math.isnan(refusal.probability)
    assert math.isnan(refusal.certainty)
    assert refusal.predicted == ""
    assert refusal.words().startswith("side.jpg: refused, side view (yaw ")


def test_a_checkpoint_file_is_all_it_takes(checkpoint: dict[str, Any], album: Path, tmp_path: Path) -> None:
    torch.save(checkpoint, tmp_path / "model.pt")
    answer = Predictor(tmp_path / "model.pt")(album / "front 0.jpg")
    assert answer.model == "resnet18 on original images"
    assert "has not been audited" in str(answer)


def test_a_temperature_counts_unless_no_test_image_was_wrong() -> None:
    right = fit_temperature([5.0, -4.0, 3.0], [1, 0, 1])
    mixed = fit_temperature([5.0, -4.0, 3.0, 2.0], [1, 0, 1, 0])
    assert usable_temperature(pd.DataFrame({"temperature": [right]})) is None
    assert usable_temperature(pd.DataFrame({"temperature": [mixed]})) == mixed
    assert usable_temperature(pd.DataFrame({"temperature": [math.nan]})) is None
    assert usable_temperature(pd.DataFrame({"temperature": []})) is None


@pytest.mark.parametrize(
    ("shape", "remedy"), [((3, 20, 30), r"transpose\(1, 2, 0\)"), ((20, 30, 1), r"\[:, :, 0\]"), ((20, 30, 2), "found")]
)
def test_an_array_with_its_colours_elsewhere_is_refused_with_a_remedy(
    predictor: Predictor, shape: tuple[int, ...], remedy: str
) -> None:
    with pytest.raises(BadParameterError, match=rf"expected a picture as uint8 \(H, W, 3\).*{remedy}"):
        predictor(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("mode", ["HSV", "RGBa", "La", "CMYK", "YCbCr", "LAB", "I", "F", "PA"])
def test_pictures_in_every_mode_have_an_answer(predictor: Predictor, album: Path, mode: str) -> None:
    picture = Image.open(album / "front 0.jpg")
    between = {"RGBa": "RGBA", "La": "LA", "LAB": "RGB"}.get(mode, "RGB")
    picture = picture.convert(between)
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    elif mode == "PA":
        picture = picture.convert("P").convert("PA")
    answer = predictor(picture if picture.mode == mode else picture.convert(mode))
    assert answer.reason != "unreadable"
