from __future__ import annotations

import hashlib
import io
import logging
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from web_server import Reply, in_turn, ranged

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.weights import create_pipeline
from looks_kedro.pipelines.weights.parameters import Weights
from looks_kedro.sources import weights as registry
from looks_kedro.sources.web import Web, WebClient
from looks_kedro.sources.weight_registry import imagenet_weights
from looks_kedro.sources.weights import WEIGHT_FILES, WeightFile, fetch_weights, needed_weight_file, weight_file

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:37f2\nsize 85283042\n"
PAGE = "<!doctype html><html><title>Sign in</title></html>"


def network(seed: int, legacy: bool = False) -> bytes:
    """Weights as torch saves them, in its zip or in the older pickle that HopeNet's files are."""
    torch.manual_seed(seed)
    file = io.BytesIO()
    state = torch.nn.Linear(40, 40).state_dict()
    torch.save(state, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


FAIRFACE = network(1)
HOPENET = network(2, legacy=True)


@pytest.fixture
def client():
    with WebClient(Web(allow_loopback=True, delay=0, backoff=0, retries=2, timeout=5)) as made:
        yield made


@pytest.fixture
def small(monkeypatch):
    """The registry with small files: FairFace's with sha256 and size, HopeNet's without, a matte network with md5."""
    entries = {
        "fairface": WeightFile("fairface", "res34.pt", ("http://weights.invalid/res34.pt",), "attributes", "CC BY 4.0",
                               len(FAIRFACE), hashlib.sha256(FAIRFACE).hexdigest()),
        "hopenet_alpha2": WeightFile("hopenet_alpha2", "hopenet_alpha2.pkl", ("http://weights.invalid/h",), "pose",
                                     "Apache 2.0"),
        "u2netp": WeightFile("u2netp", "u2netp.onnx", ("http://weights.invalid/u",), "mattes", "Apache 2.0",
                             md5=hashlib.md5(b"\x08\x07onnx").hexdigest()),
    }  # fmt: skip
    monkeypatch.setattr(registry, "WEIGHT_FILES", entries)
    return entries


def test_a_file_is_fetched_checked_and_left_alone_the_next_time(web_server, client, small, tmp_path):
    web_server.routes["/res34.pt"] = ranged(FAIRFACE)
    mirrors = {"fairface": web_server.address("/res34.pt")}
    rows = check_table(fetch_weights(["fairface"], tmp_path, client, mirrors=mirrors), "weights_table", "weights")
    assert (tmp_path / "res34.pt").read_bytes() == FAIRFACE
    assert rows.iloc[0].to_dict() == {
        "name": "fairface",
        "file": "res34.pt",
        "bytes": len(FAIRFACE),
        "sha256": hashlib.sha256(FAIRFACE).hexdigest(),
        "origin": mirrors["fairface"],
        "state": "downloaded",
    }
    again = fetch_weights(["fairface"], tmp_path, client, mirrors=mirrors)
    assert again["state"].to_list() == ["already there"]
    assert len(web_server.requests) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["res34.pt"]
    assert torch.load(weight_file(tmp_path, "fairface"), weights_only=True)["weight"].shape == (40, 40)


def test_a_cut_download_goes_on_where_it_broke(web_server, client, small, tmp_path):
    web_server.routes["/res34.pt"] = in_turn(ranged(FAIRFACE, stop_after=2000), ranged(FAIRFACE))
    fetch_weights(["fairface"], tmp_path, client, mirrors={"fairface": web_server.address("/res34.pt")})
    assert (tmp_path / "res34.pt").read_bytes() == FAIRFACE
    assert [request.headers.get("Range") for request in web_server.requests] == [None, "bytes=2000-"]


def test_addresses_are_tried_in_order(web_server, client, small, tmp_path, monkeypatch):
    web_server.routes |= {"/a": 404, "/b": PAGE, "/c": LFS, "/d": ranged(FAIRFACE)}
    urls = tuple(web_server.address(f"/{name}") for name in "abcd")
    small["fairface"] = WeightFile("fairface", "res34.pt", urls, "", "", sha256=small["fairface"].sha256)
    rows = fetch_weights(["fairface"], tmp_path, client)
    assert rows["origin"].to_list() == [urls[3]]
    assert [path for path in web_server.paths if path in {"/a", "/d"}] == ["/a", "/d"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (PAGE, "found a web page"),
        (LFS, "found a Git LFS pointer"),
        (404, "404"),
        (b'{"error": "quota exceeded"}', "found JSON|expected .* bytes"),
        (network(9), "expected sha256 .*; found"),
        (FAIRFACE + b"more", "expected .* bytes"),
        (b"", "empty"),
    ],
)
def test_what_is_not_the_file_is_named_and_does_not_stay(web_server, client, small, tmp_path, answer, told):
    web_server.routes["/res34.pt"] = answer
    url = web_server.address("/res34.pt")
    with pytest.raises(BadInputError, match=rf"(?s)res34.pt \(attributes\) cannot be fetched.*{url}.*({told}).*"
                                            r"weights.local.fairface=FILE.*weights.mirrors.fairface=URL"):  # fmt: skip
        fetch_weights(["fairface"], tmp_path, client, mirrors={"fairface": url})
    assert weight_file(tmp_path, "fairface") is None
    assert not list(tmp_path.glob("*.unchecked"))


