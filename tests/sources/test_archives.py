from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.sources import archives
from looks_kedro.sources.archives import fairface_archive, is_archive

JPEG = b"\xff\xd8\xff\xe0 the rest of a photo "
HEAD = "file,age,gender,race,service_test\n"
TRAIN = HEAD + "train/1.jpg,03-Sep,Male,White,T\ntrain/2.jpg,20-29,Female,Indian,F\ntrain/10.jpg,Oct-19,Male,Black,T\n"
VAL = HEAD + "val/1.jpg,more than 70,Female,East Asian,T\n"


def zipped(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=how)
    return path


def photos(*names: str) -> dict[str, bytes]:
    return {name: JPEG + name.encode() for name in names}


def original(root: Path, prefix: str = "") -> Path:
    """FairFace's zip as it is published, with its label files beside it."""
    names = ("val/1.jpg", "train/10.jpg", "train/1.jpg", "train/2.jpg")
    zipped(root / "fairface-img-margin025-trainval.zip", photos(*(prefix + name for name in names)))
    (root / "fairface_label_train.csv").write_text(TRAIN)
    (root / "fairface_label_val.csv").write_text(VAL)
    return root


def contents(listing) -> dict[str, bytes]:
    return {name: content for name, content, _ in listing.items}


def reasons(listing) -> dict[str, str]:
    left = listing.log[~listing.log["kept"]]
    return dict(zip(left["file"], left["reason"], strict=True))


def test_images_come_in_natural_order_with_bytes_hashes_and_labels(tmp_path):
    listing = fairface_archive(original(tmp_path), 0)
    assert contents(listing) == photos("train/1.jpg", "train/2.jpg", "train/10.jpg", "val/1.jpg")
    assert list(contents(listing)) == ["train/1.jpg", "train/2.jpg", "train/10.jpg", "val/1.jpg"]
    log = check_table(listing.log, "acquisition_log", "log")
    assert log["sha256"].to_list() == [hashlib.sha256(content).hexdigest() for content in contents(listing).values()]
    assert log["identity"].to_list() == log["file"].to_list() == list(contents(listing))
    assert log["origin"][3] == f"{tmp_path.as_posix()}/fairface-img-margin025-trainval.zip!/val/1.jpg"
    labels = check_table(listing.labels, "source_labels", "labels")
    assert labels[["age", "gender", "race"]].to_numpy().tolist() == [
        ["3-9", "Male", "White"], ["20-29", "Female", "Indian"], ["10-19", "Male", "Black"],
        ["more than 70", "Female", "East Asian"]]  # fmt: skip
    assert labels["label_source"].to_list() == ["fairface_label_train.csv"] * 3 + ["fairface_label_val.csv"]


def test_items_may_be_gone_through_again_and_nothing_is_unpacked(tmp_path):
    listing = fairface_archive(original(tmp_path), 0)
    before = sorted(tmp_path.rglob("*"))
    assert list(listing.items) == list(listing.items)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("prefix", ["fairface-img-margin025-trainval/", "data/FairFace/", "./"])
def test_folders_around_train_and_val_are_taken_off(tmp_path, prefix):
    listing = fairface_archive(original(tmp_path, prefix), 0)
    assert list(contents(listing)) == ["train/1.jpg", "train/2.jpg", "train/10.jpg", "val/1.jpg"]
    assert listing.labels["race"].to_list() == ["White", "Indian", "Black", "East Asian"]


def test_without_train_and_val_the_common_folders_are_taken_off(tmp_path):
    path = zipped(tmp_path / "photos.zip", photos("all/of/ada/1.jpg", "all/of/bob/1.jpg"))
    assert list(contents(fairface_archive(path, 0))) == ["ada/1.jpg", "bob/1.jpg"]
    path = zipped(tmp_path / "flat.zip", photos("all/1.jpg", "all/2.jpg"))
    assert list(contents(fairface_archive(path, 0))) == ["1.jpg", "2.jpg"]


def test_labels_inside_the_zip_are_read_and_named_by_their_place(tmp_path, caplog):
    members = photos("fairface/train/1.jpg", "fairface/train/2.jpg")
    good = zipped(tmp_path / "good.zip", members | {"fairface/fairface_label_train.csv": TRAIN.encode()})
    listing = fairface_archive(good, 0)
    assert listing.labels["age"].to_list() == ["3-9", "20-29"]
    assert "1 of 3 rows name no image" in caplog.text
    bad = zipped(tmp_path / "bad.zip", members | {"fairface/fairface_label_train.csv": b"file,age\n"})
    with pytest.raises(BadInputError, match=r"bad\.zip!/fairface/fairface_label_train\.csv: column 'gender', 'race'"):
        fairface_archive(bad, 0)


