"""The audit from end to end: a planted shortcut is named, and what a user may give it."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest
from drawn_study import Part, SmallNetwork, drawn_part, trained_network
from PIL import Image

from looks_kedro.audit import Report, Rules, audit
from looks_kedro.audit.leak import LeakGap
from looks_kedro.audit.reliance import Decisions
from looks_kedro.audit.report import report_of
from looks_kedro.audit.verdict import Finding
from looks_kedro.errors import BadInputError
from looks_kedro.portraits import Plant

BACKGROUND = (Plant(channel="background_colour", strength=1.0),)
QUICK = Rules(draws=200)
HALF = (0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def test_part() -> Part:
    return drawn_part(20, 50_000, BACKGROUND)


@pytest.fixture(scope="module")
def network() -> SmallNetwork:
    return trained_network(drawn_part(20, 1_000, BACKGROUND))


@pytest.fixture(scope="module")
def report(network: SmallNetwork, test_part: Part) -> Report:
    return audit(
        network,
        test_part.faces,
        test_part.looks,
        test_part.identities,
        landmarks=test_part.landmarks,
        mean=HALF,
        std=HALF,
        draws=1,
        rules=QUICK,
    )


def brightness(images: np.ndarray) -> np.ndarray:
    values = images.mean(axis=(1, 2, 3)) - 120
    return np.stack([-values, values], axis=1)


def test_a_planted_background_is_named_and_the_face_is_not(report: Report) -> None:
    assert report.verdict.verdict is Finding.SHORTCUT
    assert report.verdict.channels[0] == "surround"
    assert "surround" in str(report)
    by_channel = report.reliance.set_index("channel")
    assert by_channel.loc["surround", "low"] > 0.5
    assert by_channel.loc["face", "high"] < 0.5
    assert np.isfinite(by_channel["control"]).sum() == 2
    assert (report.images, report.identities) == (80, 40)


def test_a_report_can_be_read_by_people_and_programs(report: Report) -> None:
    told = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert told["verdict"] == "SHORTCUT"
    assert told["low"] <= told["balanced_accuracy"] <= told["high"]
    assert told["thresholds"]["delta"] == 0.1
    assert told["leak"] is None
    table = report.table().set_index("channel")
    assert table.loc["surround", "reliance in %"] == pytest.approx(
        100 * report.reliance.set_index("channel").loc["surround", "reliance"], abs=0.06
    )
    assert "head" in table.loc["surround", "what is exchanged"]
    page = report._repr_html_()
    assert html.escape(report.verdict.sentence) in page
    assert "data:image/png;base64," in page


def test_a_model_that_guesses_has_no_signal() -> None:
    generator = np.random.default_rng(4)
    faces = generator.integers(0, 256, (1_600, 16, 16, 3), dtype=np.uint8)
    landmarks = np.tile(np.array([[5, 6], [11, 6], [8, 9], [6, 12], [10, 12]], dtype=float), (1_600, 1, 1))

    def guess(images: np.ndarray) -> np.ndarray:
        odd = images.sum(axis=(1, 2, 3)) % 2
        return np.stack([1 - odd, odd], axis=1).astype(float)

    looks = np.arange(1_600) % 2
    found = audit(
        guess, faces, looks, np.arange(1_600), landmarks=landmarks, channels=["crop_scale"], images=40, rules=QUICK
    )
    assert found.verdict.verdict is Finding.NO_SIGNAL
    assert found.reliance["images"].tolist() == [40]
    right = (faces.sum(axis=(1, 2, 3)) % 2) == looks
    assert found.as_dict()["balanced_accuracy"] == pytest.approx(right.mean())


def test_images_in_files_without_a_face_are_left_out_and_counted(test_part: Part, tmp_path: Path) -> None:
    files = [tmp_path / f"{row}.png" for row in range(80)]
    for file, face in zip(files, test_part.faces, strict=True):
        Image.fromarray(face).save(file)
    given = iter(test_part.landmarks)

    def find(image: np.ndarray) -> np.ndarray | None:
        points = next(given)
        return None if (image == test_part.faces[3]).all() else points

    found, known = (
        audit(
            brightness, faces, test_part.looks, test_part.identities, channels=["colour"], draws=1, rules=QUICK, **how
        )
        for faces, how in (
            (files, {"find_landmarks": find}),
            (test_part.faces, {"landmarks": np.where(np.arange(80)[:, None, None] == 3, np.nan, test_part.landmarks)}),
        )
    )
    assert found.images == 79
    assert any("1 of 80 images" in note and "row 3" in note for note in found.verdict.notes)
    assert found.reliance.equals(known.reliance)


def test_known_people_give_the_leak_gap(test_part: Part) -> None:
    known = np.arange(80) // 2 % 4 < 2
    right_of_known = {face.tobytes() for face in test_part.faces[known & (test_part.looks == 1)]}

    def remembers(images: np.ndarray) -> np.ndarray:
        seen = np.array([image.tobytes() in right_of_known for image in images], dtype=float)
        return np.stack([1 - seen, seen], axis=1)

    found = audit(
        remembers,
        test_part.faces,
        test_part.looks,
        test_part.identities,
        landmarks=test_part.landmarks,
        known=known,
        channels=["surround"],
        draws=1,
        rules=QUICK,
    )
    assert found.leak is not None
    assert (found.leak.random, found.leak.disjoint) == (1.0, 0.5)
    assert found.verdict.verdict is Finding.LEAKAGE


@pytest.mark.parametrize(("low", "meaning"), [(0.03, "they know people"), (0.01, "not shown to be more than nothing")])
def test_what_features_would_gain_from_a_leak_is_a_note_and_no_verdict(low: float, meaning: str) -> None:
    labels, people = np.arange(40) % 2, np.arange(40)
    same = np.ones((40, 2), dtype=bool)
    gap = LeakGap(0.9, 0.8, 0.1, low, 0.17, 80, 40)
    found = report_of(
        [[Decisions("surround", "surround", same, same)]], [labels < 2], labels, people, rules=QUICK, feature_leak=gap
    )
    assert found.verdict.verdict is not Finding.LEAKAGE
    told = f"would gain 10 percentage points ({100 * low:.0f} to 17): {meaning}."
    assert sum(note.endswith(told) for note in found.verdict.notes) == 1
    assert found.as_dict()["feature_leak"]["low"] == low


def test_trainings_of_one_network_are_judged_together(test_part: Part) -> None:
    def other(images: np.ndarray) -> np.ndarray:
        return -brightness(images)

    def found(model: object) -> Report:
        return audit(
            model,
            test_part.faces,
            test_part.looks,
            test_part.identities,
            landmarks=test_part.landmarks,
            channels=["surround"],
            draws=1,
            images=30,
            rules=QUICK,
        )

    both = found([brightness, other])
    assert both.balanced_accuracy.value == pytest.approx(0.5)
    assert both.reliance["images"].tolist() == [30]
    alone = [float(found(one).reliance["same"].iloc[0]) for one in (brightness, other)]
    assert float(both.reliance["same"].iloc[0]) == pytest.approx(np.mean(alone))


def test_what_does_not_fit_is_refused(test_part: Part) -> None:
    faces, looks, who = test_part.faces, test_part.looks, test_part.identities
    with pytest.raises(BadInputError, match="labels: expected one for each of 80 images; found"):
        audit(brightness, faces, looks[:-1], who, landmarks=test_part.landmarks)
    with pytest.raises(BadInputError, match="labels: expected the numbers 0 and 1; found 1, 2"):
        audit(brightness, faces, looks + 1, who, landmarks=test_part.landmarks)
    with pytest.raises(BadInputError, match="class 0 has 1 people"):
        audit(brightness, faces, looks, np.where(looks == 0, "one", who), landmarks=test_part.landmarks)
    with pytest.raises(BadInputError, match=r"landmarks: expected \(N, 5, 2\)"):
        audit(brightness, faces, looks, who, landmarks=test_part.landmarks[:3])
    with pytest.raises(BadInputError, match="faces, row 1: expected the size of the first image"):
        audit(brightness, [faces[0], faces[1][:20]], looks[:2], who[:2])
