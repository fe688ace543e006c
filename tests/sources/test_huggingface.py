from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError
from web_server import Reply, drip, in_turn, ranged, redirect

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.sources.huggingface import FairFaceSource, fairface_parquet
from looks_kedro.tables import AGES, GENDERS, RACES

HUB_RACES = ["East Asian", "Indian", "Black", "White", "Middle Eastern", "Latino_Hispanic", "Southeast Asian"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "HuggingFaceM4/FairFace"


def photo(number: int, kind: str = "jpeg") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256, 99)).save(file, kind)
    return file.getvalue()


def row(number: int, **other) -> dict:
    return {
        "image": {"bytes": photo(number), "path": None},
        "age": number % 9,
        "gender": number % 2,
        "race": number % 7,
        "service_test": True,
    } | other


def shard(path: Path, rows: list[dict], *, names: dict | None = None, group: int = 4, text: bool = False) -> Path:
    """A shard as the ``datasets`` library writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    label = pa.string() if text else pa.int64()
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = {"image": image, "age": label, "gender": label, "race": label, "service_test": pa.bool_()}
    schema = pa.schema([(name, kind) for name, kind in fields.items() if any(name in row for row in rows)])
    if names:
        features = {name: {"names": words, "_type": "ClassLabel"} for name, words in names.items()}
        schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=group)
    return path


def fairface(root: Path, padding: str = "0.25") -> Path:
    """Two training shards and one for validation: 7 + 5 + 3 rows."""
    shard(root / padding / "train-00000-of-00002-d405faba4f4b9b85.parquet", [row(k) for k in range(7)])
    shard(root / padding / "train-00001-of-00002-dd3cb68164727418.parquet", [row(k) for k in range(7, 12)])
    shard(root / padding / "validation-00000-of-00001-951dbd63c8724ee1.parquet", [row(k) for k in range(12, 15)])
    return root


def listed(root: Path, limit: int | None = None, **settings):
    return fairface_parquet(FairFaceSource(path=str(root), **settings), 0, limit=limit, folder=root / "unused")


def contents(listing) -> dict[str, bytes]:
    return {name: content for name, content, _ in listing.items}


def test_all_rows_come_in_order_with_their_bytes_and_hashes(tmp_path):
    listing = listed(fairface(tmp_path))
    assert list(contents(listing)) == [f"train/{k}.jpg" for k in range(1, 13)] + [f"val/{k}.jpg" for k in (1, 2, 3)]
    assert list(contents(listing).values()) == [photo(k) for k in range(15)]
    log = check_table(listing.log, "acquisition_log", "log")
    assert log["file"].to_list() == list(contents(listing))
    assert log["sha256"].to_list() == [hashlib.sha256(photo(k)).hexdigest() for k in range(15)]
    assert log["bytes"].to_list() == [len(photo(k)) for k in range(15)]
    assert log["identity"].to_list() == log["file"].to_list()
    assert set(log["type"]) == {"image/jpeg"}
    assert set(log["licence"]) == {"CC BY 4.0"}
    origins = [origin for _, _, origin in listing.items]
    assert origins == log["origin"].to_list()
    assert origins[8].endswith("train-00001-of-00002-dd3cb68164727418.parquet#1")


def test_numbers_without_names_are_read_in_the_hubs_order_not_the_networks(tmp_path):
    labels = check_table(listed(fairface(tmp_path)).labels, "source_labels", "labels")
    assert labels["race"].to_list() == [HUB_RACES[k % 7] for k in range(15)]
    assert labels["age"].to_list() == [AGES[k % 9] for k in range(15)]
    assert labels["gender"].to_list() == [GENDERS[k % 2] for k in range(15)]
    assert labels["race"].to_list() != [RACES[k % 7] for k in range(15)]
    assert labels["label_source"][0] == "train-00000-of-00002-d405faba4f4b9b85.parquet"


def test_the_names_inside_a_shard_win_over_the_documented_order(tmp_path):
    names = {"race": list(RACES), "gender": ["Female", "Male"], "age": list(AGES)}
    shard(tmp_path / "train-00000-of-00001.parquet", [row(k) for k in range(7)], names=names)
    labels = listed(tmp_path).labels
    assert labels["race"].to_list() == list(RACES)
    assert labels["gender"].to_list()[:2] == ["Female", "Male"]


def test_labels_may_be_words(tmp_path):
    rows = [row(0, age="03-Sep", gender="female", race="Latino Hispanic"), row(1, age="", gender=None, race="White")]
    shard(tmp_path / "train.parquet", rows, text=True)
    labels = listed(tmp_path).labels
    assert labels[["age", "gender", "race"]].to_numpy().tolist() == [
        ["3-9", "Female", "Latino_Hispanic"], ["", "", "White"]]  # fmt: skip


def test_an_unknown_value_is_set_aside_by_row_and_column_and_its_image_stays(tmp_path):
    rows = [row(0), row(1, race=9), row(2, age=-1), row(3, age=None, gender=None, race=None)]
    listing = listed(shard(tmp_path / "train-00000-of-00001.parquet", rows, group=2).parent)
    rejected = check_table(listing.label_rejections, "label_rejections", "rejections")
    assert rejected[["table", "row", "column", "file", "value"]].to_numpy().tolist() == [
        ["train-00000-of-00001.parquet", 3, "race", "train/2.jpg", "9"]]  # fmt: skip
    assert "East Asian" in rejected["detail"][0]
    assert listing.labels["race"].to_list() == ["East Asian", "", "Black", ""]
    assert listing.labels["age"].to_list() == ["0-2", "3-9", "", ""]
    assert listing.labels["label_source"].to_list()[3] == ""
    assert len(contents(listing)) == 4


def test_items_may_be_gone_through_several_times_at_once(tmp_path):
    items = listed(fairface(tmp_path)).items
    first, second = iter(items), iter(items)
    assert next(first)[0] == "train/1.jpg"
    assert next(second)[0] == "train/1.jpg"
    assert next(first)[0] == "train/2.jpg"
    assert list(items) == list(items)


def test_a_shard_that_changed_meanwhile_is_an_error(tmp_path):
    listing = listed(fairface(tmp_path))
    shard(tmp_path / "0.25" / "train-00001-of-00002-dd3cb68164727418.parquet", [row(k) for k in range(50, 55)])
    with pytest.raises(BadInputError, match=r"00001-of-00002.*changed since it was listed"):
        list(listing.items)


def test_names_inside_the_shard_are_kept_and_made_safe_and_different(tmp_path):
    paths = ["train/48.jpg", "48.jpg", "../../etc/passwd", "a b.jpg", "x.png", None, "6.jpg"]
    rows = [row(k, image={"bytes": photo(k), "path": path}) for k, path in enumerate(paths)]
    listing = listed(shard(tmp_path / "train-00000-of-00001.parquet", rows).parent)
    assert list(contents(listing)) == ["train/48.jpg", "train/48_2.jpg", "train/3.jpg", "train/4.jpg", "train/x.png",
                                       "train/6.jpg", "train/6_7.jpg"]  # fmt: skip


def test_a_row_without_an_image_is_left_out_and_told(tmp_path):
    rows = [row(0), row(1, image=None), row(2, image={"bytes": None, "path": "9.jpg"}), row(3)]
    listing = listed(shard(tmp_path / "train-00000-of-00001.parquet", rows).parent)
    log = check_table(listing.log, "acquisition_log", "log")
    assert list(contents(listing)) == ["train/1.jpg", "train/4.jpg"]
    assert log["reason"].to_list() == ["", "", "no_image", "no_image"]
    assert log["file"].to_list()[2:] == ["train/2.jpg", "train/9.jpg"]
    assert listing.labels["file"].to_list() == ["train/1.jpg", "train/4.jpg"]


def test_a_limit_spreads_evenly_over_all_shards_and_keeps_the_names(tmp_path):
    full = contents(listed(fairface(tmp_path)))
    some = contents(listed(tmp_path, limit=5))
    assert list(some) == ["train/2.jpg", "train/5.jpg", "train/8.jpg", "train/11.jpg", "val/2.jpg"]
    assert all(full[name] == content for name, content in some.items())
    assert len(contents(listed(tmp_path, limit=1000))) == 15
    with pytest.raises(BadParameterError, match="limit"):
        listed(tmp_path, limit=0)


def test_the_padding_and_the_splits_choose_the_shards(tmp_path):
    fairface(tmp_path)
    shard(tmp_path / "1.25" / "train-00000-of-00001-ab.parquet", [row(100)])
    assert len(contents(listed(tmp_path))) == 15
    assert list(contents(listed(tmp_path, padding="1.25")).values()) == [photo(100)]
    assert list(contents(listed(tmp_path, splits="validation"))) == ["val/1.jpg", "val/2.jpg", "val/3.jpg"]
    assert len(contents(listed(tmp_path / "0.25"))) == 15
    with pytest.raises(BadInputError, match=r"FairFace 1.25.*found train-00000.*padding"):
        listed(tmp_path / "0.25", padding="1.25")


@pytest.mark.parametrize("layout", ["data/train-00000-of-00001.parquet", "0.25/train/0000.parquet", "train.parquet"])
def test_shards_are_found_in_other_layouts(tmp_path, layout):
    shard(tmp_path / layout, [row(0)])
    assert list(contents(listed(tmp_path))) == ["train/1.jpg"]


def test_a_missing_shard_is_told_and_logged(tmp_path, caplog):
    (fairface(tmp_path) / "0.25" / "train-00001-of-00002-dd3cb68164727418.parquet").unlink()
    listing = listed(tmp_path)
    missing = listing.log[~listing.log["kept"]]
    assert missing[["origin", "reason"]].to_numpy().tolist() == [["0.25/train-00001-of-00002", "missing_shard"]]
    assert "1 shards are missing: 0.25/train-00001-of-00002" in caplog.text


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:-40], r"bytes that are damaged or cut off.*download it again"),
        (lambda data: b"<!doctype html><html>Sign in</html>", r"found a web page"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"found a Git LFS pointer"),
        (lambda data: b"", r"found an empty file"),
    ],
)
def test_a_damaged_shard_is_named_with_what_lies_there(tmp_path, spoil, told):
    path = fairface(tmp_path) / "0.25" / "train-00001-of-00002-dd3cb68164727418.parquet"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(BadInputError, match=rf"train-00001-of-00002-dd3cb68164727418.parquet: .*{told}"):
        listed(tmp_path)


def test_a_shard_of_another_data_set_is_refused_and_missing_labels_are_told(tmp_path, caplog):
    rows = [{"image": {"bytes": photo(1), "path": None}, "gender": 1}]
    listing = listed(shard(tmp_path / "a" / "train.parquet", rows).parent)
    assert "column age, race is missing" in caplog.text
    assert listing.labels[["age", "gender", "race"]].to_numpy().tolist() == [["", "Female", ""]]
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "train.parquet")
    with pytest.raises(BadInputError, match=r"column 'image' is missing; found text"):
        listed(tmp_path)


def test_a_folder_that_is_not_there_or_holds_no_shard_is_told(tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        listed(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="found no Parquet file"):
        listed(tmp_path)


def test_settings_refuse_what_means_nothing():
    assert FairFaceSource(splits="train+validation").splits == ("train", "validation")
    for wrong in ({"padding": "0.5"}, {"splits": "test"}, {"repository": "FairFace"}, {"unknown": 1}, {"splits": ()}):
        with pytest.raises(ValidationError):
            FairFaceSource(**wrong)


# --- the hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(web_server, tmp_path):
    """A server that answers like the hub: revision, tree, and files that lie on another path."""
    root = fairface(tmp_path / "hub")
    api = f"/api/datasets/{REPOSITORY}"
    web_server.routes[f"{api}/revision/main"] = {"id": REPOSITORY, "sha": COMMIT, "siblings": [], "tags": []}
    tree = [{"type": "directory", "path": "0.25", "oid": "0" * 40, "size": 0}]
    tree.append({"type": "file", "path": "README.md", "oid": "1" * 40, "size": 9})
    for path in sorted(root.rglob("*.parquet")):
        data, name = path.read_bytes(), path.relative_to(root).as_posix()
        lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        tree.append({"type": "file", "path": name, "oid": "2" * 40, "size": len(data), "lfs": lfs})
        web_server.routes[resolve(name)] = redirect(f"/cdn/{name}")
        web_server.routes[f"/cdn/{name}"] = ranged(data)
    web_server.routes[f"{api}/tree/{COMMIT}"] = tree
    return web_server


def resolve(name: str) -> str:
    return f"/datasets/{REPOSITORY}/resolve/{COMMIT}/{name}"


def fetched(hub, folder: Path, **settings):
    return fairface_parquet(FairFaceSource(endpoint=hub.url, **settings), 0, limit=None, folder=folder)


def test_shards_come_from_the_hub_and_only_once(hub, tmp_path):
    listing = fetched(hub, tmp_path / "downloads")
    assert list(contents(listing).values()) == [photo(k) for k in range(15)]
    assert listing.log["origin"][0].startswith(f"hf://datasets/{REPOSITORY}@{COMMIT}/0.25/train-00000-of-00002")
    assert set(listing.labels["label_source"]) == {REPOSITORY}
    asked = len(hub.requests)
    again = fetched(hub, tmp_path / "downloads")
    assert len(hub.requests) == asked
    assert again.log.equals(listing.log)
    assert contents(again) == contents(listing)


def test_only_the_wanted_shards_are_fetched_and_nothing_is_told_about_the_user(hub, tmp_path):
    fetched(hub, tmp_path / "downloads", splits=("validation",))
    assert [path for path in hub.paths if "/cdn/" in path] == [
        "/cdn/0.25/validation-00000-of-00001-951dbd63c8724ee1.parquet"]  # fmt: skip
    assert all("telemetry" not in path and "agent" not in path for path in hub.paths)
    assert all("torch" not in request.headers["User-Agent"] for request in hub.requests)
    with pytest.raises(BadInputError, match=r"none of the files.*README.md"):
        fetched(hub, tmp_path / "downloads", padding="1.25")


def test_a_cut_connection_is_continued_where_it_broke(hub, tmp_path):
    # The hub's library writes 10 MiB at a time, so the file is larger than that.
    large = photo(0) + os.urandom(12_000_000)
    path = shard(tmp_path / "train.parquet", [row(0, image={"bytes": large, "path": None})])
    data, name = path.read_bytes(), "0.25/train-00000-of-00001.parquet"
    lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    entry = {"type": "file", "path": name, "oid": "2" * 40, "size": len(data), "lfs": lfs}
    hub.routes[f"/api/datasets/{REPOSITORY}/tree/{COMMIT}"] = [entry]
    hub.routes[resolve(name)] = in_turn(ranged(data, stop_after=11_000_000), ranged(data))
    assert list(contents(fetched(hub, tmp_path / "downloads")).values()) == [large]
    asked = [request.headers.get("Range") for request in hub.requests if request.path == resolve(name)]
    assert asked == [None, f"bytes={10 * 2**20}-"]


def test_a_killed_download_goes_on_in_the_next_run(hub, tmp_path):
    name = "0.25/train-00000-of-00002-d405faba4f4b9b85.parquet"
    data = (tmp_path / "hub" / name).read_bytes()
    hub.routes[f"/cdn/{name}"] = in_turn(drip(data, pause=0.05, piece=500), ranged(data))
    code = (
        "import sys; from pathlib import Path; from looks_kedro.sources.huggingface import *;"
        "fairface_parquet(FairFaceSource(endpoint=sys.argv[1]), 0, limit=None, folder=Path(sys.argv[2]))"
    )
    # Small chunks, so that something is on disk before the end of so small a file.
    code = "import huggingface_hub.constants as c; c.DOWNLOAD_CHUNK_SIZE = 500;" + code
    with subprocess.Popen([sys.executable, "-c", code, hub.url, str(tmp_path / "downloads")]) as process:
        begun = time.monotonic()
        while not any(path.stat().st_size for path in tmp_path.rglob("*.parquet.part")):
            assert process.poll() is None, "it ended before anything was there"
            assert time.monotonic() - begun < 60
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    part = next(tmp_path.rglob("*.parquet.part"))
    there = part.stat().st_size
    assert 0 < there < len(data)
    assert len(contents(fetched(hub, tmp_path / "downloads"))) == 15
    asked = [request.headers.get("Range") for request in hub.requests if request.path == f"/cdn/{name}"]
    assert asked == [None, f"bytes={there}-"]
    assert not list(tmp_path.rglob("*.part"))


def test_other_bytes_than_announced_are_thrown_away(hub, tmp_path):
    name = "0.25/train-00000-of-00002-d405faba4f4b9b85.parquet"
    data = (tmp_path / "hub" / name).read_bytes()
    hub.routes[f"/cdn/{name}"] = ranged(b"<!doctype html>" + bytes(len(data) - 15))
    with pytest.raises(BadInputError, match=rf"{name}: expected a file with sha256 .*found a web page"):
        fetched(hub, tmp_path / "downloads")
    assert not list((tmp_path / "downloads").rglob("train-00000*"))
    hub.routes[f"/cdn/{name}"] = ranged(data)
    assert len(contents(fetched(hub, tmp_path / "downloads"))) == 15


@pytest.mark.parametrize(("commit", "path"), [(COMMIT, "0.25/../../train.parquet"), (COMMIT, "/train.parquet"),
                                             ("../../elsewhere", "0.25/train.parquet")])  # fmt: skip
def test_names_from_the_hub_that_would_leave_the_folder_are_refused(hub, tmp_path, commit, path):
    api = f"/api/datasets/{REPOSITORY}"
    hub.routes[f"{api}/revision/main"] = {"id": REPOSITORY, "sha": commit, "siblings": [], "tags": []}
    entry = {"type": "file", "path": path, "oid": "1" * 40, "size": 9}
    hub.routes[f"{api}/tree/{commit}"] = [entry]
    with pytest.raises(BadInputError, match="expected plain names"):
        fetched(hub, tmp_path / "downloads")
    assert not (tmp_path / "downloads").exists()


@pytest.mark.parametrize("status", [401, 404])
def test_a_repository_that_is_refused_is_told_with_the_remedy(hub, tmp_path, status):
    hub.routes[f"/api/datasets/{REPOSITORY}/revision/main"] = Reply(b"{}", status, "application/json")
    with pytest.raises(BadInputError, match=rf"{REPOSITORY} at 'main' cannot be listed on http.*download its Parquet"):
        fetched(hub, tmp_path / "downloads")


def test_a_file_that_is_refused_is_told_at_once(hub, tmp_path):
    name = "0.25/train-00000-of-00002-d405faba4f4b9b85.parquet"
    hub.routes[resolve(name)] = 403
    with pytest.raises(BadInputError, match=rf"{name}: cannot be downloaded.*403"):
        fetched(hub, tmp_path / "downloads")
    assert [request.path for request in hub.requests].count(resolve(name)) == 1


def test_without_the_hub_what_was_fetched_suffices(hub, tmp_path):
    before = fetched(hub, tmp_path / "downloads")
    hub.stop()
    assert contents(fetched(hub, tmp_path / "downloads")) == contents(before)
    with pytest.raises(BadInputError, match="cannot be listed"):
        fetched(hub, tmp_path / "elsewhere")
