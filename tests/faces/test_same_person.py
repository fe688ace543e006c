import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.faces.same_person import SamePerson, distances_to_person, other_people

DIMENSIONS = 64


def person(seed):
    """A direction in the space of embeddings."""
    centre = np.random.default_rng([seed, 1]).normal(size=DIMENSIONS)
    return centre / np.linalg.norm(centre)


def photos(seed, count, spread=0.6, first=0):
    """Embeddings of photos of a person; with 0.6 about 0.14 away from the centre, 0.26 from one another."""
    rng = np.random.default_rng([seed, 2, first])
    noise = rng.normal(size=(count, DIMENSIONS))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    points = person(seed) + spread * noise
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def folder(*groups):
    """Embeddings and identities of groups of photos put into folders."""
    return np.concatenate([rows for rows, _ in groups]), [name for rows, name in groups for _ in rows]


@given(st.integers(0, 10_000), st.integers(12, 60), st.floats(0.0, 0.4), st.booleans(), st.floats(0.1, 0.8))
@settings(max_examples=60, deadline=None)
def test_up_to_two_fifths_of_foreign_photos_are_found_and_no_own_one(seed, count, share, coherent, spread):
    """Whether they show one other person, very alike photos even, or each another."""
    foreign = int(share * count)
    if coherent:
        wrong = photos(seed + 1, foreign, spread=0.05)
    else:
        wrong = np.concatenate([photos(seed + 1 + i, 1) for i in range(foreign)] or [np.zeros((0, DIMENSIONS))])
    embeddings, identities = folder((photos(seed, count - foreign, spread), "ada"), (wrong, "ada"))
    order = np.random.default_rng(seed).permutation(count)
    found = other_people(embeddings[order], identities).others
    assert np.array_equal(found, (np.arange(count) >= count - foreign)[order])


def test_the_centre_stays_where_it_would_be_without_the_foreign_photos():
    own = photos(3, 30)
    alone = distances_to_person(own, ["ada"] * 30)
    for wrong in (photos(4, 20), photos(4, 20, spread=0.01), np.concatenate([photos(10 + i, 1) for i in range(20)])):
        mixed = distances_to_person(np.concatenate([own, wrong]), ["ada"] * 50)
        assert np.allclose(mixed[:30], alone, atol=0.02)
        assert mixed[30:].min() > 0.6


def test_almost_half_of_very_alike_foreign_photos_do_not_win():
    embeddings = np.concatenate([photos(3, 21, spread=0.9), photos(4, 19, spread=0.01)])
    judgement = other_people(embeddings, ["ada"] * 40)
    assert np.array_equal(judgement.others, np.arange(40) >= 21)


def test_a_distance_is_one_minus_the_cosine_to_the_mean_of_the_other_photos():
    own = photos(3, 9).astype(np.float64)
    found = distances_to_person(own, ["ada"] * 9)
    for number in range(9):
        rest = np.delete(own, number, axis=0).mean(axis=0)
        cosine = rest @ own[number] / np.linalg.norm(rest) / np.linalg.norm(own[number])
        assert found[number] == pytest.approx(1 - cosine, abs=1e-4)


def test_a_photo_nearer_to_another_person_is_told_whose_it_is():
    embeddings, identities = folder((photos(1, 20), "ada"), (photos(2, 20), "bela"), (photos(2, 1, first=9), "ada"))
    judgement = other_people(embeddings, identities)
    assert list(np.flatnonzero(judgement.others)) == [40]
    own, limit = judgement.distances[40], judgement.limits[40]
    to_bela = 1 - embeddings[40] @ person(2)
    assert judgement.details[40].startswith(
        f"distance {own:.2f} to the person, at most {limit:.2f}; nearer to bela (0.1"
    )
    assert to_bela == pytest.approx(0.14, abs=0.05)
    assert judgement.details[0] == f"distance {judgement.distances[0]:.2f} to the person, at most {limit:.2f}"


def test_nearness_to_another_person_counts_even_within_the_limit():
    """Two people who look alike: the limit alone would let one's photos pass as the other's."""
    ada, alike = person(1), 0.8 * person(1) + 0.6 * person(2)
    rng = np.random.default_rng(0)

    def about(centre, count):
        points = centre + 0.02 * rng.normal(size=(count, DIMENSIONS))
        return points / np.linalg.norm(points, axis=1, keepdims=True)

    embeddings, identities = folder((about(ada, 20), "ada"), (about(alike, 20), "bela"), (about(alike, 1), "ada"))
    lenient = other_people(embeddings, identities, SamePerson(nearer_by=2.0))
    assert lenient.distances[40] < lenient.limits[40]
    assert not lenient.others.any()
    assert list(np.flatnonzero(other_people(embeddings, identities).others)) == [40]


def test_a_face_nearer_to_another_stays_unless_it_would_pass_as_the_others():
    """An own photo in a strange light: 0.5 from the person, 0.44 from somebody whose own photos are all alike."""
    ada, bela, rest = np.linalg.qr(np.stack([person(seed) for seed in (1, 2, 3)], axis=1))[0].T
    strange = 0.5 * ada + 0.56 * bela + np.sqrt(1 - 0.5**2 - 0.56**2) * rest
    noise = np.random.default_rng(0).normal(size=(400, DIMENSIONS)) / 8
    embeddings, identities = folder((ada + 1.2 * noise[:200], "ada"), (bela + 0.1 * noise[200:], "bela"))
    embeddings, identities = np.concatenate([embeddings, strange[None]]), [*identities, "ada"]
    judgement = other_people(embeddings, identities, SamePerson(nearer_by=0.02))
    assert judgement.distances[400] == pytest.approx(0.5, abs=0.02)
    assert judgement.distances[400] < judgement.limits[400]
    assert "nearer to bela (0.4" in judgement.details[400]
    assert not judgement.others[400]
    assert other_people(embeddings, identities, SamePerson(nearer_by=0.02, always_same=0.5)).others[400]


