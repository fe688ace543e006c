"""What the processor can do, and whether training in other formats learns the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from looks_kedro.learning.precision import (
    CompilerError,
    choose_precision,
    cpu_has_bf16,
    make_fabric,
    memory_format,
    require_compiler,
)
from looks_kedro.learning.settings import Training
from looks_kedro.learning.training import class_accuracy, class_scores, fit

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu sse2 avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu sse2 amx_bf16", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu sse2 avx512f avx512_vnni", False),
        ("flags\t\t: fpu not_avx512_bf16", False),
    ],
)
def test_bf16_is_read_from_the_flags_of_the_processor(tmp_path: Path, line: str, expected: bool) -> None:
    listed = tmp_path / "cpuinfo"
    listed.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 by name only\n{line}\n")
    assert cpu_has_bf16(listed) is expected


def test_without_a_list_of_flags_torch_is_asked(tmp_path: Path) -> None:
    assert isinstance(cpu_has_bf16(tmp_path / "none"), bool)


def test_auto_follows_the_processor_and_a_named_precision_is_taken_as_it_is() -> None:
    assert choose_precision(Training(), CPU) == ("bf16-mixed" if cpu_has_bf16() else "32-true")
    assert choose_precision(Training(precision="bf16"), CPU) == "bf16-mixed"
    assert choose_precision(Training(precision="32"), CPU) == "32-true"


def test_auto_is_channels_last() -> None:
    assert memory_format(Training()) is torch.channels_last
    assert memory_format(Training(memory_format="contiguous")) is torch.contiguous_format


def test_the_processes_of_a_cluster_around_us_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "study"}.items():
        monkeypatch.setenv(name, value)
    assert make_fabric(Training(device="cpu")).world_size == 1


class Seen(nn.Module):
    """A small network that keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, 2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2),
        )  # fmt: skip
        self.types: set[torch.dtype] = set()
        self.channels_last: set[bool] = set()
        self.layers[3].register_forward_hook(lambda _layer, _given, result: self.types.add(result.dtype))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.channels_last.add(images.is_contiguous(memory_format=torch.channels_last))
        result: torch.Tensor = self.layers(images)
        return result


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    looks = np.arange(count, dtype=np.int64) % 2
    images = np.random.default_rng(seed).integers(0, 200, (count, 32, 32, 3))
    images[looks == 1, ..., 0] += 50
    return images.astype(np.uint8), looks


def trained(**changes: object) -> tuple[Seen, dict[str, torch.Tensor], dict[str, list[float]]]:
    settings = Training(epochs=3, batch_size=16, image_size=32, device="cpu", threads=1, learning_rate=1e-2)
    network = Seen()
    settings = Training.model_validate(settings.model_dump() | changes)

    def build() -> nn.Module:
        torch.nn.init.normal_(network.layers[0].weight, std=0.2)
        return network

    weights, history = fit(
        build, (drawn(64, 0), drawn(40, 1)), nn.functional.cross_entropy, class_accuracy, settings,
        name="seen", scores=class_scores,
    )  # fmt: skip
    return network, weights, history.to_dict("list")


@pytest.fixture(scope="module")
def plain() -> tuple[Seen, dict[str, torch.Tensor], dict[str, list[float]]]:
    torch.manual_seed(0)
    return trained(precision="32")


def test_bf16_computes_in_bf16_and_keeps_weights_in_float32(plain: tuple) -> None:
    torch.manual_seed(0)
    network, weights, history = trained(precision="bf16")
    assert network.types == {torch.bfloat16}
    assert plain[0].types == {torch.float32}
    assert {value.dtype for value in weights.values()} == {torch.float32, torch.int64}
    np.testing.assert_allclose(history["train_loss"], plain[2]["train_loss"], atol=0.05)
    assert abs(history["test_accuracy"][-1] - plain[2]["test_accuracy"][-1]) <= 0.05


def test_the_order_in_memory_reaches_the_network_and_changes_numbers_by_rounding_only(plain: tuple) -> None:
    torch.manual_seed(0)
    network, weights, history = trained(precision="32", memory_format="contiguous")
    assert (network.channels_last, plain[0].channels_last) == ({False}, {True})
    np.testing.assert_allclose(history["train_loss"], plain[2]["train_loss"], atol=1e-3)
    assert all(value.is_contiguous() for value in weights.values())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_compiled_network_learns_the_same_and_has_the_same_names(plain: tuple) -> None:
    torch.manual_seed(0)
    _, weights, history = trained(precision="32", compile=True)
    assert list(weights) == list(plain[1])
    np.testing.assert_allclose(history["train_loss"], plain[2]["train_loss"], atol=1e-3)


def test_a_missing_compiler_is_told_with_a_remedy() -> None:
    code = (
        "import torch\n"
        "from looks_kedro.learning.precision import CompilerError, require_compiler\n"
        "try: require_compiler(torch.device('cpu'))\n"
        "except CompilerError as error: print(error)\n"
    )
    environment = os.environ | {"PATH": "/nowhere", "CXX": "/nowhere/g++"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "no C++ compiler" in told.stdout
    assert "training.compile to false" in told.stdout


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_compiler_that_is_there_is_found() -> None:
    try:
        require_compiler(CPU)
    except CompilerError as error:
        pytest.fail(str(error))
