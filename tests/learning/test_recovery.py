"""The state of a training on disk: killed processes, damaged files, full disks."""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from torch import nn

from looks_kedro.hooks import RECOVERY, RecoveryHooks
from looks_kedro.learning.recovery import DAYS_KEPT, Recovery, RecoveryError, Slot
from looks_kedro.learning.settings import Training
from looks_kedro.learning.training import DeviceMemoryError, DivergedError, class_accuracy, fit

STATE = {"history": [[1, 0.5]], "model": {"weight": torch.arange(5.0)}, "finished": False}
QUICK = Training(epochs=3, batch_size=8, image_size=32, threads=1, device="cpu", workers=0)
MEASURED = ("seconds", "images_per_second", "peak_memory_mb")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("killed")
    script = Path(__file__).with_name("stopped_trainings.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {file.stem: torch.load(file, weights_only=True) for file in folder.glob("*.pt")}


def same_bytes(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return list(one) == list(other) and all(
        one[name].numpy().tobytes() == other[name].numpy().tobytes() for name in one
    )


def numbers(history: dict[str, list[float]]) -> dict[str, list[float]]:
    return {column: values for column, values in history.items() if column not in MEASURED}


@pytest.mark.parametrize(
    ("moment", "signal_number", "steps_left"),
    [
        ("first step", signal.SIGKILL, 20),
        ("amid the second epoch", signal.SIGKILL, 15),
        ("last step", signal.SIGKILL, 5),
        ("first state just opened", signal.SIGKILL, 20),
        ("amid writing the first state", signal.SIGXFSZ, 20),
        ("amid writing the third state", signal.SIGXFSZ, 10),
        ("second state written but not yet in place", signal.SIGKILL, 15),
        ("amid writing the finished training", signal.SIGXFSZ, 5),
    ],
)
def test_a_training_killed_at_any_moment_goes_on_to_the_same_bytes(
    killed: dict[str, Any], moment: str, signal_number: int, steps_left: int
) -> None:
    undisturbed, resumed = killed["undisturbed"], killed[moment]
    assert killed["ends"][moment] == signal_number
    assert resumed["steps"] == steps_left
    assert same_bytes(resumed["weights"], undisturbed["weights"])
    np.testing.assert_equal(numbers(resumed["history"]), numbers(undisturbed["history"]))


def test_a_finished_training_is_not_done_again_and_keeps_even_its_seconds(killed: dict[str, Any]) -> None:
    assert killed["again"]["steps"] == 0
    assert same_bytes(killed["again"]["weights"], killed["undisturbed"]["weights"])
    assert killed["again"]["history"] == killed["undisturbed"]["history"]


def test_a_state_comes_back_as_it_was_and_a_missing_one_is_none(tmp_path: Path) -> None:
    slot = Recovery(tmp_path / "new").slot("a")
    assert slot.load() is None
    slot.save(STATE)
    loaded = slot.load()
    assert loaded is not None
    assert loaded["history"] == [[1, 0.5]]
    assert torch.equal(loaded["model"]["weight"], torch.arange(5.0))
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.state"]


@pytest.mark.parametrize("place", [0, 30, 60, 400, -1])
def test_a_state_with_one_changed_byte_is_told_and_counts_as_none(
    tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    slot = Slot(tmp_path / "a.state")
    slot.save(STATE)
    content = bytearray(slot.file.read_bytes())
    content[place] ^= 1
    slot.file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert slot.load() is None
    assert "a.state" in caplog.text
    assert "starts anew" in caplog.text


@pytest.mark.parametrize("length", [0, 10, 40, 300])
def test_a_state_that_was_cut_off_counts_as_none(tmp_path: Path, length: int) -> None:
    slot = Slot(tmp_path / "a.state")
    slot.save(STATE)
    slot.file.write_bytes(slot.file.read_bytes()[:length])
    assert slot.load() is None


def tiny() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2))


def pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(count).integers(0, 255, (count, 32, 32, 3)).astype(np.uint8)
    return images, np.arange(count, dtype=np.int64) % 2


class Disturbed:
    """The loss, with something else happening at one of the steps."""

    def __init__(self, step: int, event: Any = None) -> None:
        self.step, self.event, self.count = step, event, 0

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.count += 1
        value = nn.functional.cross_entropy(logits, targets)
        return value if self.count != self.step else self.event(value)


def train(folder: Path, step_loss: Any = None, settings: Training = QUICK) -> tuple[dict[str, torch.Tensor], Any]:
    parts = (pictures(32), pictures(6))  # 4 steps an epoch
    loss = nn.functional.cross_entropy
    return fit(tiny, parts, loss, class_accuracy, settings, name="tiny", step_loss=step_loss, recovery=Recovery(folder))


def test_a_damaged_state_makes_the_training_start_anew_with_the_same_end(tmp_path: Path) -> None:
    undisturbed, _ = train(tmp_path / "a")
    with pytest.raises(DivergedError):
        train(tmp_path / "b", Disturbed(10, lambda value: value * np.inf))
    (state,) = (tmp_path / "b").glob("*.state")
    state.write_bytes(state.read_bytes()[:1000])
    counted = Disturbed(0)
    again, _ = train(tmp_path / "b", counted)
    assert counted.count == 12
    assert same_bytes(again, undisturbed)


@pytest.mark.parametrize("nothing", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told_by_epoch_and_step_and_loses_no_finished_epoch(
    tmp_path: Path, nothing: float
) -> None:
    with pytest.raises(DivergedError, match=r"epoch 3, step 2: the loss is (nan|inf).*learning_rate .*starts anew"):
        train(tmp_path, Disturbed(10, lambda value: value * nothing))
    counted = Disturbed(0)
    weights, history = train(tmp_path, counted)
    assert counted.count == 4
    assert history["epoch"].tolist() == [1, 2, 3]
    assert same_bytes(weights, train(tmp_path / "other")[0])


def test_a_device_without_memory_left_is_told_by_batch_size_and_loses_no_finished_epoch(tmp_path: Path) -> None:
    def full(value: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(DeviceMemoryError, match=r"tiny, epoch 2: .*training\.batch_size = 8 .* 1 finished epoch"):
        train(tmp_path, Disturbed(7, full))
    counted = Disturbed(0)
    train(tmp_path, counted)
    assert counted.count == 8


def test_main_memory_that_is_used_up_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(DeviceMemoryError, match=r"training\.batch_size"):
        train(tmp_path, Disturbed(1, lambda value: value + torch.empty(1 << 60)))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files beyond this size cannot be written, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_the_state_before_as_it_was(tmp_path: Path) -> None:
    slot = Slot(tmp_path / "a.state")
    slot.save(STATE)
    before = slot.file.read_bytes()
    with largest_file(20_000), pytest.raises(RecoveryError, match=r"a\.state: .*as it was.*Make room"):
        slot.save({"weights": torch.zeros(100_000)})
    assert slot.file.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.state"]


def test_a_disk_that_fills_up_stops_the_training_by_epoch_and_file_and_it_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    undisturbed, _ = train(tmp_path / "other")
    disk = largest_file(4_000)

    def fill(value: torch.Tensor) -> torch.Tensor:
        disk.__enter__()
        return value

    try:
        with pytest.raises(RecoveryError, match=r"tiny, after epoch 2: .*\.state: cannot keep"):
            train(tmp_path / "full", Disturbed(6, fill))
    finally:
        disk.__exit__(None, None, None)
    counted = Disturbed(0)
    weights, _ = train(tmp_path / "full", counted)
    assert counted.count == 8
    assert same_bytes(weights, undisturbed)


def test_an_epoch_whose_state_has_no_room_is_not_begun(tmp_path: Path) -> None:
    slot = Slot(tmp_path / "a.state")
    slot.check_space(1)
    with pytest.raises(RecoveryError, match="the disk has"):
        slot.check_space(10**18)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecoveryError, match="no state was kept before"):
        Recovery(tmp_path / "file").slot("a").save(STATE)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"epochs": 4}, {"learning_rate": 2e-4}, {"label_smoothing": 0.1}, {"precision": "bf16"}]
)
def test_a_training_with_other_settings_does_not_go_on_from_this_one(tmp_path: Path, change: dict[str, Any]) -> None:
    train(tmp_path)
    counted = Disturbed(0)
    train(tmp_path, counted, QUICK.model_copy(update=change))
    assert counted.count == 4 * change.get("epochs", 3)