def test_many_rejections_are_told(caplog):
    own, wrong = photos(1, 20), photos(2, 9)
    with caplog.at_level(logging.WARNING):
        other_people(np.concatenate([own, wrong[:6]]), ["ada"] * 26)
        assert not caplog.text
        other_people(np.concatenate([own, wrong]), ["ada"] * 29)
    assert "9 of 29 photos count as showing somebody else" in caplog.text


def test_the_limit_lies_between_its_bounds_and_follows_the_persons_spread():
    tight, middle, wide = photos(1, 40, spread=0.1), photos(2, 40, spread=1.05), photos(3, 40, spread=1.6)
    embeddings, identities = folder((tight, "tight"), (middle, "middle"), (wide, "wide"))
    rule = SamePerson(least_agreement=0.1)
    judgement = other_people(embeddings, identities, rule)
    assert judgement.limits[0] == rule.always_same
    assert judgement.limits[80] == rule.always_other
    distances = judgement.distances[40:80]
    median = np.median(distances)
    expected = median + 3 * 1.4826 * np.median(np.abs(distances - median))
    assert judgement.limits[40] == pytest.approx(expected, abs=1e-3)
    assert rule.always_same < expected < rule.always_other


def test_persons_with_few_photos_and_flat_folders_are_not_judged():
    embeddings, identities = folder((photos(1, 4), "ada"), (photos(2, 5), "bela"), (photos(3, 3), ""))
    flat = [f"{number:04d}" for number in range(6)]
    judgement = other_people(np.concatenate([embeddings, photos(4, 6)]), identities + flat)
    judged = np.arange(18)[:, None] == np.arange(4, 9)
    assert np.array_equal(np.isfinite(judgement.distances), judged.any(axis=1))
    assert np.array_equal(np.isfinite(judgement.limits), judged.any(axis=1))
    assert [bool(detail) for detail in judgement.details] == list(judged.any(axis=1))
    assert not judgement.others.any()


def test_photos_that_do_not_agree_on_a_person_are_named_and_left(caplog):
    crowd = np.concatenate([photos(50 + i, 1) for i in range(12)])
    embeddings, identities = folder((crowd, "crowd"), (photos(1, 12), "ada"))
    with caplog.at_level(logging.WARNING):
        judgement = other_people(embeddings, identities)
    assert "crowd do not agree on one person" in caplog.text
    assert np.isnan(judgement.distances[:12]).all()
    assert not judgement.others.any()


def test_two_names_of_one_person_are_told_and_none_is_rejected(caplog):
    embeddings, identities = folder((photos(1, 20), "ada"), (photos(1, 20, first=7), "adeline"), (photos(2, 9), "bela"))
    with caplog.at_level(logging.WARNING):
        judgement = other_people(embeddings, identities)
    assert "ada and adeline look like one person" in caplog.text
    assert "bela" not in caplog.text
    assert not judgement.others.any()


def test_the_order_of_the_photos_does_not_matter():
    embeddings, identities = folder((photos(1, 23), "ada"), (photos(2, 6), "ada"), (photos(2, 30), "bela"))
    there = np.random.default_rng(1).permutation(len(identities))
    straight = other_people(embeddings, identities)
    mixed = other_people(embeddings[there], [identities[i] for i in there])
    assert np.array_equal(mixed.distances, straight.distances[there])
    assert np.array_equal(mixed.others, straight.others[there])
    assert mixed.details == [straight.details[i] for i in there]


def test_lengths_of_embeddings_do_not_matter():
    embeddings, identities = folder((photos(1, 12), "ada"), (photos(2, 3), "ada"))
    scaled = embeddings * np.linspace(0.1, 9, 15)[:, None]
    assert np.allclose(distances_to_person(scaled, identities), distances_to_person(embeddings, identities), atol=2e-4)


def test_equal_photos_and_no_photos_are_no_trouble():
    judgement = other_people(np.ones((6, 4)), ["ada"] * 6)
    assert np.array_equal(judgement.distances, np.zeros(6))
    assert not judgement.others.any()
    assert other_people(np.zeros((0, 512)), []).details == []


def test_embeddings_that_are_none_are_refused():
    with pytest.raises(ValueError, match="finite"):
        other_people(np.full((6, 4), np.nan), ["ada"] * 6)
    with pytest.raises(ValueError, match="length 0"):
        other_people(np.zeros((6, 4)), ["ada"] * 6)
    with pytest.raises(ValueError, match="5 identities"):
        other_people(np.ones((6, 4)), ["ada"] * 5)


def test_limits_that_contradict_each_other_are_refused():
    with pytest.raises(ValidationError, match=r"always_same \(0.7\) must not be above always_other"):
        SamePerson(always_same=0.7)
    with pytest.raises(ValidationError, match="least_foto"):
        SamePerson(least_foto=3)


def test_the_weights_are_found_in_the_folder_or_named(tmp_path):
    assert SamePerson().weights_file(None) is None
    assert SamePerson().weights_file(tmp_path) is None
    file = tmp_path / "20180402-114759-vggface2.pt"
    file.write_bytes(b"weights")
    assert SamePerson().weights_file(tmp_path) == file
    assert SamePerson(enabled=False).weights_file(tmp_path) is None
    assert SamePerson(weights=str(file)).weights_file(None) == file
    with pytest.raises(BadParameterError, match=r"same_person.weights is gone.pt"):
        SamePerson(weights="gone.pt").weights_file(tmp_path)