def test_without_a_published_digest_the_first_one_is_kept_and_holds_from_then_on(
    web_server, client, small, tmp_path, caplog
):
    mirrors = {"hopenet_alpha2": web_server.address("/h.pkl")}
    web_server.routes["/h.pkl"] = ranged(HOPENET)
    rows = fetch_weights(["hopenet_alpha2"], tmp_path, client, mirrors=mirrors)
    digest = hashlib.sha256(HOPENET).hexdigest()
    assert rows["sha256"].to_list() == [digest]
    assert (tmp_path / "hopenet_alpha2.pkl.sha256").read_text() == f"{digest}  hopenet_alpha2.pkl\n"
    assert f"from now on it is {digest}" in caplog.text
    assert fetch_weights(["hopenet_alpha2"], tmp_path, client)["state"].to_list() == ["already there"]

    (tmp_path / "hopenet_alpha2.pkl").write_bytes(network(3, legacy=True))
    with pytest.raises(BadInputError, match=rf"expected sha256 {digest}.*remove hopenet_alpha2.pkl.sha256 as well"):
        fetch_weights(["hopenet_alpha2"], tmp_path, client)
    (tmp_path / "hopenet_alpha2.pkl").unlink()
    web_server.routes["/h.pkl"] = ranged(network(3, legacy=True), etag='"2"')
    with pytest.raises(BadInputError, match=f"expected sha256 {digest}"):
        fetch_weights(["hopenet_alpha2"], tmp_path, client, mirrors=mirrors)
    assert not (tmp_path / "hopenet_alpha2.pkl").exists()


@pytest.mark.parametrize("answer", [PAGE, LFS, b'{"error": "quota exceeded"}', b"Too many users", b"%PDF-1.7 ..."])
def test_without_a_digest_what_cannot_be_weights_is_refused_still(web_server, client, small, tmp_path, answer):
    web_server.routes["/h.pkl"] = Reply(answer, type="application/octet-stream")
    with pytest.raises(BadInputError, match=r"h\.pkl.*found "):
        fetch_weights(["hopenet_alpha2"], tmp_path, client, mirrors={"hopenet_alpha2": web_server.address("/h.pkl")})
    assert not list(tmp_path.glob("hopenet_alpha2.pkl"))
    assert not list(tmp_path.glob("*.sha256"))


def test_where_drive_asks_whether_one_is_sure_the_answer_is_yes(web_server, client, small, tmp_path):
    form = (
        '<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>'
        '<form id="download-form" action="/download" method="get"><input type="submit" value="Download anyway"/>'
        '<input type="hidden" name="id" value="16OZ&amp;x"><input type="hidden" name="export" value="download">'
        '<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="9f8e-1"></form></body>'
    )  # fmt: skip
    web_server.routes["/uc"] = form
    web_server.routes["/download"] = lambda request: (
        ranged(HOPENET) if request.query == {"id": "16OZ&x", "export": "download", "confirm": "t", "uuid": "9f8e-1"}
        else 400
    )  # fmt: skip
    url = web_server.address("/uc?export=download&id=16OZ")
    rows = fetch_weights(["hopenet_alpha2"], tmp_path, client, mirrors={"hopenet_alpha2": url})
    assert (tmp_path / "hopenet_alpha2.pkl").read_bytes() == HOPENET
    assert rows["origin"].to_list() == [url]


def test_a_local_file_is_checked_and_copied_without_asking_anyone(client, small, tmp_path):
    mine = tmp_path / "downloads" / "my fairface.pt"
    mine.parent.mkdir()
    mine.write_bytes(FAIRFACE)
    rows = fetch_weights(["fairface"], tmp_path / "weights", client, local={"fairface": mine})
    assert rows[["state", "origin"]].to_numpy().tolist() == [["copied", mine.as_posix()]]
    assert (tmp_path / "weights" / "res34.pt").read_bytes() == FAIRFACE
    assert mine.read_bytes() == FAIRFACE
    for wrong, told in ((PAGE.encode(), "found a web page"), (LFS, "found a Git LFS"), (network(4), "expected sha256")):
        mine.write_bytes(wrong)
        with pytest.raises(BadInputError, match=rf"my fairface\.pt: not the weights res34\.pt: .*{told}"):
            fetch_weights(["fairface"], tmp_path / "other", client, local={"fairface": mine})
        assert not list((tmp_path / "other").iterdir())
    with pytest.raises(BadInputError, match=r"no such file. Correct weights\.local\.fairface"):
        fetch_weights(["fairface"], tmp_path / "other", client, local={"fairface": tmp_path / "nowhere"})


