"""Which portraits go to a GPU; its memory is made up, so that this holds on any machine."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.learning import resident

IMAGE = 32 * 32 * 3


class Placed:
    """Portraits that would be on the GPU."""

    def __init__(self, portraits: np.ndarray, _: object) -> None:
        self.shape = portraits.shape


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for 1000 images free, and for as many again held in reserve by torch."""
    monkeypatch.setattr(resident, "ResidentPortraits", Placed)
    monkeypatch.setattr(resident.torch.cuda, "mem_get_info", lambda _: (1000 * IMAGE, 3000 * IMAGE))
    monkeypatch.setattr(resident.torch.cuda, "memory_reserved", lambda _: 1500 * IMAGE)
    monkeypatch.setattr(resident.torch.cuda, "memory_allocated", lambda _: 500 * IMAGE)


def parts(*counts: int) -> list[np.ndarray]:
    return [np.empty((count, 32, 32, 3), np.uint8) for count in counts]


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(
    ("counts", "placed"),
    [
        ((1000, 500, 250), [True, False, False]),
        ((600, 500, 400), [True, False, True]),
        ((1001, 500, 500), [False, True, True]),
    ],
)
def test_all_parts_together_take_their_share_of_the_memory_that_is_free(
    counts: tuple[int, ...], placed: list[bool]
) -> None:
    given = parts(*counts)
    found = resident.resident(given, "cuda:0")
    assert [isinstance(one, Placed) for one in found] == placed
    assert [one.shape for one in found] == [one.shape for one in given]


def test_on_a_cpu_all_parts_stay_where_they_are() -> None:
    given = parts(2, 3)
    assert all(one is other for one, other in zip(resident.resident(given, "cpu"), given, strict=True))
