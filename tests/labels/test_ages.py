from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.labels.ages import Day, PhotoAge, age_group, age_on_photo, full_years, read_date
from looks_kedro.tables import AGES

TODAY = date(2024, 10, 1)
DAYS = st.dates(date(1850, 1, 1), date(2100, 12, 31))
FORMS = st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d"])


def day(text: str) -> Day:
    found = read_date(text)
    assert found is not None
    return found


def birthday(born: date, number: int) -> date:
    """The day on which the person's ``number``-th birthday is kept."""
    try:
        return born.replace(year=born.year + number)
    except ValueError:
        return date(born.year + number, 3, 1)


@given(DAYS, DAYS)
def test_full_years_are_the_birthdays_up_to_the_day_of_the_photo(one, other):
    born, taken = sorted([one, other])
    counted = sum(1 for number in range(1, 260) if birthday(born, number) <= taken)
    assert full_years(day(born.isoformat()), day(taken.isoformat())) == counted


@given(DAYS)
def test_the_age_changes_on_the_birthday_itself(born):
    here = day(born.isoformat())
    after = birthday(born, 30)
    assert full_years(here, day(after.isoformat())) == 30
    assert full_years(here, day((after - timedelta(days=1)).isoformat())) == 29


@given(DAYS, FORMS, DAYS, FORMS)
def test_an_incomplete_date_gives_an_age_that_one_of_its_days_could_give(one, form, other, another_form):
    born, taken = (day(value.strftime(text)) for value, text in zip(sorted([one, other]), [form, another_form],
                                                                    strict=True))  # fmt: skip
    exact = [Day(value, value, value) for value in (born.first, born.last, taken.first, taken.last)]
    youngest, oldest = full_years(exact[1], exact[2]), full_years(exact[0], exact[3])
    assert youngest <= full_years(born, taken) <= oldest
    assert oldest - youngest <= 2


@given(st.integers(0, 130))
def test_the_age_group_holds_the_age(years):
    group = age_group(years)
    if group == AGES[-1]:
        assert years >= 70
    else:
        low, high = map(int, group.split("-"))
        assert low <= years <= high


@pytest.mark.parametrize(
    ("text", "first", "middle", "last"),
    [
        ("1990", date(1990, 1, 1), date(1990, 7, 1), date(1990, 12, 31)),
        ("1990-00-00", date(1990, 1, 1), date(1990, 7, 1), date(1990, 12, 31)),
        ("2000-02", date(2000, 2, 1), date(2000, 2, 15), date(2000, 2, 29)),
        (" 1990-05-17 ", date(1990, 5, 17), date(1990, 5, 17), date(1990, 5, 17)),
    ],
)
def test_an_incomplete_date_counts_as_its_middle(text, first, middle, last):
    assert read_date(text) == Day(first, middle, last)


@pytest.mark.parametrize(
    "text", ["", "0000-00-00", "0000", "2001-02-29", "2001-13", "2001-00-05", "17.5.1990", "90", "1990-5-7", "١٩٩٠"]
)
def test_what_is_no_day_of_the_calendar_is_no_date(text):
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("birth", "source", "exif", "group", "used"),
    [
        ("1990-05-17", "2010-05-17", "2020-01-02", "20-29", "source date"),
        ("1990-05-17", "2010-05-16", "", "10-19", "source date"),
        ("1990-05-17", "", "2000-05-17", "10-19", "exif"),
        ("1990-05-17", "", "", "30-39", "reference date"),
        ("1990", "1990", "", "0-2", "source date"),
        ("1990-08", "1990", "", "0-2", "source date"),
        ("1954-07-02", "2024", "", "60-69", "source date"),
        ("1954-07-01", "2024", "", "more than 70", "source date"),
    ],
)
def test_the_best_date_that_is_there_gives_the_age(birth, source, exif, group, used):
    dates = (("source date", source), ("exif", exif), ("reference date", "2024"))
    assert age_on_photo(day(birth), dates, TODAY) == PhotoAge(group, used, ())


@pytest.mark.parametrize(
    ("exif", "why"),
    [
        ("0000-00-00", "no such date"),
        ("2019-02-29", "no such date"),
        ("1970-01-01", "where a clock begins that was never set"),
        ("1980-01-01", "where a clock begins that was never set"),
        ("2000-01-01", "where a clock begins that was never set"),
        ("2024-10-02", "in the future"),
        ("2025", "in the future"),
        ("1950-06-29", "before the birth"),
        ("1949", "before the birth"),
    ],
)
def test_an_impossible_date_is_set_aside_and_the_next_one_is_used(exif, why):
    dates = (("source date", ""), ("exif", exif), ("reference date", "2004-07-01"))
    found = age_on_photo(day("1950-06-30"), dates, TODAY)
    assert found == PhotoAge("50-59", "reference date", (("exif", exif, why),))


def test_a_photo_of_today_is_possible_and_so_is_a_year_that_has_not_ended():
    for taken in ("2024-10-01", "2024-10", "2024"):
        assert age_on_photo(day("2000-02-02"), [("exif", taken)], TODAY).source == "exif"


def test_a_scan_of_an_old_picture_gives_no_age():
    found = age_on_photo(day("1809-02-12"), [("exif", "2010-05-05"), ("reference date", "2024")], TODAY)
    assert (found.group, found.source) == ("", "")
    assert [why for _, _, why in found.refused] == ["more than 122 years after the birth"] * 2
