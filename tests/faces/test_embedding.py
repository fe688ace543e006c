import json
from functools import partial

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1, extract_face, fixed_image_standardization
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.faces.embedding import Embedder, FaceEmbedder, FaceInPhoto, embed_faces, embeddings_of, face_pixels

BOXES = [(80.0, 90.5, 170.2, 200.0), (100.7, 60.0, 260.0, 250.3), (-5.0, 10.0, 60.0, 95.0)]


@pytest.fixture(scope="module")
def network():
    """Random weights in facenet-pytorch's own network, with its classifier, as published."""
    torch.manual_seed(0)
    network = InceptionResnetV1(classify=True, num_classes=8631)
    for layer in network.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    with torch.no_grad():  # one look at noise, so that activations keep a size that a trained network has
        network(torch.randn(4, 3, 160, 160))
    return network.eval()


@pytest.fixture(scope="module")
def published(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("facenet") / "20180402-114759-vggface2.pt"
    state = network.state_dict()
    assert state["logits.weight"].shape == (8631, 512)
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def embedder(published):
    return FaceEmbedder(published)


@pytest.fixture(scope="module")
def found(embedder, pictures):
    return embedder.embed(pictures, BOXES)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 256, (3, 12, 10, 3), dtype=np.uint8)
    sizes = [(300, 260), (480, 640), (91, 77)]
    return [np.asarray(Image.fromarray(block).resize(size)) for block, size in zip(blocks, sizes, strict=True)]


@pytest.mark.parametrize("number", range(3))
def test_the_pixels_are_those_that_facenet_pytorch_cuts(pictures, number):
    picture, box = pictures[number], BOXES[number]
    expected = extract_face(Image.fromarray(picture), np.array(box), image_size=160, margin=0)
    assert np.array_equal(face_pixels(picture, box), expected.permute(1, 2, 0).numpy().astype(np.uint8))


def test_the_embeddings_are_those_of_facenet_pytorch(network, found, pictures):
    network.classify = False
    for picture, box, row in zip(pictures, BOXES, found, strict=True):
        face = fixed_image_standardization(extract_face(Image.fromarray(picture), np.array(box), image_size=160))
        with torch.no_grad():
            expected = network(face[None])[0].numpy()
        assert np.allclose(row, expected, atol=1e-5)
    network.classify = True


def test_embeddings_have_unit_length_and_tell_pictures_apart(found):
    assert found.shape == (3, 512)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert not np.allclose(found[0], found[1], atol=1e-4)


def test_an_embedding_does_not_depend_on_the_batch(embedder, found, pictures):
    alone = [embedder.embed([picture], [box]) for picture, box in zip(pictures, BOXES, strict=True)]
    assert np.array_equal(found, np.concatenate(alone))
    assert embedder.embed([], []).shape == (0, 512)


def test_what_the_engine_gets_survives_json_to_the_last_bit(published, found, pictures, tmp_path):
    items = []
    for number, (picture, box) in enumerate(zip(pictures, BOXES, strict=True)):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture).save(path)
        items.append(FaceInPhoto(path, f"celebrities/ada/{number}.jpg", "0" * 64, box))
    state = partial(Embedder, published)()
    values = json.loads(json.dumps(embed_faces(state, items)))
    assert np.array_equal(embeddings_of(values), found)
    assert embeddings_of([]).shape == (0, 512)


def test_a_photo_that_went_bad_is_named(published, tmp_path):
    state = Embedder(published)
    gone = FaceInPhoto(tmp_path / "gone.png", "celebrities/ada/0001.jpg", "0" * 64, (0.0, 0.0, 50.0, 50.0))
    with pytest.raises(BadInputError, match=r"celebrities/ada/0001.jpg.*no such file"):
        embed_faces(state, [gone])
    Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    beside = FaceInPhoto(tmp_path / "small.png", "celebrities/ada/0002.jpg", "0" * 64, (50.0, 0.0, 90.0, 40.0))
    with pytest.raises(BadInputError, match=r"0002.jpg.*beside the picture"):
        embed_faces(state, [beside])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"<html><body>Not Found</body></html>", "saved web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
        (b"", "empty file"),
        (b"\x89PNG and so on", "torch refuses"),
    ],
)
def test_a_file_that_is_no_network_is_named_for_what_it_is(tmp_path, content, named):
    path = tmp_path / "20180402-114759-vggface2.pt"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=named):
        FaceEmbedder(path)


def test_other_weights_are_refused_with_what_differs(network, tmp_path):
    path = tmp_path / "other.pt"
    state = network.state_dict()
    torch.save({name: value for name, value in state.items() if not name.startswith("last_")}, path)
    with pytest.raises(BadInputError, match=r"no last_linear\.weight"):
        FaceEmbedder(path)
    torch.save(state | {"last_linear.weight": torch.zeros(128, 1792)}, path)
    with pytest.raises(BadInputError, match=r"last_linear\.weight \(128, 1792\) in place of \(512, 1792\)"):
        FaceEmbedder(path)
    torch.save(state | {"arcface.weight": torch.zeros(3)}, path)
    with pytest.raises(BadInputError, match=r"arcface\.weight too many"):
        FaceEmbedder(path)


def test_the_classifier_may_be_missing(network, found, pictures, tmp_path):
    path = tmp_path / "without.pt"
    torch.save({name: value for name, value in network.state_dict().items() if not name.startswith("logits.")}, path)
    assert np.array_equal(FaceEmbedder(path).embed(pictures[:1], BOXES[:1]), found[:1])
