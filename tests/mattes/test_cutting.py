import hashlib
import json
from functools import partial

import numpy as np
import pytest
from onnx_files import network
from pydantic import ValidationError

from looks_kedro.cache import Cached, ResultCache
from looks_kedro.errors import BadInputError
from looks_kedro.faces.decode import decode
from looks_kedro.mattes import (
    FaceToCut,
    GrabCut,
    Matter,
    Mattes,
    grabcut_matte,
    make_matte,
    matte_key,
    matte_pixels,
    matte_quality,
    saved_matte,
)
from looks_kedro.parallel import map_images
from looks_kedro.portraits import aligned_face, draw_identity


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    items = []
    for i in range(6):
        photo = aligned_face(draw_identity(i), seed=i, looks=i % 2, size=160)
        (folder / f"{i}.jpg").write_bytes(photo.content)
        digest = hashlib.sha256(photo.content).hexdigest()
        points = tuple(float(value) for value in photo.landmarks.ravel())
        items.append(FaceToCut(folder / f"{i}.jpg", f"{i}.jpg", digest, points))
    return items


@pytest.fixture
def weights(tmp_path):
    (tmp_path / "u2netp.onnx").write_bytes(network((3.0, -1.5, -1.5)))
    return tmp_path


def cut(items, cache=None, processes=1, settings=None, weights=None):
    settings = settings or Mattes(method="grabcut")
    cached = Cached(cache, settings.fingerprint(weights), matte_key) if cache is not None else None
    return list(
        map_images(make_matte, items, setup=partial(Matter, settings, weights), processes=processes, cache=cached)
    )


def test_matte_and_measures_come_together(faces):
    for item, result in zip(faces, cut(faces), strict=True):
        face, points = decode(item.path), np.array(item.landmarks).reshape(5, 2)
        expected = grabcut_matte(face, points)
        assert np.array_equal(matte_pixels(result.pop("png")), expected)
        assert result == matte_quality(face, expected, points)


def test_the_number_of_processes_changes_nothing(faces):
    assert json.dumps(cut(faces)) == json.dumps(cut(faces, processes=2))


def test_a_matte_is_made_once_and_found_again_by_its_key(faces, tmp_path):
    cache = ResultCache(tmp_path / "results.sqlite")
    first = cut(faces[:3], cache)

    class Exploding(Matter):
        def matte(self, face, landmarks):
            raise AssertionError

    settings = Mattes(method="grabcut")
    cached = Cached(cache, settings.fingerprint(tmp_path), matte_key)
    again = list(map_images(make_matte, faces[:3], setup=partial(Exploding, settings), processes=1, cache=cached))
    assert again == first
    for item, result in zip(faces, first, strict=False):
        assert np.array_equal(matte_pixels(saved_matte(cache, cached.key_of(item))), matte_pixels(result["png"]))
    with pytest.raises(BadInputError, match="Run again"):
        saved_matte(cache, cached.key_of(faces[4]))
    cache.close()


def test_what_a_matte_depends_on_changes_its_key(faces, weights):
    ours = Mattes(method="rembg", model="u2netp")
    before = ours.fingerprint(weights)
    (weights / "u2netp.onnx").write_bytes(network((1.0, 1.0, 1.0)))
    assert ours.fingerprint(weights) != before  # the weights' content
    plain = Mattes(method="grabcut")
    assert plain.fingerprint(weights) != Mattes(method="grabcut", grabcut=GrabCut(side=120)).fingerprint(weights)
    assert plain.fingerprint(weights) == Mattes(method="grabcut", model="u2netp").fingerprint(weights)
    moved = FaceToCut(faces[0].path, "another.jpg", faces[0].sha256, faces[0].landmarks)
    assert moved.key == faces[0].key
    shifted = FaceToCut(faces[0].path, faces[0].file, faces[0].sha256, (*faces[0].landmarks[:9], 1.0))
    assert shifted.key != faces[0].key


def test_rembg_works_behind_the_same_door(faces, weights):
    found = cut(faces[:2], settings=Mattes(method="rembg", model="u2netp"), weights=weights)
    assert matte_pixels(found[0]["png"]).shape == (160, 160)
    assert 0 <= found[0]["quality"] <= 1


def test_missing_weights_are_told_before_any_face_is_touched(tmp_path):
    with pytest.raises(BadInputError, match="=u2net_human_seg"):
        Mattes().fingerprint(tmp_path)
    with pytest.raises(BadInputError, match="=u2net_human_seg"):
        Matter(Mattes(), tmp_path)


def test_a_network_of_ones_own_needs_its_file_named():
    with pytest.raises(ValidationError, match="custom_weights"):
        Mattes(model="u2net_custom")
    with pytest.raises(ValidationError, match="custom_weights"):
        Mattes(model="u2netp", custom_weights="own.onnx")
    assert Mattes(model="u2net_custom", custom_weights="own.onnx").name == "rembg own.onnx"
    assert (Mattes().name, Mattes(method="grabcut").name) == ("rembg u2net_human_seg", "grabcut")
