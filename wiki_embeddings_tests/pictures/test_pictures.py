from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.pictures.canvas import WIDTH, Axis
from wiki_embeddings.pictures.charts import (
    Moment,
    Share,
    effort_shares,
    length_histogram,
    speed_over_time,
)
from wiki_embeddings.pictures.point_map import point_map

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@given(low=st.integers(-1000, 1000), extent=st.floats(1, 1e9), most=st.integers(2, 10))
def test_ticks_are_few_evenly_spaced_and_on_the_axis(low, extent, most):
    axis = Axis(low, low + extent, 0, 100)
    ticks = axis.ticks(most)
    assert len(ticks) <= most + 1
    assert all(-0.1 <= axis.at(value) <= 100.1 for value in ticks)
    gaps = [b - a for a, b in pairwise(ticks)]
    assert gaps == pytest.approx([gaps[0]] * len(gaps) if gaps else [])


@given(
    st.lists(
        st.tuples(
            st.floats(-1, 1), st.floats(-1, 1), st.text(st.characters(exclude_categories=["C"]))
        ),
        min_size=1,
        max_size=60,
    )
)
def test_a_map_is_valid_svg_whatever_the_titles_are_and_its_names_stay_apart(points):
    svg = point_map([(x, y) for x, y, _ in points], [name for *_, name in points], "A map", "")
    labels = ElementTree.fromstring(svg).findall(f"{SVG}text[@class='halo']")
    places = sorted((float(t.attrib["y"]), float(t.attrib["x"])) for t in labels)
    assert all(0 <= x <= WIDTH for _, x in places)
    assert len(set(places)) == len(places)


def test_a_map_names_each_article_once_and_cuts_long_titles():
    points = [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)]
    svg = point_map(points, ["A & B", "A & B", "x" * 50, ""], "A map", "of four points")
    assert texts(svg)[:3] == ["A map", "of four points", "A & B"]
    assert texts(svg).count("A & B") == 1
    assert "x" * 27 + "…" in texts(svg)


def test_lengths_are_drawn_up_to_the_longest_with_their_unit():
    svg = length_histogram([0, 3, 120, 0, 0], bin_tokens=16)
    bars = [bar for bar in ElementTree.fromstring(svg).iter(f"{SVG}rect") if "x" in bar.attrib]
    assert len(bars) == 3
    assert {"tokens in a chunk", "chunks", "40", "100"} <= set(texts(svg))


@pytest.mark.parametrize(
    ("seconds", "unit"), [(60, "seconds"), (600, "minutes"), (90_000, "hours")]
)
def test_an_even_speed_is_a_level_line_in_tokens_per_second(seconds, unit):
    moments = [Moment(t * seconds / 4, 25 * t, None) for t in range(5)]
    svg = speed_over_time(moments, tokens=1_000_000)
    points = re.search(r'polyline class="line" points="([^"]*)"', svg)
    assert points
    assert {point.split(",")[1] for point in points[1].split()} == {"60.0"}, "the top of the axis"
    assert any(text.startswith(unit) for text in texts(svg))
    assert "containers in use" not in texts(svg)


def test_containers_in_use_are_drawn_below_the_speed():
    moments = [Moment(10.0 * t, 25 * t, min(t, 3)) for t in range(9)]
    svg = speed_over_time(moments, tokens=1_000_000)
    assert {"tokens per second", "containers in use", "3"} <= set(texts(svg))


def test_shares_of_time_name_their_seconds_dollars_and_percentages():
    svg = effort_shares([Share("computing", 75.0, 0.3), Share("waiting", 25.0, 0.1)], "Time")
    assert texts(svg) == ["Time", "computing: 75 s, $0.30 (75%)", "waiting: 25 s, $0.10 (25%)"]
    free = effort_shares([Share("computing", 5.0, None)], "Time")
    assert texts(free)[1:] == ["computing: 5 s (100%)"]
