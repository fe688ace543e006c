"""Tables of labels as the tests of balancing need them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from looks_kedro.tables import AGES, GENDERS, RACES


def make_labels(celebrity_photos: list[int], ordinary: int, seed: int | None = None) -> pd.DataFrame:
    """Labels of celebrities with so many photos each, and of ordinary people of one photo each.

    With a seed the two classes differ in age, gender and race, and some labels are unknown.
    """
    rows = [
        {"file": f"celebrities/p{person}/{photo}.jpg", "looks": 1, "identity": f"p{person}"}
        for person, photos in enumerate(celebrity_photos)
        for photo in range(photos)
    ]
    rows += [{"file": f"ordinary/{i}.jpg", "looks": 0, "identity": f"{i}.jpg"} for i in range(ordinary)]
    table = pd.DataFrame(rows, columns=["file", "looks", "identity"]).assign(source="x", label_source="x")
    if seed is None:
        return table.assign(age="20-29", gender="Male", race="White")
    random = np.random.default_rng(seed)
    shares = {1: [0, 0, 1, 12, 5, 1, 1, 0, 0, 1], 0: [2, 4, 4, 6, 4, 3, 2, 1, 1, 2]}
    for looks, weights in shares.items():
        mine = (table["looks"] == looks).to_numpy()
        table.loc[mine, "age"] = random.choice([*AGES, ""], mine.sum(), p=np.array(weights) / sum(weights))
        table.loc[mine, "gender"] = random.choice(GENDERS, mine.sum(), p=[0.3, 0.7] if looks else [0.6, 0.4])
        table.loc[mine, "race"] = random.choice(RACES, mine.sum(), p=[0.4, *[0.1] * 6] if looks else None)
    return table


@pytest.fixture(scope="session")
def labels_of() -> Callable[..., pd.DataFrame]:
    return make_labels
