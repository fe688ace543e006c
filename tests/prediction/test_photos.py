"""Which photos a path stands for, and how their names are shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from looks_kedro.errors import BadInputError
from looks_kedro.prediction.photos import find_photos, shown_name


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff not really")


def test_a_file_a_folder_and_a_pattern_are_found_in_natural_order(tmp_path: Path) -> None:
    write(tmp_path, "10.jpg", "2.JPG", "deep/er/3.png", "labels.csv", ".hidden.jpg")
    assert [photo.file for photo in find_photos(tmp_path / "2.JPG")] == ["2.JPG"]
    assert [photo.file for photo in find_photos(tmp_path)] == ["2.JPG", "10.jpg", "deep/er/3.png"]
    assert [photo.file for photo in find_photos(tmp_path / "*.jpg")] == ["10.jpg"]
    assert [photo.file for photo in find_photos(f"{tmp_path}/**/*.[jp]*g")] == ["10.jpg", "deep/er/3.png"]
    assert all(photo.path.is_file() and not photo.reason for photo in find_photos(tmp_path))


def test_a_name_that_looks_like_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "[a].jpg", "a.jpg")
    assert [photo.file for photo in find_photos(tmp_path / "[a].jpg")] == ["[a].jpg"]


def test_a_relative_pattern_through_the_parent_gives_names_inside_its_folder(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "photos/1.jpg", "photos/2.jpg", "here/x.txt")
    monkeypatch.chdir(tmp_path / "here")
    assert [photo.file for photo in find_photos("../photos/*.jpg")] == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize("named", ["nothing.jpg", "no*.jpg", "empty"])
def test_nothing_at_a_path_is_told_with_the_parameter(tmp_path: Path, named: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=r"prediction\.images is .*Correct"):
        find_photos(tmp_path / named)


def test_what_cannot_be_a_photo_has_its_reason_and_odd_names_do_not_count_as_one(tmp_path: Path) -> None:
    write(tmp_path, 'a"<script>\n.jpg', "back\\slash.jpg", "\u202egnp.jpg", "true.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "true.jpg")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "notes.xyz").write_text("words")
    (tmp_path / os.fsdecode(b"latin\xe9.jpg")).write_bytes(b"\xff\xd8\xff")
    reasons = {photo.file: photo.reason for photo in find_photos(tmp_path)}
    assert {file: reason for file, reason in reasons.items() if reason} == {
        "gone.jpg": "broken link",
        "empty.jpg": "empty file",
        "notes.xyz": "not an image",
    }
    assert {'a"<script>\n.jpg', "back\\slash.jpg", "linked.jpg", "latin\\udce9.jpg"} <= reasons.keys()
    assert len(reasons) == 9
    assert find_photos(tmp_path / "gone.jpg")[0].reason == "not a file"


def test_names_cannot_steer_a_terminal() -> None:
    assert shown_name("a\n\x1b[31mb\u202egpj.exe\u2028") == "a\\n\\x1b[31mb\\u202egpj.exe\\u2028"
    assert shown_name("猫 été.jpg") == "猫 été.jpg"
    assert len(shown_name("x" * 300)) == 60
    assert shown_name("x" * 300 + ".jpg").endswith(".jpg")