def test_own_labels_win_and_may_name_people(tmp_path):
    original(tmp_path)
    (tmp_path / "own.csv").write_text("file,age,gender,race,identity\ntrain/2.jpg,9-Mar,,,ada\n")
    listing = fairface_archive(tmp_path, 1, tmp_path / "own.csv")
    assert listing.labels["age"].to_list() == ["", "3-9", "", ""]
    assert listing.log["identity"].to_list() == ["train/1.jpg", "ada", "train/10.jpg", "val/1.jpg"]
    (tmp_path / "own.csv").write_text("file,age,gender,race\n2.jpg,,,\n")
    with pytest.raises(BadInputError, match=r"own\.csv: none of the 1 rows names an image.*'2.jpg'.*'train/1.jpg'"):
        fairface_archive(tmp_path, 1, tmp_path / "own.csv")


def test_a_label_that_means_nothing_is_set_aside_and_its_image_stays(tmp_path):
    original(tmp_path)
    (tmp_path / "fairface_label_val.csv").write_text(HEAD + "val/1.jpg,33,Female,East Asian,T\n")
    listing = fairface_archive(tmp_path, 0)
    rejected = check_table(listing.label_rejections, "label_rejections", "rejections")
    assert rejected[["table", "row", "column", "file", "value"]].to_numpy().tolist() == [
        ["fairface_label_val.csv", 2, "age", "val/1.jpg", "33"]]  # fmt: skip
    assert listing.labels["age"].to_list()[-1] == ""
    assert len(contents(listing)) == 4


def test_a_damaged_image_is_named_and_left_out(tmp_path, caplog):
    path = original(tmp_path) / "fairface-img-margin025-trainval.zip"
    data = path.read_bytes()
    spoilt = data.replace(JPEG + b"train/2.jpg", JPEG + b"train/?.jpg", 1)
    assert spoilt != data
    path.write_bytes(spoilt)
    listing = fairface_archive(tmp_path, 0)
    assert list(contents(listing)) == ["train/1.jpg", "train/10.jpg", "val/1.jpg"]
    assert reasons(listing) == {"train/2.jpg": "damaged"}
    assert "train/2.jpg: left out as damaged: Bad CRC-32" in caplog.text
    check_table(listing.log, "acquisition_log", "log")


def test_a_damaged_packed_image_is_left_out_too(tmp_path):
    path = zipped(tmp_path / "a.zip", {"train/1.jpg": JPEG + bytes(range(256)) * 4, **photos("train/2.jpg")},
                  zipfile.ZIP_DEFLATED)  # fmt: skip
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    assert reasons(fairface_archive(path, 0)) == {"train/1.jpg": "damaged"}


def test_names_that_would_leave_the_folder_are_left_out(tmp_path):
    names = ["../train/1.jpg", "/train/1.jpg", "train/../../1.jpg", "C:/train/1.jpg", "train\\3.jpg", "train/4\n.jpg"]
    listing = fairface_archive(zipped(tmp_path / "a.zip", photos("train/1.jpg", *names)), 0)
    assert list(contents(listing)) == ["train/1.jpg"]
    assert list(reasons(listing).values()) == ["unsafe_name"] * len(names)


def test_bombs_and_giants_are_never_unpacked(tmp_path, monkeypatch):
    members = {**photos("train/1.jpg"), "train/bomb.jpg": bytes(5_000_000), "train/giant.jpg": bytes(60_000_000)}
    path = zipped(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED)
    read: list[int] = []
    unpacked = zipfile.ZipExtFile.read

    def noted(self, size=-1):
        content = unpacked(self, size)
        read.append(len(content))
        return content

    monkeypatch.setattr(zipfile.ZipExtFile, "read", noted)
    listing = fairface_archive(path, 0)
    assert list(contents(listing)) == ["train/1.jpg"]
    assert reasons(listing) == {"train/bomb.jpg": "zip_bomb", "train/giant.jpg": "too_large"}
    assert max(read) < 1000