def test_a_local_file_that_differs_from_the_one_that_is_there_is_told(client, small, tmp_path):
    mine = tmp_path / "mine.pkl"
    mine.write_bytes(HOPENET)
    local = {"hopenet_alpha2": mine}
    fetch_weights(["hopenet_alpha2"], tmp_path / "weights", client, local=local)
    assert fetch_weights(["hopenet_alpha2"], tmp_path / "weights", client, local=local)["state"][0] == "already there"
    mine.write_bytes(network(6, legacy=True))
    with pytest.raises(BadInputError, match=r"mine\.pkl: another file than .*hopenet_alpha2\.pkl, which is there"):
        fetch_weights(["hopenet_alpha2"], tmp_path / "weights", client, local=local)


def test_a_folder_that_cannot_be_made_is_told(client, small, tmp_path):
    (tmp_path / "weights").write_text("a file")
    (tmp_path / "mine.pt").write_bytes(FAIRFACE)
    with pytest.raises(BadInputError, match=r"res34\.pt: cannot be written.*correct the folder"):
        fetch_weights(["fairface"], tmp_path / "weights", client, local={"fairface": tmp_path / "mine.pt"})


def test_a_wrong_file_in_the_folder_is_told_and_never_overwritten(client, small, tmp_path):
    (tmp_path / "res34.pt").write_bytes(network(5))
    with pytest.raises(BadInputError, match=r"res34\.pt: not the weights.*expected sha256.*Remove it"):
        fetch_weights(["fairface"], tmp_path, client)
    assert (tmp_path / "res34.pt").read_bytes() == network(5)


def test_an_md5_is_checked_where_there_is_no_more(web_server, client, small, tmp_path):
    web_server.routes["/u.onnx"] = b"\x08\x07onnx"
    mirrors = {"u2netp": web_server.address("/u.onnx")}
    assert fetch_weights(["u2netp"], tmp_path, client, mirrors=mirrors)["bytes"].to_list() == [6]
    assert not list(tmp_path.glob("*.sha256"))
    web_server.routes["/u.onnx"] = b"\x08\x07ONNX"
    with pytest.raises(BadInputError, match="expected md5"):
        fetch_weights(["u2netp"], tmp_path / "other", client, mirrors=mirrors)


