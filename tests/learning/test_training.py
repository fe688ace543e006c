"""The training loop, on drawn pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import make_checkpoint, model_from_checkpoint
from looks_kedro.learning.epochs import CHECK_STEPS, FiniteLoss
from looks_kedro.learning.people_parts import validation_rows
from looks_kedro.learning.predictions import PREDICTION_COLUMNS, predict, prediction_table
from looks_kedro.learning.pretraining import train_attributes
from looks_kedro.learning.settings import Augmentation, Training
from looks_kedro.learning.training import HISTORY_COLUMNS, DivergedError, class_scores, train_classifier

QUICK = Training(epochs=1, batch_size=8, image_size=32, threads=1, device="cpu", learning_rate=1e-3, precision="32")


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
    settings = QUICK.model_copy(update={"epochs": 3, "batch_size": 16, "batch_norm_momentum": 0.5})
    weights, history = train_classifier(*train, *test, "resnet18", settings)
    assert list(history.columns) == list(HISTORY_COLUMNS)
    assert history["epoch"].tolist() == [1, 2, 3]
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


def test_the_history_tells_what_sklearn_computes_from_the_predictions() -> None:
    images, looks = pictures(60, 4)
    wrong = np.random.default_rng(0).random(60) < 0.3
    looks[wrong] = 0  # reddish ordinary people: not all can be told apart, and the classes differ in number
    weights, history = train_classifier(images, looks, images[:37], looks[:37], "resnet18", QUICK)
    logits = predict(model_from_checkpoint(make_checkpoint(weights, "resnet18", image_size=32)), images[:37], QUICK)
    last = history.iloc[-1]
    difference = logits[:, 1].astype(np.float64) - logits[:, 0]
    assert last["test_auc"] == pytest.approx(roc_auc_score(looks[:37], difference))
    assert last["test_balanced_accuracy"] == pytest.approx(balanced_accuracy_score(looks[:37], logits.argmax(1)))
    assert last["images_per_second"] > 0
    assert last["seconds"] >= 60 / last["images_per_second"]
    assert last["peak_memory_mb"] > 50


def test_the_area_under_the_curve_counts_ties_half_and_needs_both_classes() -> None:
    random = np.random.default_rng(0)
    targets = torch.from_numpy(random.integers(0, 2, 300))
    logits = torch.from_numpy(random.integers(0, 4, (300, 2)).astype(np.float32))
    balanced, area = class_scores(logits, targets)
    difference = (logits[:, 1] - logits[:, 0]).numpy()
    assert area == pytest.approx(roc_auc_score(targets.numpy(), difference))
    assert balanced == pytest.approx(balanced_accuracy_score(targets.numpy(), difference > 0))
    assert np.isnan(class_scores(logits, torch.zeros(300, dtype=torch.int64))).all()


def test_training_stops_early_and_keeps_the_epoch_that_was_best_on_people_it_did_not_learn_from() -> None:
    images, looks = pictures(48, 5)
    people = np.array([f"{look}-{number // 6}" for number, look in enumerate(looks)])
    settings = QUICK.model_copy(
        update={"epochs": 12, "validation_fraction": 0.25, "early_stop": 2, "learning_rate": 3e-3, "batch_size": 12}
    )
    weights, history = train_classifier(images, looks, *pictures(4, 1), "resnet18", settings, groups_train=people)
    best = int(history["validation_loss"].idxmin())
    assert len(history) == min(12, best + 1 + 2)
    assert best < len(history) - 1, "the last epoch is the best: this does not show that an earlier one is kept"
    kept, aside = validation_rows(people, looks, 0.25, settings.seed)
    assert not set(people[kept]) & set(people[aside])
    model = model_from_checkpoint(make_checkpoint(weights, "resnet18", image_size=32))
    logits = torch.from_numpy(predict(model, images[aside], QUICK))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(looks[aside])).item()
    assert loss == pytest.approx(history["validation_loss"].min(), rel=1e-4)


def test_a_frozen_trunk_stays_as_it_was_to_the_byte_and_the_head_learns() -> None:
    torch.manual_seed(0)
    start = build_backbone("resnet18", 1000).state_dict()
    settings = QUICK.model_copy(update={"frozen_trunk": True, "weight_decay": 0.1, "optimizer": "adamw", "epochs": 2})
    weights, history = train_classifier(*pictures(16, 0), *pictures(4, 1), "resnet18", settings, start=start)
    trunk = [name for name in weights if not name.startswith("fc.")]
    assert all(weights[name].numpy().tobytes() == start[name].numpy().tobytes() for name in trunk)
    assert weights["fc.weight"].shape == (2, 512)
    assert history["train_loss"].iloc[1] < history["train_loss"].iloc[0]


def test_smoothed_labels_are_learnt_from_and_the_loss_is_told_without() -> None:
    settings = QUICK.model_copy(update={"label_smoothing": 0.4, "epochs": 4})
    _, history = train_classifier(*pictures(32, 0), *pictures(2, 1), "resnet18", settings)
    smoothed_least = torch.nn.functional.cross_entropy(
        torch.tensor([[0.0, np.log(4)]]), torch.tensor([1]), label_smoothing=0.4
    ).item()  # no logits give less: the entropy of 0.2 and 0.8
    assert history["train_loss"].iloc[-1] < smoothed_least
    one = QUICK.model_copy(update={"label_smoothing": 0.4})
    smoothed, _ = train_classifier(*pictures(8, 0), *pictures(2, 1), "resnet18", one)
    plain, _ = train_classifier(*pictures(8, 0), *pictures(2, 1), "resnet18", QUICK)
    assert not torch.equal(smoothed["fc.weight"], plain["fc.weight"])


def test_the_learning_rate_of_the_history_follows_the_schedule() -> None:
    settings = QUICK.model_copy(update={"epochs": 4, "schedule": "cosine", "warmup_epochs": 1.0})
    _, history = train_classifier(*pictures(16, 0), *pictures(4, 1), "resnet18", settings)
    last_steps = 1e-3 * (1 + np.cos(np.pi * np.array([1, 3, 5]) / 6)) / 2
    assert history["learning_rate"].tolist() == pytest.approx([1e-3, *last_steps])


def test_augmentation_is_drawn_anew_each_epoch_from_the_seed() -> None:
    settings = QUICK.model_copy(update={"augmentation": Augmentation(mirror=0.5, rotation=20), "epochs": 2})
    one, _ = train_classifier(*pictures(16, 0), *pictures(4, 1), "resnet18", settings)
    two, _ = train_classifier(*pictures(16, 0), *pictures(4, 1), "resnet18", settings)
    without, _ = train_classifier(
        *pictures(16, 0), *pictures(4, 1), "resnet18", settings.model_copy(update={"augmentation": Augmentation()})
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["conv1.weight"], without["conv1.weight"])


@given(
    losses=st.lists(st.floats(0, 10), min_size=1, max_size=230),
    bad=st.none() | st.tuples(st.integers(0, 229), st.sampled_from([float("nan"), float("inf")])),
)
def test_the_watch_over_the_loss_names_the_first_step_that_is_no_number_soon_after_it(
    losses: list[float], bad: tuple[int, float] | None
) -> None:
    if bad is not None:
        losses[bad[0] % len(losses)] = bad[1]
    wrong = [number for number, loss in enumerate(losses, start=1) if not np.isfinite(loss)]
    watch = FiniteLoss("net, epoch 1", "do this")
    told_at = 0

    def whole_epoch() -> None:
        nonlocal told_at
        for told_at in range(1, len(losses) + 1):
            watch.add(torch.tensor(losses[told_at - 1]))
        watch.finish()

    if not wrong:
        whole_epoch()
        return
    with pytest.raises(DivergedError, match=rf"net, epoch 1, step {wrong[0]}: the loss is (nan|inf); do this"):
        whole_epoch()
    assert told_at < wrong[0] + 2 * CHECK_STEPS


def test_custom_starts_from_the_given_network() -> None:
    torch.manual_seed(0)
    start = build_backbone("resnet34", 18).state_dict()
    still = QUICK.model_copy(update={"learning_rate": 1e-12})
    weights, _ = train_classifier(*pictures(8, 0), *pictures(4, 1), "custom", still, start=start)
    assert torch.allclose(weights["layer4.2.conv2.weight"], start["layer4.2.conv2.weight"], atol=1e-9)
    with pytest.raises(BadInputError, match="custom only"):
        train_classifier(*pictures(8, 0), *pictures(4, 1), "resnet34", QUICK, start=start)


def test_another_network_starts_from_its_own_weights_under_a_new_head() -> None:
    torch.manual_seed(0)
    start = build_backbone("resnet18", 1000).state_dict()
    still = QUICK.model_copy(update={"learning_rate": 1e-12})
    weights, _ = train_classifier(*pictures(8, 0), *pictures(4, 1), "resnet18", still, start=start)
    assert torch.allclose(weights["layer4.1.conv2.weight"], start["layer4.1.conv2.weight"], atol=1e-9)
    assert weights["fc.weight"].shape == (2, 512)
    with pytest.raises(BadInputError, match="resnet34"):
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
    settings = QUICK.model_copy(update={"epochs": 3, "batch_norm_momentum": 0.5})
    weights, history, accuracy = train_attributes(images, targets, images[:20], targets[:20], settings)
    assert weights["fc.weight"].shape == (18, 512)
    assert list(history.columns) == list(HISTORY_COLUMNS)
    assert history[["test_balanced_accuracy", "test_auc", "validation_loss"]].isna().all(axis=None)
    named = accuracy[accuracy["value"] == "all"].set_index("attribute")["accuracy"]
    assert named["gender"] > 0.9
    assert named["age"] > 0.9
    assert np.isnan(named["race"])
    train_classifier(*pictures(8, 0), *pictures(4, 1), "custom", QUICK, start=weights)


def test_running_means_follow_at_the_pace_of_the_settings() -> None:
    images, targets = pictures(16, seed=3)
    weights = {
        momentum: train_classifier(
            images, targets, images[:8], targets[:8], "resnet18",
            Training(epochs=1, batch_size=8, image_size=32, batch_norm_momentum=momentum, threads=1),
        )[0]
        for momentum in (0.01, 1.0)
    }  # fmt: skip
    means = {momentum: float(state["bn1.running_mean"].abs().mean()) for momentum, state in weights.items()}
    assert means[0.01] < 0.1 * means[1.0]
