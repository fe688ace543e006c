from __future__ import annotations

import logging

import pandas as pd
import pytest

from looks_kedro.acceptance import Decision, corrected, rejections, without_copies, without_strangers


def decision(file: str, reason: str = "", identity: str = "ada") -> Decision:
    return Decision(file, 1, identity, reason, "because" if reason else "")


def copies(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["file", "duplicate_of", "kind", "other_identity", "distance"])


def corrections(**decisions: str) -> pd.DataFrame:
    rows = [(file, word, "I looked") for file, word in decisions.items()]
    return pd.DataFrame(rows, columns=["file", "decision", "reason"])


def test_a_copy_points_to_the_picture_that_is_kept():
    decided = without_copies(
        [decision("a"), decision("b"), decision("c", "side_view")],
        copies(("b", "a", "same_bytes", False, 0), ("c", "a", "same_picture", False, 3)),
    )
    assert [one.reason for one in decided] == ["", "duplicate", "near_duplicate"]
    assert [one.duplicate_of for one in decided] == ["", "a", "a"]
    assert decided[2].detail == "the same picture as a"


def test_one_picture_under_two_people_is_told_with_the_other_name():
    decided = without_copies(
        [decision("a"), decision("b", identity="bea")], copies(("b", "a", "same_picture", True, 1))
    )
    assert decided[1].reason == "duplicate_of_another_person"
    assert decided[1].detail == "the same picture as a, which is said to be ada"


def test_photos_of_nobody_in_particular_are_mere_copies():
    # By the name of the face, and in older tables by that of the raw image.
    photos = [
        Decision(f"ordinary/{name}", 0, identity)
        for name, identity in (("1.jpg", "1.jpg"), ("2.png.jpg", "2.png"), ("3.jpg", "ordinary/3.jpg"))
    ]
    assert not any(photo.named for photo in photos)
    decided = without_copies(photos, copies(("ordinary/2.png.jpg", "ordinary/1.jpg", "same_picture", True, 1)))
    assert [one.reason for one in decided] == ["", "near_duplicate", ""]


def test_what_cannot_be_read_stays_unreadable_though_its_bytes_are_a_copy():
    decided = without_copies([decision("a", "unreadable"), decision("b", "unreadable")],
                             copies(("b", "a", "same_bytes", False, 0)))  # fmt: skip
    assert [one.reason for one in decided] == ["unreadable", "unreadable"]


def test_a_stranger_is_rejected_unless_there_is_a_reason_already():
    decided = without_strangers([decision("a"), decision("b"), decision("c", "no_face")], {"b": "far", "c": "far"})
    assert [(one.reason, one.detail) for one in decided] == [("", ""), ("other_person", "far"), ("no_face", "because")]


def test_the_users_word_wins():
    decided = corrected(
        [decision("a"), decision("b", "side_view"), decision("c", "duplicate"), decision("d", "side_view")],
        corrections(a="reject", b="keep", c="reject"),
        set("abcd"),
    )
    assert [(one.kept, one.reason, one.detail) for one in decided] == [
        (False, "corrected", "I looked"),
        (True, "", ""),
        (False, "duplicate", "because"),
        (False, "side_view", "because"),
    ]


@pytest.mark.parametrize("reason", ["unreadable", "no_face"])
def test_what_has_no_face_cannot_be_kept_and_the_user_is_told(reason, caplog):
    caplog.set_level(logging.WARNING)
    (decided,) = corrected([decision("a", reason)], corrections(a="keep"), set())
    assert decided.reason == reason
    assert "cannot be kept" in caplog.text
    assert " a" in caplog.text


def test_a_copy_of_a_picture_without_a_face_cannot_be_kept_either(caplog):
    decided = corrected(
        [decision("a", "no_face"), decision("b", "duplicate"), decision("c", "duplicate")],
        corrections(b="keep", c="keep"),
        {"c"},
    )
    assert [one.reason for one in decided] == ["no_face", "duplicate", ""]
    assert "1 portrait(s) cannot be kept, because no face was found in them: b" in caplog.text


def test_corrections_that_name_nothing_are_told(caplog):
    caplog.set_level(logging.INFO)
    corrected([decision("a")], corrections(a="reject", gone="keep"), {"a"})
    assert "1 row(s) name no portrait: gone" in caplog.text
    assert "1 of 2 row(s) changed a decision" in caplog.text


def test_each_portrait_is_kept_or_has_one_row_in_the_rejections():
    decided = [decision("a"), decision("b", "side_view"), decision("c", "duplicate")]
    rows = rejections(decided)
    assert [row["file"] for row in rows] == ["b", "c"]
    assert rows[0] == {"file": "b", "looks": 1, "identity": "ada", "stage": "preprocessing", "reason": "side_view",
                       "detail": "because", "duplicate_of": ""}  # fmt: skip
