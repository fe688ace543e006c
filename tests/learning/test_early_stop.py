"""When training stops by the validation loss."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.errors import BadInputError
from looks_kedro.learning.early_stop import EarlyStop

Losses = st.lists(st.one_of(st.floats(0, 10), st.just(math.nan)), min_size=1, max_size=12)


def watched(losses: list[float], patience: int | None) -> EarlyStop:
    watch = EarlyStop(patience)
    for epoch, loss in enumerate(losses, start=1):
        watch.update(epoch, loss)
        if watch.stop:
            break
    return watch


def test_it_stops_after_as_many_epochs_without_a_lower_loss_and_knows_the_best() -> None:
    watch = watched([0.9, 0.5, 0.6, 0.5, 0.1], patience=2)
    assert (watch.best_epoch, watch.best_loss, watch.last_epoch) == (2, 0.5, 4)


def test_without_patience_it_never_stops() -> None:
    assert not watched([1.0] * 50, patience=None).stop


@given(losses=Losses)
def test_the_best_epoch_is_the_first_lowest_loss(losses: list[float]) -> None:
    numbers = [math.inf if math.isnan(loss) else loss for loss in losses]
    watch = watched(losses, None)
    expected = 0 if min(numbers) == math.inf else numbers.index(min(numbers)) + 1
    assert watch.best_epoch == expected


@given(losses=Losses, patience=st.integers(1, 4), killed=st.integers(0, 12))
def test_going_on_from_a_kept_state_gives_what_an_undisturbed_run_gives(
    losses: list[float], patience: int, killed: int
) -> None:
    undisturbed = watched(losses, patience)
    resumed = EarlyStop(patience)
    for epoch, loss in enumerate(losses, start=1):
        if epoch == killed:
            state, resumed = resumed.state_dict(), EarlyStop(patience)
            resumed.load_state_dict(state)
        resumed.update(epoch, loss)
        if resumed.stop:
            break
    assert resumed == undisturbed


def test_a_state_of_something_else_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"expected best_epoch.*found step"):
        EarlyStop(1).load_state_dict({"step": 3})
