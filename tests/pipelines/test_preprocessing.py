"""The nodes of preprocessing on a few drawn photos: copies, corrections, people, and the page that shows them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io.core import Version
from PIL import Image

from looks_kedro.acceptance import Decision
from looks_kedro.balancing.groups import groups_of
from looks_kedro.cache import ResultCache
from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.preprocessing.nodes import crop_faces, face_file, inspect_raw_images, review_portraits
from looks_kedro.pipelines.preprocessing.parameters import Preprocessing
from looks_kedro.portraits import PhotoSet, photo_set
from looks_kedro.sources.listing import table

SETTINGS = Preprocessing.model_validate({"processes": 1, "pose": {"max_yaw": 40}, "detection": {"device": "cpu"}})
PHOTOS = PhotoSet(seed=3, celebrities=2, photos_per_celebrity=4, ordinary=4, spoilt=False)


def saved_again(content: bytes, scale: float = 0.7, quality: int = 50) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        small = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=quality)
    return file.getvalue()


class Raw:
    """Raw folders of both classes and their log, on disk."""

    def __init__(self, folder: Path, photos: dict[int, dict[str, bytes]]) -> None:
        self.folder = folder
        self.folders = {looks: self._save(looks, files) for looks, files in photos.items()}
        rows = [
            {"file": name, "looks": looks, "source": "folder", "identity": name.split("/")[0], "kept": True,
             "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for looks, files in photos.items()
            for name, content in files.items()
        ]  # fmt: skip
        self.log = table("acquisition_log", rows)

    def _save(self, looks: int, files: dict[str, bytes]) -> ImageFolder:
        dataset = ImageFolderDataset(filepath=self.folder / str(looks), version=Version("1", "1"))
        dataset.save(Images([(name, content, "") for name, content in files.items()]))
        return dataset.load()

    def inspected(
        self,
        corrections: pd.DataFrame | None = None,
        settings: Preprocessing = SETTINGS,
        weights: Path = Path("no weights"),
    ):
        given = table("corrections", []) if corrections is None else corrections
        results = ResultCache(self.folder / "results.sqlite")
        found = inspect_raw_images(self.folders[1], self.folders[0], self.log, given, settings, results, weights)
        names = ("face_table", "rejections", "decisions")
        return tuple(check_table(one, name, name) for one, name in zip(found, names, strict=True))


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Raw:
    """Two people of four photos and four ordinary ones; ada's first photo again in three other places."""
    drawn = {looks: {photo.file: photo.content for photo in photo_set(PHOTOS, looks, processes=1)} for looks in (1, 0)}
    ada, bea = sorted({name.split("/")[0] for name in drawn[1]})
    first = drawn[1][min(name for name in drawn[1] if name.startswith(ada))]
    drawn[1][f"{ada}/again.jpg"] = first
    drawn[1][f"{ada}/smaller.jpg"] = saved_again(first)
    drawn[1][f"{bea}/stolen.jpg"] = saved_again(first, 0.9)
    drawn[0]["broken.jpg"] = first[: len(first) // 3]
    flat = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 9, 3), dtype=np.uint8)).resize((300, 300))
    file = io.BytesIO()
    flat.save(file, "PNG")
    drawn[0]["no face.png"] = file.getvalue()
    return Raw(tmp_path_factory.mktemp("a study"), drawn)


def test_each_raw_image_is_a_kept_face_or_has_one_row_in_the_rejections(raw):
    faces, rejections, decisions = raw.inspected()
    names = [face_file(looks, file) for looks, file in zip(raw.log["looks"], raw.log["file"], strict=True)]
    assert sorted([*faces.loc[faces["kept"], "file"], *rejections["file"]]) == sorted(names)
    assert decisions["file"].tolist() == names
    assert rejections["reason"].value_counts()["unreadable"] == 1
    assert rejections["reason"].value_counts()["no_face"] == 1
    assert not faces[faces["kept"] & ~faces["frontal"]].size


def test_copies_point_to_the_one_that_is_kept_and_a_stolen_one_names_its_owner(raw):
    _, rejections, _ = raw.inspected()
    by_file = rejections.set_index("file")
    names = ("again.jpg", "smaller.jpg", "stolen.jpg")
    (again,), (smaller,), (stolen,) = (by_file[by_file.index.str.endswith(name)].to_dict("records") for name in names)
    assert (again["reason"], smaller["reason"]) == ("duplicate", "near_duplicate")
    assert stolen["reason"] == "duplicate_of_another_person"
    assert again["duplicate_of"] == smaller["duplicate_of"] == stolen["duplicate_of"]
    assert stolen["detail"].endswith(f"which is said to be {again['identity']}")


