"""The study's tables 11 and 12, and their figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from looks_kedro.errors import BadInputError
from looks_kedro.learning.cost_settings import Hyperparameters
from looks_kedro.learning.settings import Training
from looks_kedro.reporting.cost import cost_figure, cost_table, published_cost
from looks_kedro.tables import schema


def history(epochs: int, seconds: float = 30.0) -> pd.DataFrame:
    """Made-up epochs that get better."""
    share = np.linspace(0.7, 0.98765, epochs)
    return pd.DataFrame(
        {
            "epoch": range(1, epochs + 1),
            "train_loss": 1 - share,
            "train_accuracy": share,
            "test_accuracy": share - 0.1,
            "seconds": seconds,
        }
    )


def five_settings() -> pd.DataFrame:
    trainings = Hyperparameters().trainings(Training())
    return cost_table({name: history(one.epochs) for name, one in trainings.items()}, trainings)


def test_published_figures_are_the_studys() -> None:
    published = published_cost()
    assert published["minutes"].tolist() == [32.34, 11.28, 21.03, 21.35, 9.84]
    assert published["train_loss"].tolist() == [0.0141, 0.0022, 0.0003, 0.0026, 0.0061]


def test_minutes_are_the_sum_of_the_epochs_and_the_rest_is_the_last_one() -> None:
    table = five_settings()
    assert table["minutes"].tolist() == [5.0, 2.5, 5.0, 5.0, 2.5]
    assert table["train_loss"].tolist() == pytest.approx([1 - 0.98765] * 5)
    assert table["train_accuracy_percent"].tolist() == pytest.approx([98.77] * 5, abs=0.011)
    assert table["test_accuracy_percent"].tolist() == pytest.approx([88.77] * 5, abs=0.011)
    schema("cost_table").validate(table)


def test_published_values_stand_beside_the_names_that_the_study_has_and_no_others() -> None:
    trainings = {"all": Training(epochs=2), "cosine": Training(epochs=1)}
    table = cost_table({"cosine": history(1), "all": history(2)}, trainings)
    assert table["setting"].tolist() == ["cosine", "all"]
    assert table["published_minutes"].isna().tolist() == [True, False]
    assert table["published_minutes"].iloc[1] == 9.84
    schema("cost_table").validate(table)


def test_epochs_are_those_that_were_trained() -> None:
    table = cost_table({"none": history(4)}, {"none": Training(epochs=10, validation_fraction=0.1, early_stop=2)})
    assert table["epochs"].tolist() == [4]


def test_settings_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(BadInputError, match="histories of none, but trainings of all"):
        cost_table({"none": history(1)}, {"all": Training()})
    with pytest.raises(BadInputError, match="history of none has no epoch"):
        cost_table({"none": history(0)}, {"none": Training()})


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes meet, as drawn; matplotlib spaces the numbers of the lower axis itself."""
    figure.draw_without_rendering()
    texts = [text for axis in figure.axes for text in (*axis.texts, axis.title, axis.xaxis.label)]
    texts += figure.axes[0].get_yticklabels()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    pairs = [(one, other) for i, one in enumerate(boxes) for other in boxes[:i]]
    return [(name, other) for (name, box), (other, another) in pairs if box.overlaps(another)]


def test_bars_are_as_long_as_the_minutes_and_no_words_overlap() -> None:
    table = five_settings()
    figure = cost_figure(table)
    here, published = figure.axes
    assert [bar.get_width() for bar in here.patches] == table["minutes"].tolist()
    assert [bar.get_width() for bar in published.patches] == table["published_minutes"].tolist()
    assert not overlaps(figure)


def test_without_published_values_there_is_one_panel() -> None:
    table = cost_table({"cosine": history(1, 0.2)}, {"cosine": Training(epochs=1)})
    figure = cost_figure(table)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_yticklabels()[0].get_text() == "cosine\n1 epoch, batch 32, 2 workers"
