import subprocess
import sys

import numpy as np
import pytest
from onnx_files import network
from PIL import Image

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.mattes import Mattes, RembgMatte, decide, matte_quality
from looks_kedro.mattes.rembg import numba_cache, weights_of

RED = (3.0, -1.5, -1.5)


@pytest.fixture
def folder(tmp_path):
    """A folder of weights with networks that take red for a person."""
    (tmp_path / "u2net_human_seg.onnx").write_bytes(network(RED))
    (tmp_path / "own.onnx").write_bytes(network((-3.0, 1.5, 1.5)))
    return tmp_path


@pytest.fixture
def face():
    picture = np.full((300, 300, 3), (30, 60, 200), np.uint8)
    picture[60:, 80:220] = (220, 40, 30)
    return picture


def test_the_network_says_where_the_person_is(folder, face):
    matte = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(face)
    assert matte.shape == (300, 300)
    assert matte.dtype == np.uint8
    assert matte[100:290, 90:210].min() > 250
    assert matte[:50].max() < 5


def test_a_network_of_ones_own_is_run_from_the_folder_of_weights(folder, face):
    own = RembgMatte("u2net_custom", weights_of("u2net_custom", folder, "own.onnx")).matte(face)
    named = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(face)
    assert np.abs(own.astype(int) + named - 255).mean() < 3  # it takes for the person what the other leaves


@pytest.mark.parametrize("shape", [(300, 300), (224, 224), (120, 400)])
def test_the_matte_has_the_size_of_the_face(folder, shape):
    face = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(face).shape == shape


def test_the_matte_is_the_networks_own_answer_without_smoothing(folder, face):
    """The closed form of the tiny network, stretched as rembg does and resized as rembg does."""
    small = np.asarray(Image.fromarray(face).resize((320, 320), Image.Resampling.LANCZOS)) / 1.0
    small = (small / small.max() - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    answer = 1 / (1 + np.exp(-(small @ np.array(RED))))
    stretched = ((answer - answer.min()) / (answer.max() - answer.min()) * 255).astype(np.uint8)
    expected = np.asarray(Image.fromarray(stretched).resize((300, 300), Image.Resampling.LANCZOS))
    matte = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(face)
    assert np.abs(matte.astype(int) - expected).max() <= 1


def test_one_session_serves_many_faces_alike(folder, face):
    session = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder))
    first = session.matte(face)
    session.matte(255 - face)
    assert session.matte(face).tobytes() == first.tobytes()
    options = session._session.inner_session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_a_picture_without_a_person_has_a_matte_and_fails(folder):
    """Masks are stretched to the whole range, whatever is in the picture."""
    noise = np.random.default_rng(1).integers(100, 156, (300, 300, 3), dtype=np.uint8)
    matte = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(noise)
    assert matte.max() > 200
    assert not decide(matte_quality(noise, matte, TEMPLATE))["passed"]


def test_a_picture_of_one_colour_has_an_empty_matte(folder):
    face = np.full((64, 64, 3), 99, np.uint8)
    matte = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(face)
    assert matte.max() == 0


def test_weights_that_are_not_there_are_never_fetched_but_named_with_their_command(folder):
    with pytest.raises(BadInputError, match=r"kedro run --pipelines weights --params weights.names=birefnet-portrait"):
        weights_of("birefnet-portrait", folder)


def test_a_file_that_is_no_network_is_named(folder):
    path = folder / "u2netp.onnx"
    path.write_bytes(b"\x08\x08 this is no network" * 100)
    with pytest.raises(BadInputError, match=r"u2netp\.onnx.*ONNX Runtime refuses"):
        RembgMatte("u2netp", weights_of("u2netp", folder))


def test_a_saved_web_page_is_named_as_such(folder):
    (folder / "u2netp.onnx").write_bytes(b"<!DOCTYPE html><html><body>Sign in</body></html>")
    with pytest.raises(BadInputError, match="page"):
        weights_of("u2netp", folder)


@pytest.mark.parametrize("custom", ["../own.onnx", "/etc/hostname"])
def test_a_file_outside_the_folder_of_weights_is_refused(folder, custom):
    with pytest.raises(BadParameterError, match="inside the folder"):
        weights_of("u2net_custom", folder / "weights", custom)


def test_another_file_in_rembgs_own_folders_is_not_taken(folder, face, monkeypatch):
    """rembg would prefer models/<name>/ of its home, which nobody has hashed."""
    elsewhere = folder / "models" / "u2net_human_seg"
    elsewhere.mkdir(parents=True)
    (elsewhere / "u2net_human_seg.onnx").write_bytes(network((-3.0, 1.5, 1.5)))
    monkeypatch.setenv("U2NET_HOME", str(folder))
    matte = RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder)).matte(face)
    assert matte[100:290, 90:210].min() > 250


def test_a_model_that_sends_images_away_or_is_unknown_cannot_be_named():
    for model in ("withoutbg", "atlascloud", "bria-rmbg"):
        with pytest.raises(ValueError, match="model"):
            Mattes(model=model)


def test_cuda_is_refused_where_there_is_none(folder):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(BadParameterError, match="onnxruntime-gpu"):
        RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder), "cuda")
    assert RembgMatte("u2net_human_seg", weights_of("u2net_human_seg", folder), "auto").device == "cpu"


def test_the_place_for_compiled_code_is_private_and_the_users_own_one_wins(tmp_path):
    found = numba_cache({"XDG_CACHE_HOME": str(tmp_path)})["NUMBA_CACHE_DIR"]
    assert found.startswith(str(tmp_path))
    assert (tmp_path / found).is_dir()
    assert (tmp_path / found).stat().st_mode & 0o022 == 0
    assert numba_cache({"NUMBA_CACHE_DIR": "/somewhere"}) == {}
    (tmp_path / "file").write_text("")
    assert not numba_cache({"XDG_CACHE_HOME": str(tmp_path / "file")})["NUMBA_CACHE_DIR"].startswith(
        str(tmp_path / "file")
    )


def test_the_package_loads_nothing_heavy():
    code = "import sys, looks_kedro.mattes; print([m for m in ('cv2', 'rembg', 'onnxruntime') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