def test_settings_that_change_no_number_find_the_same_state(tmp_path: Path) -> None:
    train(tmp_path)
    counted = Disturbed(0)
    train(tmp_path, counted, QUICK.model_copy(update={"workers": 1, "device": "cpu", "precision": "auto"}))
    assert counted.count == 0


def test_clearing_removes_what_this_process_used_and_what_was_abandoned_long_ago(tmp_path: Path) -> None:
    other = Slot(tmp_path / "other.state")
    other.save(STATE)
    old = Slot(tmp_path / "old.state")
    old.save(STATE)
    long_ago = time.time() - (DAYS_KEPT + 1) * 86_400
    os.utime(old.file, (long_ago, long_ago))
    Recovery(tmp_path).slot("mine").save(STATE)
    Recovery(tmp_path).clear()
    assert [file.name for file in tmp_path.iterdir()] == ["other.state"]


def test_a_run_that_ends_well_leaves_the_state_of_a_stopped_run_of_the_same_process(tmp_path: Path) -> None:
    catalog = DataCatalog({RECOVERY: MemoryDataset(Recovery(tmp_path), copy_mode="assign")})
    pipeline = Pipeline([Node(lambda recovery: recovery, RECOVERY, "model", name="train")])
    Recovery(tmp_path).slot("stopped").save(STATE)
    hooks = RecoveryHooks()
    hooks.before_pipeline_run(pipeline, catalog)
    Recovery(tmp_path).slot("finished").save(STATE)
    hooks.after_pipeline_run(pipeline, catalog)
    assert [file.name for file in tmp_path.iterdir()] == ["stopped.state"]


def test_on_a_cpu_a_training_with_another_number_of_threads_does_not_go_on_from_this_one(tmp_path: Path) -> None:
    free, before = QUICK.model_copy(update={"threads": None}), torch.get_num_threads()
    steps = []
    try:
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            counted = Disturbed(0)
            train(tmp_path, counted, free)
            steps.append(counted.count)
    finally:
        torch.set_num_threads(before)
    assert steps == [12, 12, 0]


def test_states_of_different_labels_are_apart_and_are_cleared_together(tmp_path):
    recovery = Recovery(tmp_path)
    first, second = (recovery.labelled(name).slot("key") for name in ("cost_0", "cost_1"))
    first.save({"epoch": 1})
    assert second.load() is None
    assert recovery.slot("key").load() is None
    assert first.load() == {"epoch": 1}
    recovery.clear()
    assert list(tmp_path.iterdir()) == []