def test_a_member_that_hides_its_size_is_not_unpacked_beyond_it(tmp_path):
    path = zipped(tmp_path / "a.zip", {**photos("train/1.jpg"), "train/2.jpg": bytes(8_000_000)}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    path.write_bytes(data.replace((8_000_000).to_bytes(4, "little"), (900).to_bytes(4, "little")))
    listing = fairface_archive(path, 0)
    assert reasons(listing) == {"train/2.jpg": "damaged"}
    assert listing.log.loc[~listing.log["kept"], "bytes"].to_list() == [900]


def test_a_damaged_member_is_left_out_however_it_is_packed(tmp_path):
    path = zipped(tmp_path / "a.zip", photos("train/1.jpg", "train/2.jpg"), zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    packed = data.index(b"train/1.jpg") + len("train/1.jpg")
    data[packed + 4 : packed + 9] = b"\xff" * 5  # LZMA's own settings
    path.write_bytes(data)
    listing = fairface_archive(path, 0)
    assert list(contents(listing)) == ["train/2.jpg"]
    assert reasons(listing) == {"train/1.jpg": "damaged"}


def test_a_name_that_leaves_no_room_for_the_files_made_of_it_is_left_out(tmp_path):
    long = f"train/{'x' * 240}.jpg"
    assert reasons(fairface_archive(zipped(tmp_path / "a.zip", photos("train/1.jpg", long)), 0)) == {
        long: "name_too_long"
    }


def test_what_is_no_image_is_listed_and_bookkeeping_passed_over(tmp_path):
    members = photos("train/1.jpg", "train/film.mp4", "__MACOSX/train/._1.jpg", "train/.hidden.jpg", "readme.txt")
    members |= {"train/empty.jpg": b"", "train/": b""}
    path = zipped(tmp_path / "a.zip", members)
    link = zipfile.ZipInfo("train/link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("train/1.jpg", JPEG + b"another")
    listing = fairface_archive(path, 0)
    assert contents(listing) == photos("train/1.jpg")
    assert reasons(listing) == {"train/film.mp4": "not_an_image", "train/empty.jpg": "empty_file",
                                "train/link.jpg": "not_an_image", "train/1.jpg": "name_taken"}  # fmt: skip


def test_an_encrypted_image_is_left_out(tmp_path):
    path = zipped(tmp_path / "a.zip", photos("train/1.jpg", "train/2.jpg"))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[6] |= 1  # flag of the first member, in its own header and in the directory
    data[entry + 8] |= 1
    path.write_bytes(data)
    assert reasons(fairface_archive(path, 0)) == {"train/1.jpg": "encrypted"}


def test_a_limit_takes_an_even_sample(tmp_path):
    path = zipped(tmp_path / "a.zip", photos(*(f"train/{k}.jpg" for k in range(1, 101))))
    listing = fairface_archive(path, 0, limit=4)
    assert list(contents(listing)) == ["train/13.jpg", "train/38.jpg", "train/63.jpg", "train/88.jpg"]
    assert len(listing.log) == 4
    with pytest.raises(BadParameterError, match="limit"):
        fairface_archive(path, 0, limit=0)


def test_the_padding_chooses_among_two_zips(tmp_path):
    original(tmp_path)
    zipped(tmp_path / "fairface-img-margin125-trainval.zip", photos("train/1.jpg"))
    assert len(contents(fairface_archive(tmp_path, 0, padding="0.25"))) == 4
    assert len(contents(fairface_archive(tmp_path, 0, padding="1.25"))) == 1
    with pytest.raises(BadInputError, match=r"found fairface-img-margin025-trainval.zip, .*125.*set the padding"):
        fairface_archive(tmp_path, 0)
    (tmp_path / "fairface-img-margin125-trainval.zip").unlink()
    with pytest.raises(BadInputError, match=r"one zip of FairFace with padding 1\.25; found .*025.*Name the zip"):
        fairface_archive(tmp_path, 0, padding="1.25")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!doctype html><html>Quota exceeded</html>", "found a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "found a Git LFS pointer"),
        (b"PK\x03\x04" + bytes(500), "504 bytes of a zip that is damaged or cut off"),
        (b"", "found an empty file"),
    ],
)
def test_what_is_no_zip_is_named(tmp_path, content, told):
    path = tmp_path / "fairface.zip"
    path.write_bytes(content)
    assert is_archive(path)
    with pytest.raises(BadInputError, match=rf"fairface\.zip: expected a zip, found .*{told}|{told}"):
        fairface_archive(path, 0)


def test_a_zip_without_a_readable_image_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match=r"holds no image, but film\.mp4 \(not_an_image\)"):
        fairface_archive(zipped(tmp_path / "a.zip", photos("film.mp4")), 0)
    path = zipped(tmp_path / "b.zip", photos("train/1.jpg"))
    path.write_bytes(path.read_bytes().replace(JPEG, JPEG[::-1], 1))
    with pytest.raises(BadInputError, match="none of its 1 images can be read"):
        fairface_archive(path, 0)
    with pytest.raises(BadInputError, match="no such file or folder"):
        fairface_archive(tmp_path / "nowhere.zip", 0)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 3)
    with pytest.raises(BadInputError, match="4 members; expected at most 3"):
        fairface_archive(original(tmp_path), 0)


def test_a_zip_that_changed_meanwhile_is_an_error(tmp_path):
    path = zipped(tmp_path / "a.zip", photos("train/1.jpg"))
    listing = fairface_archive(path, 0)
    zipped(path, photos("train/1.jpg", "train/2.jpg"))
    with pytest.raises(BadInputError, match="changed since it was listed"):
        list(listing.items)


def test_a_folder_of_zips_is_told_from_a_folder_of_images(tmp_path):
    assert is_archive(original(tmp_path / "zips"))
    assert is_archive(tmp_path / "zips" / "fairface-img-margin025-trainval.zip")
    (tmp_path / "zips" / "train").mkdir()
    assert not is_archive(tmp_path / "zips")
    assert not is_archive(tmp_path / "zips" / "train")
    assert not is_archive(tmp_path / "nowhere")
    assert not is_archive(tmp_path / "zips" / "fairface_label_val.csv")