def test_without_near_copies_only_equal_bytes_count(raw):
    settings = SETTINGS.model_copy(update={"duplicates": SETTINGS.duplicates.model_copy(update={"near": False})})
    _, rejections, _ = raw.inspected(settings=settings)
    assert set(rejections["reason"]) & {"near_duplicate", "duplicate_of_another_person"} == set()
    assert (rejections["reason"] == "duplicate").sum() == 1


def test_corrections_win_and_the_programs_own_decision_stays_on_record(raw):
    faces, rejections, _ = raw.inspected()
    kept = faces.loc[faces["kept"], "file"].iloc[0]
    smaller = next(file for file in rejections["file"] if file.endswith("smaller.jpg"))
    rows = [{"file": kept, "decision": "reject", "reason": "not her"}, {"file": smaller, "decision": "keep"}]
    after, refused, decisions = raw.inspected(table("corrections", rows))
    assert smaller in set(after.loc[after["kept"], "file"])
    assert refused.set_index("file").loc[kept, ["reason", "detail"]].tolist() == ["corrected", "not her"]
    record = decisions.set_index("file")[["reason", "correction"]]
    assert record.loc[kept].tolist() == ["", "reject"]
    assert record.loc[smaller].tolist() == ["near_duplicate", "keep"]


def test_a_kept_copy_of_a_picture_without_a_face_stays_rejected(tmp_path, raw):
    landscape = raw.folders[0].path("no face.png").read_bytes()
    again = Raw(tmp_path, {1: _of(raw, 1), 0: _of(raw, 0) | {"no face 2.png": landscape}})
    files = [f"ordinary/no face{number}.png.jpg" for number in ("", " 2")]
    faces, rejections, _ = again.inspected(table("corrections", [{"file": name, "decision": "keep"} for name in files]))
    assert int(faces["kept"].sum()) + len(rejections) == len(again.log)
    assert set(files) <= set(rejections["file"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"file": "else.jpg"}, "has no row in the log"),
        ({"sha256": "0" * 64}, "is another picture than the log says"),
        ({"kept": False}, "has no row in the log"),
    ],
)
def test_raw_images_of_one_version_and_the_log_of_another_are_refused(tmp_path, raw, change, told):
    mixed = Raw(tmp_path, {1: _of(raw, 1), 0: _of(raw, 0)})
    row = mixed.log.index[mixed.log["looks"] == 0][0]
    name = mixed.log.at[row, "file"]
    for column, value in change.items():
        mixed.log.at[row, column] = value
    with pytest.raises(BadInputError, match=rf"acquisition_log: .*{name} {told}.*acquisition` again.*load-versions"):
        mixed.inspected()


def test_a_row_of_the_log_without_an_image_is_refused(tmp_path, raw):
    mixed = Raw(tmp_path, {1: _of(raw, 1), 0: _of(raw, 0)})
    extra = mixed.log.iloc[[0]].assign(file="gone.jpg")
    mixed.log = pd.concat([mixed.log, extra], ignore_index=True)
    with pytest.raises(BadInputError, match=r"gone\.jpg is not among the images"):
        mixed.inspected()


def test_names_that_differ_by_a_suffix_alone_give_faces_of_their_own(tmp_path, raw):
    ada, bea = sorted(name for name in raw.folders[1].names)[:2]
    photos = {"ada/x.png": _of(raw, 1)[ada], "ada/x.png.jpg": _of(raw, 1)[bea], "ada/y.png": b"nothing"}
    _, _, decisions = Raw(tmp_path, {1: photos, 0: _of(raw, 0)}).inspected()
    of_class = decisions[decisions["file"].str.startswith("celebrities/")]
    assert of_class.set_index("raw_file")["file"].to_dict() == {
        "ada/x.png": "celebrities/ada/x.png~2.jpg",
        "ada/x.png.jpg": "celebrities/ada/x.png.jpg",
        "ada/y.png": "celebrities/ada/y.png.jpg",
    }


def test_equal_names_in_two_flat_folders_are_two_people(tmp_path, raw):
    photos = [content for name, content in sorted(_of(raw, 1).items())][:2]
    flat = Raw(tmp_path, {looks: {"0.jpg": photos[1 - looks], "1.png": b"nothing"} for looks in (1, 0)})
    flat.log["identity"] = flat.log["file"]  # as a listing says of photos of nobody in particular
    faces, _, decisions = flat.inspected()
    assert decisions["identity"].nunique() == len(decisions) == 4
    assert len(set(groups_of(faces))) == len(faces) == 2
    named = Decision(*decisions.loc[0, ["file", "looks", "identity"]])
    assert not named.named


