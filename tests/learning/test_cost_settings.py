"""The settings of the cost experiment."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.learning.cost_settings import Change, Hyperparameters
from looks_kedro.learning.settings import Training
from looks_kedro.reporting.cost import published_cost


def test_the_five_settings_on_the_studys_training_are_its_tables_11_and_12() -> None:
    trainings = Hyperparameters().trainings(Training())
    rows = [(name, one.epochs, one.batch_size, one.workers) for name, one in trainings.items()]
    published = published_cost()[["setting", "epochs", "batch_size", "workers"]]
    assert rows == list(published.itertuples(index=False, name=None))


def test_a_change_leaves_everything_else_as_it_was() -> None:
    training = Training(seed=7, image_size=64, learning_rate=3e-4)
    changed = Change(batch_size=16, compile=False).applied(training)
    assert changed == training.model_copy(update={"batch_size": 16})
    assert Change().applied(training) == training


def test_a_change_that_does_not_fit_the_rest_is_refused_by_name() -> None:
    with pytest.raises(BadParameterError, match=r"batch_size 2 does not fit the rest.*lower devices"):
        Change(batch_size=2).applied(Training(devices=4))


def test_unknown_changes_and_savings_are_refused() -> None:
    with pytest.raises(ValidationError, match="momentum"):
        Hyperparameters.model_validate({"settings": {"none": {"momentum": 0.9}}})
    with pytest.raises(ValidationError, match="savings"):
        Hyperparameters.model_validate({"savings": ["faster"]})
    with pytest.raises(ValidationError, match="settings"):
        Hyperparameters.model_validate({"settings": {}})


def test_savings_can_be_written_on_the_command_line() -> None:
    assert Hyperparameters.model_validate({"savings": "study+compile"}).savings == ("study", "compile")