def test_one_that_cannot_be_had_does_not_keep_the_others_away(web_server, client, small, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    web_server.routes |= {"/r": ranged(FAIRFACE), "/u": 404}
    mirrors = {"fairface": web_server.address("/r"), "u2netp": web_server.address("/u")}
    with pytest.raises(BadInputError, match=r"u2netp\.onnx"):
        fetch_weights(["u2netp", "fairface"], tmp_path, client, mirrors=mirrors)
    assert weight_file(tmp_path, "fairface") == tmp_path / "res34.pt"


def test_a_page_that_somebody_saved_in_the_folder_is_named(small, tmp_path):
    assert weight_file(tmp_path, "fairface") is None
    (tmp_path / "res34.pt").write_text(PAGE)
    with pytest.raises(BadInputError, match=r"res34\.pt: found a web page.*weights\.names=fairface"):
        weight_file(tmp_path, "fairface")
    with pytest.raises(BadInputError, match="no weights 'resnet'; known are fairface"):
        weight_file(tmp_path, "resnet")


def test_the_registry_holds_together():
    for name, entry in WEIGHT_FILES.items():
        assert name == entry.name
        assert Path(entry.file).name == entry.file
        assert entry.urls
        assert all(url.startswith("https://") for url in entry.urls)
        assert entry.licence
        assert entry.sha256 is None or (len(entry.sha256) == 64 and entry.size)
    assert len({entry.file for entry in WEIGHT_FILES.values()}) == len(WEIGHT_FILES)
    from looks_kedro.learning.fairface import PUBLISHED_SHA256

    assert WEIGHT_FILES["fairface"].sha256 == PUBLISHED_SHA256


def test_imagenet_weights_of_any_network_are_those_of_torchvisions_first_recipe():
    import torchvision

    for network in torchvision.models.list_models(module=torchvision.models):
        entry = imagenet_weights(f"imagenet_{network}")
        assert entry.urls[0].startswith("https://download.pytorch.org/models/")
        assert entry.sha256_start
        assert entry.file.endswith(f"-{entry.sha256_start}.pth")
        kinds = torchvision.models.get_model_weights(network)
        expected = "IMAGENET1K_SWAG_LINEAR_V1" if network in {"regnet_y_128gf", "vit_h_14"} else "IMAGENET1K_V1"
        assert entry.urls == (kinds[expected].url,)
    with pytest.raises(BadInputError, match=r"no weights 'imagenet_resnet36'.*imagenet_NAME"):
        imagenet_weights("imagenet_resnet36")


def test_imagenet_weights_are_fetched_and_checked_by_the_hash_in_their_name(web_server, client, tmp_path, monkeypatch):
    digest = hashlib.sha256(FAIRFACE).hexdigest()
    entry = replace(imagenet_weights("imagenet_resnet18"), file=f"resnet18-{digest[:8]}.pth", sha256_start=digest[:8])
    monkeypatch.setattr(registry, "imagenet_weights", lambda name: entry)
    web_server.routes |= {"/good": ranged(FAIRFACE), "/other": ranged(HOPENET), "/page": PAGE}
    for path, told in (("/other", f"expected one beginning with {digest[:8]}"), ("/page", "found a web page")):
        with pytest.raises(BadInputError, match=rf"(?s)resnet18-{digest[:8]}\.pth.*{told}"):
            fetch_weights(["imagenet_resnet18"], tmp_path, client,
                          mirrors={"imagenet_resnet18": web_server.address(path)})  # fmt: skip
    assert not list(tmp_path.glob("*.pth"))
    with pytest.raises(BadInputError, match=r"weights imagenet_resnet18, found no such file. Fetch them: kedro run "):
        needed_weight_file(tmp_path, "imagenet_resnet18")
    mirrors = {"imagenet_resnet18": web_server.address("/good")}
    rows = fetch_weights(["imagenet_resnet18"], tmp_path, client, mirrors=mirrors)
    check_table(rows, "weights_table", "weights")
    assert rows["sha256"].to_list() == [digest]
    assert needed_weight_file(tmp_path, "imagenet_resnet18").read_bytes() == FAIRFACE
    # Its publisher says how to know it: no note of ours is needed.
    assert not list(tmp_path.glob("*.sha256"))
    assert fetch_weights(["imagenet_resnet18"], tmp_path, client)["state"].to_list() == ["already there"]
    (tmp_path / entry.file).write_bytes(HOPENET)
    with pytest.raises(BadInputError, match="Remove it and run again"):
        fetch_weights(["imagenet_resnet18"], tmp_path, client)


def test_rembgs_networks_are_at_the_addresses_and_have_the_digests_that_rembg_knows():
    # Its files are read and not imported, which takes half a minute.
    package = find_spec("rembg")
    assert package is not None
    assert package.origin is not None
    for name in ("u2net_human_seg", "u2netp", "birefnet-portrait"):
        entry = WEIGHT_FILES[name]
        source = (Path(package.origin).parent / "sessions" / f"{name.replace('-', '_')}.py").read_text()
        assert f'"{entry.urls[0]}"' in source
        assert f'"md5:{entry.md5}"' in source
        assert f'return "{name}"' in source
        assert entry.file == f"{name}.onnx"


def test_the_parameters_refuse_what_nobody_knows():
    assert Weights(names="fairface+hopenet_alpha2").names == ("fairface", "hopenet_alpha2")
    mirrored = Weights(names="imagenet_resnet50", mirrors={"imagenet_resnet50": "http://127.0.0.1/r"})
    assert mirrored.names == ("imagenet_resnet50",)
    for wrong in ({"names": "resnet"}, {"local": {"resnet": "a"}}, {"mirrors": {"fairface": "ftp://a"}}, {"other": 1}):
        with pytest.raises(ValidationError):
            Weights(**wrong)


def test_the_pipeline_fetches_into_the_folder_of_weights(web_server, small, tmp_path):
    from looks_kedro.pipelines.acquisition.parameters import Acquisition

    web_server.routes["/r"] = ranged(FAIRFACE)
    weights = Weights(names="fairface", mirrors={"fairface": web_server.address("/r")})
    synthetic = {"source": "synthetic"}
    acquisition = Acquisition.model_validate(
        {"celebrities": synthetic, "ordinary": synthetic, "synthetic": {},
         "web": {"allow_loopback": True, "delay": 0}}
    )  # fmt: skip
    (node,) = create_pipeline().nodes
    assert node.inputs == ["params:weights", "params:acquisition", "weights_folder"]
    inputs = dict(zip(node.inputs, (weights, acquisition, tmp_path / "weights"), strict=True))
    rows = node.run(inputs)["weights_table"]
    check_table(rows, "weights_table", "weights")
    assert (tmp_path / "weights" / "res34.pt").read_bytes() == FAIRFACE