def _of(raw: Raw, looks: int) -> dict[str, bytes]:
    return {name: raw.folders[looks].path(name).read_bytes() for name in raw.folders[looks].names}


def test_a_limit_on_the_pose_takes_effect_without_measuring_anew(raw):
    raw.inspected()
    measured = len(ResultCache(raw.folder / "results.sqlite"))
    faces, _, _ = raw.inspected()
    limit = float(faces[faces["kept"]].groupby("looks")["yaw"].apply(lambda yaw: yaw.abs().min()).max()) + 0.01
    narrow = SETTINGS.model_copy(update={"pose": SETTINGS.pose.model_copy(update={"max_yaw": limit})})
    faces, rejections, _ = raw.inspected(settings=narrow)
    assert len(ResultCache(raw.folder / "results.sqlite")) == measured
    assert (faces.loc[faces["kept"], "yaw"].abs() <= limit).all()
    assert "side_view" in set(rejections["reason"])


def test_a_class_without_a_face_ends_with_the_reasons(tmp_path, raw):
    broken = raw.folders[0].path("broken.jpg").read_bytes()
    poor = Raw(tmp_path, {1: {"ada/1.jpg": broken}, 0: {"1.jpg": broken + b"0"}})
    with pytest.raises(BadInputError, match=r"No face is left of celebrities: .* unreadable 1"):
        poor.inspected()


def test_faces_are_cut_once_and_linked_afterwards(raw, tmp_path):
    faces, _, _ = raw.inspected()
    folders = []
    for version in ("1", "2"):
        images = crop_faces(raw.folders[1], raw.folders[0], faces, SETTINGS)
        dataset = ImageFolderDataset(filepath=tmp_path / "faces", version=Version(version, version))
        dataset.save(images)
        folders.append(dataset.load())
    first, second = folders
    assert first.names == second.names == tuple(faces.loc[faces["kept"], "file"])
    assert all(first.path(name).samefile(second.path(name)) for name in first.names)
    assert first.array(first.names[0]).shape == (300, 300, 3)


def test_the_review_page_shows_every_photo_with_its_reason(raw):
    faces, _, decisions = raw.inspected()
    results = ResultCache(raw.folder / "results.sqlite")
    none = table("corrections", [])
    page = review_portraits(raw.folders[1], raw.folders[0], decisions, none, SETTINGS, results)
    assert all(file in page for file in decisions["file"])
    assert "duplicate of another person" in page
    assert page.count("data:image/jpeg;base64,") >= int(faces["kept"].sum())
    made = len(results)
    assert review_portraits(raw.folders[1], raw.folders[0], decisions, none, SETTINGS, results) == page
    assert len(results) == made


def test_published_networks_are_used_where_their_weights_lie(raw, tmp_path, caplog):
    import torch

    from looks_kedro.faces import embedding, hopenet

    torch.manual_seed(0)
    torch.save(embedding.build_network().state_dict(), tmp_path / "20180402-114759-vggface2.pt")
    state = hopenet.build_network().state_dict()
    for head in hopenet.HEADS:
        state[f"{head}.weight"].zero_()
        state[f"{head}.bias"].zero_()
        state[f"{head}.bias"][33] = 50.0  # 33 x 3 - 99 = 0 degrees
    torch.save(state, tmp_path / "hopenet_alpha2.pkl")
    same_person = SETTINGS.same_person.model_copy(update={"least_photos": 3})
    settings = SETTINGS.model_copy(update={"same_person": same_person})
    faces, rejections, _ = raw.inspected(settings=settings, weights=tmp_path)
    assert set(faces["pose_method"]) == {"hopenet"}
    assert faces[["yaw", "pitch", "roll"]].abs().max().max() < 0.1
    assert "side_view" not in set(rejections["reason"])
    judged = faces[(faces["looks"] == 1) & ~faces["file"].str.contains("again|smaller|stolen")]
    assert judged["person_distance"].between(0, 2).any()
    assert faces.loc[faces["looks"] == 0, "person_distance"].isna().all()
    assert "Nobody checks" not in caplog.text
    assert "nobody is compared" not in caplog.text
    known = len(ResultCache(raw.folder / "results.sqlite"))
    again, _, _ = raw.inspected(settings=settings, weights=tmp_path)
    pd.testing.assert_frame_equal(again, faces)
    assert len(ResultCache(raw.folder / "results.sqlite")) == known
