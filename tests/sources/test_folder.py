from __future__ import annotations

import hashlib
import logging
import os
import sys
import unicodedata
from pathlib import Path

import pytest

from looks_kedro.balancing import mirrored_name
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.pipelines.background.nodes import matte_file
from looks_kedro.pipelines.preprocessing.nodes import face_file
from looks_kedro.sources import scan_folder
from looks_kedro.sources.walk import natural

JPEG = b"\xff\xd8\xff\xe0 the rest of a photo "


def filled(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG + name.encode())
    return root


def files(listing) -> list[str]:
    return [image.file for image in listing.kept]


def identities(listing) -> dict[str, str]:
    return {image.file: image.identity for image in listing.kept}


def reasons(listing) -> dict[str, str]:
    return {found.name: found.reason for found in listing.rejected}


def test_a_folder_a_person_gives_identities_in_natural_order(tmp_path):
    listing = scan_folder(filled(tmp_path, "bob/1.jpg", "ada/10.jpg", "ada/2.JPG", "ada/old/1 b.png", "stray.webp"), 1)
    assert files(listing) == ["ada/2.JPG", "ada/10.jpg", "ada/old/1 b.png", "bob/1.jpg", "stray.webp"]
    assert list(identities(listing).values()) == ["ada", "ada", "ada", "bob", "stray.webp"]
    assert (listing.layout, listing.looks, len(listing)) == ("people", 1, 5)


def test_a_flat_folder_makes_each_photo_its_own_person(tmp_path):
    listing = scan_folder(filled(tmp_path, "b.jpg", "a.jpg"), 0)
    assert (listing.layout, identities(listing)) == ("flat", {"a.jpg": "a.jpg", "b.jpg": "b.jpg"})


