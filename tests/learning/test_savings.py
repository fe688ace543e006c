"""The study's loop and what saves time beside it, on tiny pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.data import on_device
from looks_kedro.learning.precision import has_bf16
from looks_kedro.learning.reproducibility import thread_count
from looks_kedro.learning.savings import SAVINGS_COLUMNS, Setup, Trial, measure_savings
from looks_kedro.learning.settings import Training
from looks_kedro.learning.study_loop import study_epoch, study_loader, study_optimizer

TINY = Training(batch_size=4, image_size=32, workers=0, threads=1, device="cpu", learning_rate=1e-3)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with thread_count(1):
        yield


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray, list[Path]]:
    """Pictures of 32 px, bluish in class 0 and reddish in class 1, with their files."""
    folder = tmp_path_factory.mktemp("pictures")
    targets = np.arange(10) % 2
    images = np.random.default_rng(0).integers(0, 180, (10, 32, 32, 3))
    images[targets == 0, ..., 2] += 75
    images[targets == 1, ..., 0] += 75
    files = [folder / f"{row}.png" for row in range(10)]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image.astype(np.uint8)).save(file)
    return images.astype(np.uint8), targets.astype(np.int64), files


def test_the_studys_loader_gives_what_the_array_gives(pictures: tuple[np.ndarray, np.ndarray, list[Path]]) -> None:
    images, targets, files = pictures
    loader = study_loader(files, targets, size=32, batch_size=4, workers=0, shuffle=False)
    batches = list(loader)
    assert [len(batch) for batch, _ in batches] == [4, 4, 2]
    assert torch.allclose(torch.cat([batch for batch, _ in batches]), on_device(images, CPU), atol=1e-5)
    assert torch.cat([wanted for _, wanted in batches]).tolist() == targets.tolist()


def test_the_studys_loader_reads_with_processes(pictures: tuple[np.ndarray, np.ndarray, list[Path]]) -> None:
    _, targets, files = pictures
    one, two = (
        torch.cat([batch for batch, _ in study_loader(files, targets, size=32, workers=workers, shuffle=False)])
        for workers in (0, 2)
    )
    assert torch.equal(one, two)


def test_the_studys_loop_learns_an_easy_cue(pictures: tuple[np.ndarray, np.ndarray, list[Path]]) -> None:
    _, targets, files = pictures
    torch.manual_seed(0)
    model = build_backbone("resnet18")
    optimizer = study_optimizer(model, 1e-3)
    loader = study_loader(files, targets, size=32, batch_size=5, workers=0)
    losses, accuracies = zip(*(study_epoch(model, loader, optimizer) for _ in range(4)), strict=True)
    assert losses[-1] < 0.5 * losses[0]
    assert accuracies[-1] > 0.8


def test_every_saving_is_a_row_and_the_studys_loop_is_the_measure(
    pictures: tuple[np.ndarray, np.ndarray, list[Path]],
) -> None:
    options = ("decoded_once", "channels_last", "fused", "bf16", "together")
    table = measure_savings(
        pictures[0], pictures[1], "resnet18", TINY, files=pictures[2], options=options, steps=1, rounds=2
    )
    assert list(table.columns) == list(SAVINGS_COLUMNS)
    assert table["option"].tolist() == ["study", *options]
    assert table["ratio"].iloc[0] == 1.0
    measured = table[table["option"] != "bf16"]
    assert (measured["images_per_second"] > 0).all()
    assert np.allclose(measured["ratio"], measured["images_per_second"] / table["images_per_second"].iloc[0])
    (bf16,) = table[table["option"] == "bf16"].to_dict("records")
    assert np.isfinite(bf16["ratio"]) == has_bf16(CPU)
    assert ("no bf16 instructions" in bf16["note"]) != has_bf16(CPU)
    assert ("bf16" in table["note"].iloc[-1]) == has_bf16(CPU)


def test_without_a_compiler_there_is_a_note_and_no_number(
    pictures: tuple[np.ndarray, np.ndarray, list[Path]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch._inductor.config as inductor
    import torch._inductor.cpp_builder as builder

    monkeypatch.setattr(inductor.cpp, "cxx", (None, str(tmp_path / "no-compiler")))
    builder.cpp_compiler_search.cache_clear()
    try:
        table = measure_savings(
            pictures[0], pictures[1], "resnet18", TINY, files=pictures[2], options=("compile",), steps=1, rounds=1
        )
    finally:
        builder.cpp_compiler_search.cache_clear()
    assert np.isnan(table["ratio"].iloc[1])
    assert "needs a C++ compiler" in table["note"].iloc[1]


def test_the_savings_change_the_speed_and_not_what_is_learnt(
    pictures: tuple[np.ndarray, np.ndarray, list[Path]],
) -> None:
    images, targets, _ = pictures
    batch = (on_device(images, CPU), torch.from_numpy(targets))
    weights = []
    for setup in (Setup(), Setup(channels_last=True, fused=True)):
        torch.manual_seed(0)
        trial = Trial(setup, "resnet18", TINY, CPU)
        assert trial.images_per_second(iter([batch] * 3), steps=1) > 0
        weights.append(trial.model.state_dict())
    for name, value in weights[0].items():
        # Adam moves a weight by about the learning rate a step, whatever the rounding of its gradient.
        assert torch.allclose(value.float(), weights[1][name].float(), atol=3.1e-3), name
    assert torch.equal(weights[0]["bn1.num_batches_tracked"], torch.tensor(3))


def test_measuring_leaves_the_random_state_and_threads_as_they_were(
    pictures: tuple[np.ndarray, np.ndarray, list[Path]],
) -> None:
    before = torch.random.get_rng_state(), torch.get_num_threads()
    measure_savings(pictures[0], pictures[1], "resnet18", TINY, files=pictures[2], options=(), steps=1, rounds=1)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_unequal_numbers_are_refused(pictures: tuple[np.ndarray, np.ndarray, list[Path]]) -> None:
    with pytest.raises(BadInputError, match="found 10, 10 and 9"):
        measure_savings(pictures[0], pictures[1], "resnet18", TINY, files=pictures[2][:9])
