from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd

from looks_kedro.reporting import study_table
from looks_kedro.reporting.figures import AverageMap, average_grid, learning_curves
from looks_kedro.reporting.page import ModelPart, Report, figure_picture, image_picture, render_page

HOSTILE = 'x"><script>alert(1)</script>\u202e.jpg'
HISTORY = pd.DataFrame({"epoch": [1, 2], "train_accuracy": [0.5, 0.7], "test_accuracy": [0.5, 0.6]})


class Tags(HTMLParser):
    """Names and attributes of all elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def report(share: float = 0.4) -> Report:
    face = np.full((30, 30, 3), 200, np.uint8)
    picture = image_picture(face, f"map of {HOSTILE}", HOSTILE)
    cell = ("white", "resnet18")
    whole = {"test_images": 4, "test_identities": 4, "accuracy": 0.5, "balanced_accuracy": 0.5, "auc": 0.5}
    limits = {"balanced_accuracy_low": 0.2, "balanced_accuracy_high": float("nan"), "calibration_error": 0.1}
    said = {"verdict": "SHORTCUT", "channels": "border", "sentence": HOSTILE}
    summary = whole | limits | {"face_share": share, "face_area": 0.4} | said
    groups = pd.DataFrame([{"attribute": "all", "value": "all", "images": 4, "identities": 4, "celebrities": 2}])
    groups[[f"{name}{end}" for name in ("accuracy", "balanced_accuracy", "auc") for end in ("", "_low", "_high")]] = 0.5
    grid = average_grid({"resnet18": {"celebrities": AverageMap(np.eye(3), face)}}, "published")
    return Report(
        title=HOSTILE,
        summary=pd.DataFrame([{"variant": "white", "backbone": "resnet18", **summary, "face_ratio": share / 0.4}]),
        counts=pd.DataFrame({"step": [HOSTILE], "celebrities": [-1], "ordinary": [2]}),
        examples={"white": {"celebrities": [picture]}},
        curves=figure_picture(learning_curves({cell: HISTORY}), "curves"),
        averages={"white": figure_picture(grid, "averages")},
        calibration={"white": picture},
        reliance={"white": picture},
        verdicts={cell: {"verdict": "SHORTCUT", "sentence": HOSTILE, "notes": [HOSTILE]}},
        models=[ModelPart(*cell, study_table({cell: HISTORY}), {"celebrities": [picture]}, [picture], groups)],
        style="published",
        notes=[HOSTILE],
    )


def test_hostile_names_stay_text():
    tags = Tags()
    tags.feed(render_page(report()))
    names = [name for name, _ in tags.found]
    assert "script" not in names
    assert sum(HOSTILE in (attributes.get("alt") or "") for _, attributes in tags.found) == 5


def test_every_picture_has_words_and_every_link_leads_to_a_place_on_the_page():
    tags = Tags()
    tags.feed(render_page(report()))
    places = {attributes.get("id") for _, attributes in tags.found}
    pictures = [attributes for name, attributes in tags.found if name == "img"]
    assert len(pictures) == 7
    assert all(attributes["alt"] and (attributes["src"] or "").startswith("data:image/") for attributes in pictures)
    links = [attributes["href"] or "" for name, attributes in tags.found if name == "a"]
    assert links
    assert all(link.removeprefix("#") in places for link in links)


def test_a_model_without_evidence_is_shown_as_such():
    page = render_page(report(share=float("nan")))
    assert "no evidence for the predicted class anywhere" in page
    assert ">nan<" not in page


def test_the_page_is_the_same_each_time():
    assert render_page(report()) == render_page(report())