def test_persons_one_level_deeper_are_pointed_out(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    listing = scan_folder(filled(tmp_path, "images/ada/1.jpg", "images/bob/1.jpg"), 1)
    assert set(identities(listing).values()) == {"images"}
    assert f"name {tmp_path / 'images'} instead" in caplog.text
    caplog.clear()
    scan_folder(tmp_path / "images", 1)
    assert caplog.text == ""


def test_folders_of_a_split_are_no_persons(tmp_path):
    flat = scan_folder(filled(tmp_path / "one", "train/1.jpg", "val/1.jpg"), 0)
    assert (flat.layout, list(identities(flat).values())) == ("flat", ["train/1.jpg", "val/1.jpg"])
    deep = scan_folder(filled(tmp_path / "two", "train/ada/1.jpg", "val/ada/2.jpg"), 0)
    assert (deep.layout, set(identities(deep).values())) == ("people", {"ada"})


def test_a_stray_image_beside_folders_of_a_split_makes_no_persons_of_them(tmp_path):
    deep = scan_folder(filled(tmp_path / "one", "train/ada/1.jpg", "train/bob/1.jpg", "val/ada/2.jpg", "cover.jpg"), 1)
    assert set(identities(deep).values()) == {"ada", "bob", "cover.jpg"}
    flat = scan_folder(filled(tmp_path / "two", "train/1.jpg", "val/1.jpg", "cover.jpg"), 0)
    assert (flat.layout, set(identities(flat).values())) == ("flat", {"train/1.jpg", "val/1.jpg", "cover.jpg"})


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system takes both spellings for one")
def test_one_name_in_two_spellings_is_one_person_and_files_keep_their_names(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
    listing = scan_folder(filled(tmp_path / "a", f"{composed}/1.jpg", f"{decomposed}/2.jpg", "bob /1.jpg"), 1)
    assert set(identities(listing).values()) == {composed, "bob"}
    assert f"{decomposed}/2.jpg" in files(listing)
    root = filled(tmp_path / "b", "1.jpg", "2.jpg", f"{decomposed}.jpg")
    rows = f"1.jpg,,,,{composed}\n2.jpg,,,, {decomposed} \n"
    (tmp_path / "labels.csv").write_text(f"file,age,gender,race,identity\n{rows}", encoding="utf-8")
    labelled = scan_folder(root, 1, tmp_path / "labels.csv")
    assert set(identities(labelled).values()) == {composed, f"{decomposed}.jpg"}


def test_digits_that_are_no_numbers_can_be_sorted(tmp_path):
    listing = scan_folder(filled(tmp_path, "①1.jpg", "10.jpg", "2.jpg", "a²b.jpg", f"{'9' * 200}.jpg"), 0)
    assert files(listing) == ["2.jpg", "10.jpg", f"{'9' * 200}.jpg", "a²b.jpg", "①1.jpg"]
    names = [f"train/{'9' * 5000}.jpg", "train/0.jpg", "train/007.jpg", "train/8.jpg"]
    assert sorted(names, key=natural) == [*names[1:], names[0]]


def test_a_name_that_leaves_no_room_for_the_files_made_of_it_is_left_out(tmp_path):
    long, longest = f"{'あ' * 78}.jpg", f"{'x' * 231}.jpg"
    listing = scan_folder(filled(tmp_path, f"ada/{long}", f"ada/{longest}"), 1)
    assert files(listing) == [f"ada/{longest}"]
    assert reasons(listing) == {f"ada/{long}": "name_too_long"}
    face = face_file(1, f"ada/{longest.replace('.jpg', '.png')}")
    made = [mirrored_name(face), matte_file(face), face.replace(".jpg", ".brightened-99.jpg")]
    assert all(len(name.rpartition("/")[2].encode()) <= 255 for name in made)


def fairface(root: Path) -> Path:
    filled(root, "train/2.jpg", "train/10.jpg", "val/2.jpg")
    head = "file,age,gender,race,service_test\n"
    (root / "fairface_label_train.csv").write_text(
        head + "train/2.jpg,03-Sep,Male,White,T\ntrain/10.jpg,20-29,Male,Indian,T\ntrain/11.jpg,Oct-19,Male,White,T\n"
    )
    (root / "fairface_label_val.csv").write_text(head + "val/2.jpg,03-Sep,Female,Black,T\n")
    return root


def test_the_layout_of_fairface_is_known_by_its_label_files(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        listing = scan_folder(fairface(tmp_path), 0)
    assert listing.layout == "fairface"
    assert listing.labels.to_dict("list") == {
        "file": ["train/2.jpg", "train/10.jpg", "val/2.jpg"],
        "looks": [0, 0, 0],
        "age": ["3-9", "20-29", "3-9"],
        "gender": ["Male", "Male", "Female"],
        "race": ["White", "Indian", "Black"],
        "label_source": ["fairface_label_train.csv"] * 2 + ["fairface_label_val.csv"],
        "photo_date": ["", "", ""],
    }
    assert listing.mended == {"03-Sep": ("3-9", 2), "Oct-19": ("10-19", 1)}
    assert "1 of 3 rows name no image" in caplog.text
    assert listing.rejected == ()


def test_tables_of_a_listing_keep_the_rules(tmp_path):
    root = filled(tmp_path, "ada/1.jpg")
    (root / "ada" / "2.jpg").touch()
    listing = scan_folder(root, 1)
    log = check_table(listing.log, "acquisition_log", "log")
    check_table(listing.labels, "source_labels", "labels")
    content = (root / "ada" / "1.jpg").read_bytes()
    assert log.loc[0, ["file", "identity", "sha256", "bytes", "kept", "reason"]].to_list() == [
        "ada/1.jpg", "ada", hashlib.sha256(content).hexdigest(), len(content), True, ""]  # fmt: skip
    assert log.loc[1, ["file", "kept", "reason"]].to_list() == ["ada/2.jpg", False, "empty_file"]
    assert log.loc[0, "time"].endswith("Z")
    assert log.loc[0, ["page", "title", "query", "type", "licence", "perceptual_hash"]].to_list() == [""] * 6
    assert log[["rank", "status"]].isna().all(axis=None)
    assert listing.items() == [("ada/1.jpg", root / "ada" / "1.jpg", (root / "ada" / "1.jpg").as_posix())]


def test_a_folder_gives_what_every_source_gives(tmp_path):
    root = filled(tmp_path / "photos", "ada/1.jpg", "ada/2.jpg")
    (root / "ada" / "3.jpg").touch()
    (tmp_path / "labels.csv").write_text("file,age,gender,race\nada/1.jpg,old,Male,\nada/2.jpg,20-29,,Martian\n")
    found = scan_folder(root, 1, tmp_path / "labels.csv")
    listing = found.listing
    assert [name for name, _, _ in listing.items] == ["ada/1.jpg", "ada/2.jpg"] == list(listing.labels["file"])
    assert list(listing.log["file"]) == ["ada/1.jpg", "ada/2.jpg", "ada/3.jpg"]
    assert listing.labels[["age", "gender", "race"]].to_numpy().tolist() == [["", "Male", ""], ["20-29", "", ""]]
    told = check_table(listing.label_rejections, "label_rejections", "cells")
    assert told[["table", "row", "column", "file", "value"]].to_numpy().tolist() == [
        ["labels.csv", 2, "age", "ada/1.jpg", "old"],
        ["labels.csv", 3, "race", "ada/2.jpg", "Martian"],
    ]
    assert len(check_table(listing.attributions, "attributions", "said")) == 0


def test_rejected_cells_of_all_label_files_come_together_and_no_label_file_has_none(tmp_path):
    root = fairface(tmp_path / "fairface")
    for part in ("train", "val"):
        path = root / f"fairface_label_{part}.csv"
        path.write_text(path.read_text().replace("Male,White", "Male,").replace("Female,Black", "female,Blakc"))
    told = scan_folder(root, 0).label_rejections
    assert told[["table", "row", "value"]].to_numpy().tolist() == [
        ["fairface_label_train.csv", 2, ""],
        ["fairface_label_train.csv", 4, ""],
        ["fairface_label_val.csv", 2, "Blakc"],
    ]
    plain = scan_folder(filled(tmp_path / "plain", "1.jpg"), 0).label_rejections
    assert len(check_table(plain, "label_rejections", "cells")) == 0


def test_bookkeeping_is_passed_over_and_other_files_are_listed_with_a_reason(tmp_path):
    root = filled(tmp_path, "ada/1.jpg", ".hidden/1.jpg", "ada/._1.jpg", "ada/no suffix")
    for name in ("Thumbs.db", ".DS_Store", "labels.csv", "ada/readme.txt", "desktop.ini"):
        (root / name).write_text("x")
    (root / "film.mp4").write_text("x")
    (root / "empty.png").touch()
    (root / "gone.jpg").symlink_to(root / "nowhere.jpg")
    listing = scan_folder(root, 1)
    assert files(listing) == ["ada/1.jpg", "ada/no suffix"]
    assert reasons(listing) == {"empty.png": "empty_file", "film.mp4": "not_an_image", "gone.jpg": "broken_link"}


def test_links_that_go_round_end_and_each_folder_counts_once(tmp_path):
    root = filled(tmp_path / "root", "ada/1.jpg")
    filled(tmp_path / "elsewhere", "2.jpg")
    (root / "ada" / "loop").symlink_to(root)
    (root / "bob").symlink_to(tmp_path / "elsewhere")
    (root / "bob again").symlink_to(tmp_path / "elsewhere")
    listing = scan_folder(root, 1)
    assert len(listing) == 2
    assert {Path(name).name for name in files(listing)} == {"1.jpg", "2.jpg"}


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode there")
def test_a_name_that_is_no_text_is_listed(tmp_path):
    root = filled(tmp_path, "a.jpg", "back\\slash.jpg")
    (root / os.fsdecode(b"\xff.jpg")).write_bytes(JPEG)
    listing = scan_folder(root, 1)
    assert files(listing) == ["a.jpg"]
    assert reasons(listing) == {"\\udcff.jpg": "name_not_unicode", "back\\slash.jpg": "backslash_in_name"}
    check_table(listing.log, "acquisition_log", "log")


def test_own_labels_give_attributes_and_identities(tmp_path, caplog):
    root = filled(tmp_path / "photos", "1.jpg", "2.jpg", "3.jpg")
    (tmp_path / "labels.csv").write_text(
        "file,age,gender,race,identity\n1.jpg,9-Mar,Male,,ada\n2.jpg,,,,ada\n9.jpg,,,,\n"
    )
    with caplog.at_level(logging.WARNING):
        listing = scan_folder(root, 1, tmp_path / "labels.csv")
    assert identities(listing) == {"1.jpg": "ada", "2.jpg": "ada", "3.jpg": "3.jpg"}
    assert listing.labels["age"].to_list() == ["3-9", "", ""]
    assert listing.labels["label_source"].to_list() == ["labels.csv", "labels.csv", ""]
    assert "1 of 3 rows name no image" in caplog.text
    assert "1 of 3 images have no row" in caplog.text


def test_labels_of_another_folder_are_an_error(tmp_path):
    root = filled(tmp_path / "photos", "1.jpg")
    (tmp_path / "labels.csv").write_text("file,age,gender,race\nphotos/1.jpg,,,\n")
    with pytest.raises(
        BadInputError, match=r"none of its 1 rows names an image.*'photos/1.jpg'.*'1.jpg'.*ordinary\.labels"
    ):
        scan_folder(root, 1, tmp_path / "labels.csv")


def test_a_limit_takes_an_even_sample_always_the_same(tmp_path, caplog):
    root = filled(tmp_path, *[f"{person}/{k}.jpg" for person in "abcd" for k in range(25)])
    with caplog.at_level(logging.INFO):
        listing = scan_folder(root, 1, limit=20)
    assert files(listing) == files(scan_folder(root, 1, limit=20))
    assert [list(identities(listing).values()).count(person) for person in "abcd"] == [5, 5, 5, 5]
    assert "took 20 of 100 images" in caplog.text
    assert len(scan_folder(root, 1, limit=1000)) == 100
    with pytest.raises(BadParameterError, match="limit"):
        scan_folder(root, 1, limit=0)


@pytest.mark.parametrize("trouble", ["missing", "a file", "empty", "no image", "only empty images"])
def test_a_folder_that_gives_nothing_is_told_with_the_remedy(tmp_path, trouble):
    root = tmp_path / "photos"
    if trouble == "a file":
        root.write_text("x")
    elif trouble != "missing":
        root.mkdir()
    if trouble == "no image":
        (root / "film.mp4").write_text("x")
    if trouble == "only empty images":
        (root / "a.jpg").touch()
    told = {
        "missing": "no such folder",
        "a file": "found a file",
        "empty": "holds no image",
        "no image": r"film.mp4 \(not_an_image\)",
        "only empty images": r"a.jpg \(empty_file\)",
    }[trouble]
    with pytest.raises(BadInputError, match=rf"photos.*{told}.*[Cc]orrect|photos.*{told}.*Name"):
        scan_folder(root, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_listed(tmp_path):
    root = filled(tmp_path, "a.jpg", "b.jpg")
    (root / "b.jpg").chmod(0)
    assert reasons(scan_folder(root, 1)) == {"b.jpg": "unreadable"}
