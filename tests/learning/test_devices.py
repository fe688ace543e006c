"""Training on several devices: two processes of the CPU, and GPUs where there are any."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from looks_kedro.errors import BadParameterError
from looks_kedro.learning.settings import Training
from looks_kedro.learning.training import train_classifier

IMAGES = 49


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("shared")
    script = Path(__file__).with_name("shared_trainings.py")
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = torch.load(folder / "results.pt", weights_only=True)
    return results | {"folder": folder, "told": done.stderr}


def given(folder: Path) -> list[list[list[int]]]:
    """The numbers of the images of each step, in each process."""
    return [[[int(number) for number in line.split()] for line in file.open()] for file in sorted(folder.iterdir())]


@pytest.mark.slow
def test_two_processes_train_to_nearly_the_weights_of_one(shared: dict[str, Any]) -> None:
    one, two = shared["one"], shared["two"]
    for name, weight in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], weight, atol=1e-5, rtol=1e-4)
    for column in ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "learning_rate"):
        np.testing.assert_allclose(two["history"][column], one["history"][column], rtol=1e-4)


@pytest.mark.slow
def test_two_processes_take_every_image_exactly_once_an_epoch_and_share_the_batches_of_one(
    shared: dict[str, Any],
) -> None:
    (alone,) = given(shared["folder"] / "one")
    first, second = given(shared["folder"] / "two")
    # The second epoch: the first one was done by the training that was stopped, and is gone on from.
    alone = alone[6:]
    assert sorted(number for step in alone for number in step) == list(range(IMAGES))
    assert [sorted(a + b) for a, b in zip(first, second, strict=True)] == [sorted(step) for step in alone]
    assert sorted(len(step) for step in (first[0], second[0])) == [4, 5]


@pytest.mark.slow
def test_an_error_of_one_process_ends_all_and_is_told_as_its_own(shared: dict[str, Any]) -> None:
    assert shared["error"].startswith("DivergedError: tiny, epoch 2, step 1: the loss is nan")


@pytest.mark.slow
def test_the_log_of_the_first_process_is_told_once_and_nothing_is_left_behind(shared: dict[str, Any]) -> None:
    assert shared["told"].count("goes on after epoch 1") == 1
    assert "GLOBAL_RANK" not in shared["told"]
    assert "GPU available" not in shared["told"]
    assert shared["environment after"] == shared["environment"]


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(seed).integers(0, 255, (count, 32, 32, 3)).astype(np.uint8)
    return images, np.arange(count, dtype=np.int64) % 2


def test_a_task_that_cannot_be_sent_to_other_processes_is_told() -> None:
    from looks_kedro.learning.training import class_accuracy, fit

    settings = Training(epochs=1, batch_size=8, image_size=32, device="cpu", devices=2)
    parts = (drawn(16, 0), drawn(4, 1))
    with pytest.raises(BadParameterError, match=r"set training\.devices to 1"):
        fit(lambda: torch.nn.Linear(1, 2), parts, torch.nn.functional.cross_entropy, class_accuracy, settings, name="x")


def test_more_devices_than_the_batch_has_pairs_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size is 8; expected at least two images for each of 5 devices"):
        Training(batch_size=8, devices=5)


def test_one_device_trains_without_a_word_of_the_machinery(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Training(epochs=1, batch_size=8, image_size=32, device="cpu", threads=1)
    with caplog.at_level(logging.INFO):
        train_classifier(*drawn(8, 0), *drawn(4, 1), "resnet18", settings)
    assert {record.name.partition(".")[0] for record in caplog.records} == {"looks_kedro"}
    assert capfd.readouterr() == ("", "")


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@needs_gpu
@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_b0"])
def test_on_a_gpu_the_same_seed_gives_the_same_bytes(backbone: str) -> None:
    settings = Training(epochs=2, batch_size=16, image_size=64, device="cuda")
    one, _ = train_classifier(*drawn(64, 0), *drawn(8, 1), backbone, settings)
    two, _ = train_classifier(*drawn(64, 0), *drawn(8, 1), backbone, settings)
    assert all(torch.equal(one[name], two[name]) for name in one)


@needs_gpu
def test_more_gpus_than_there_are_are_refused() -> None:
    settings = Training(epochs=1, batch_size=256, image_size=32, device="cuda", devices=100)
    with pytest.raises(BadParameterError, match="GPU"):
        train_classifier(*drawn(8, 0), *drawn(4, 1), "resnet18", settings)
