"""The training loop, on drawn pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import make_checkpoint, model_from_checkpoint
from looks_kedro.learning.predictions import PREDICTION_COLUMNS, predict, prediction_table
from looks_kedro.learning.pretraining import train_attributes
from looks_kedro.learning.settings import Training
from looks_kedro.learning.training import HISTORY_COLUMNS, DivergedError, train_classifier

QUICK = Training(epochs=1, batch_size=8, image_size=32, threads=1, device="cpu", learning_rate=1e-3)


def pictures(count: int, seed: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Noisy grounds, bluish in class 0 and reddish in class 1."""
    random = np.random.default_rng(seed)
    looks = np.arange(count) % 2
    images = random.integers(0, 200, (count, size, size, 3))
    images[looks == 0, ..., 2] += 55
    images[looks == 1, ..., 0] += 55
    return images.astype(np.uint8), looks.astype(np.int64)


def test_an_easy_cue_is_learnt_and_new_pictures_are_told_apart() -> None:
    train, test = pictures(64, 0), pictures(40, 1)
    settings = QUICK.model_copy(update={"epochs": 4, "batch_size": 16})
    weights, history = train_classifier(*train, *test, "resnet18", settings)
    assert list(history.columns) == list(HISTORY_COLUMNS)
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["test_accuracy"].iloc[-1] > 0.9
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    model = model_from_checkpoint(make_checkpoint(weights, "resnet18", image_size=32))
    logits = predict(model, test[0], QUICK)
    assert (logits.argmax(1) == test[1]).mean() == history["test_accuracy"].iloc[-1]
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(test[1])).item()
    assert loss == pytest.approx(history["test_loss"].iloc[-1], rel=1e-4)


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_b0"])
def test_the_same_seed_gives_the_same_weights_to_the_byte_and_another_seed_others(backbone: str) -> None:
    train, test = pictures(16, 0), pictures(4, 1)

    def trained(**changes: int) -> dict[str, torch.Tensor]:
        torch.rand(7)  # what was drawn before must not matter
        return train_classifier(*train, *test, backbone, QUICK.model_copy(update=changes))[0]

    first = trained()
    again = trained(workers=0)
    other = trained(seed=1)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first if key.endswith("weight"))


def test_training_leaves_torchs_random_state_and_flags_as_they_were() -> None:
    def state() -> tuple[object, ...]:
        return (
            torch.random.get_rng_state().tolist(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.utils.deterministic.fill_uninitialized_memory,
            torch.get_num_threads(),
        )

    before = state()
    train_classifier(*pictures(8, 0), *pictures(4, 1), "resnet18", QUICK)
    assert state() == before


def test_a_last_batch_of_one_picture_does_not_stop_batch_normalisation() -> None:
    _, history = train_classifier(*pictures(17, 0), *pictures(3, 1), "resnet18", QUICK)
    assert np.isfinite(history["train_loss"]).all()


def test_custom_starts_from_the_given_network() -> None:
    torch.manual_seed(0)
    start = build_backbone("resnet34", 18).state_dict()
    still = QUICK.model_copy(update={"learning_rate": 1e-12})
    weights, _ = train_classifier(*pictures(8, 0), *pictures(4, 1), "custom", still, start=start)
    assert torch.allclose(weights["layer4.2.conv2.weight"], start["layer4.2.conv2.weight"], atol=1e-9)
    with pytest.raises(BadInputError, match="custom only"):
        train_classifier(*pictures(8, 0), *pictures(4, 1), "resnet34", QUICK, start=start)


def test_a_loss_that_runs_away_is_told_with_a_remedy() -> None:
    wild = QUICK.model_copy(update={"learning_rate": 1e30, "optimizer": "sgd", "epochs": 3})
    with pytest.raises(DivergedError, match="learning_rate"):
        train_classifier(*pictures(32, 0), *pictures(4, 1), "resnet18", wild)


def test_parts_that_cannot_be_trained_on_are_refused() -> None:
    images, looks = pictures(8, 0)
    with pytest.raises(BadInputError, match="both classes"):
        train_classifier(images, np.zeros(8, dtype=np.int64), images, looks, "resnet18", QUICK)
    with pytest.raises(BadInputError, match="8 images but 7 targets"):
        train_classifier(images, looks[:7], images, looks, "resnet18", QUICK)
    with pytest.raises(BadInputError, match="test part: expected at least 1"):
        train_classifier(images, looks, images[:0], looks[:0], "resnet18", QUICK)


def test_predictions_do_not_change_the_model_and_do_not_depend_on_the_batches() -> None:
    torch.manual_seed(0)
    model = build_backbone("resnet18").train()
    images, _ = pictures(9, 2)
    one = predict(model, images, QUICK)
    two = predict(model, images, QUICK.model_copy(update={"batch_size": 4, "workers": 0}))
    assert model.training
    assert one.dtype == np.float32
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_the_table_of_predictions_says_what_the_logits_say() -> None:
    rows = pd.DataFrame({"file": ["a", "b", "c"], "looks": [1, 0, 0], "identity": ["x", "y", "z"]}, index=[5, 6, 7])
    logits = np.array([[0, np.log(3)], [200, -900], [0, 1]], dtype=np.float32)
    table = prediction_table(rows, logits)
    assert list(table.columns) == list(PREDICTION_COLUMNS)
    assert table["probability"].tolist() == pytest.approx([0.75, 0.0, 1 / (1 + np.exp(-1))])
    assert table["predicted"].tolist() == [1, 0, 1]
    assert table["correct"].tolist() == [True, True, False]
    with pytest.raises(BadInputError, match="logits"):
        prediction_table(rows, logits[:2])


def test_the_attribute_network_learns_a_seen_attribute_and_feeds_custom() -> None:
    images, looks = pictures(48, 0)
    targets = np.stack([np.full(48, -1), looks, np.full(48, 3)], axis=1).astype(np.int64)
    settings = QUICK.model_copy(update={"epochs": 2})
    weights, history, accuracy = train_attributes(images, targets, images[:20], targets[:20], settings)
    assert weights["fc.weight"].shape == (18, 512)
    assert list(history.columns) == list(HISTORY_COLUMNS)
    assert accuracy["gender"] > 0.9
    assert accuracy["age"] > 0.9
    assert np.isnan(accuracy["race"])
    train_classifier(*pictures(8, 0), *pictures(4, 1), "custom", QUICK, start=weights)


def test_running_means_follow_at_the_pace_of_the_settings() -> None:
    images, targets = pictures(32, seed=3)
    weights = {
        momentum: train_classifier(
            images, targets, images[:8], targets[:8], "resnet18",
            Training(epochs=1, batch_size=16, image_size=32, batch_norm_momentum=momentum),
        )[0]
        for momentum in (0.01, 1.0)
    }  # fmt: skip
    means = {momentum: float(state["bn1.running_mean"].abs().mean()) for momentum, state in weights.items()}
    assert means[0.01] < 0.1 * means[1.0]
