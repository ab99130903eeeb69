"""What the tab "Scan" says in words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fpn_viewer.engine.scan.filters import LOST, Filter
from fpn_viewer.engine.scan.numbers.choices import COUNTED
from fpn_viewer.engine.scan.numbers.counts import buckets
from fpn_viewer.engine.scan.numbers.values import Funnel
from fpn_viewer.engine.scan.words import glance, share
from fpn_viewer.ui.scan.texts import filter_words, so_far

pytestmark = pytest.mark.gui

SIZES = buckets((0, 8, 16, 32))


def funnel(*lost: tuple[str, tuple[int, ...]], found: tuple[int, ...] = (0, 0, 0, 0)) -> Funnel:
    counts = np.array([*(numbers for _, numbers in lost), found], np.int64)[:, :, None]
    return Funnel(Filter(), "demo", (*(state for state, _ in lost), "found"), SIZES, ("car",), counts)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (
            funnel(("rpn_top_k", (100, 30, 10, 5)), ("nms", (20, 10, 10, 29)), found=(100, 500, 588, 500)),
            "demo loses 214 of 1,902 objects, most at RPN top-k (145); 56 % of them are under 8 net px.",
        ),
        (
            funnel(("nms", (0, 2, 0, 0)), found=(9, 9, 9, 9)),
            "demo loses 2 of 38 objects, all at NMS; 100 % of them are under 16 net px.",
        ),
        (
            funnel(("rpn_top_k", (0, 0, 0, 3)), ("nms", (0, 0, 0, 2)), ("score", (0, 0, 0, 1)), found=(0, 0, 0, 4)),
            "demo loses 6 of 10 objects, most often at RPN top-k (3).",
        ),
        (funnel(("taken", (0, 0, 0, 3)), found=(1, 0, 0, 0)), "demo loses 3 of 4 objects, all as taken."),
        (funnel(found=(1, 0, 0, 0)), "demo finds all 1 object."),
        (funnel(), "demo: there is no annotated object that it is expected to find."),
    ],
)
def test_the_first_glance_is_one_sentence(counts: Funnel, text: str) -> None:
    assert glance(counts) == text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (Filter(), "all objects"),
        (Filter(outcomes=LOST), "lost by A"),
        (Filter(outcomes=COUNTED, sides=(8, 16)), "8–16 net px"),
        (Filter(outcomes=("found",)), "found by A"),
        (Filter(detector=1, outcomes=LOST, killers=("rpn_top_k",), sides=(None, 8)), "lost at RPN top-k by B · < 8 net px"),
        (Filter(outcomes=("found",), flow=(1, LOST), other_killers=("nms",)), "found by A · lost at NMS by B"),
        (Filter(outcomes=("taken",), killers=("",), classes=("car", "boat")), "taken by A · car · boat"),
        (Filter(sides=(128, None), text="street"), "≥ 128 net px · “street”"),
        (Filter(anchor_ious=(None, 0.3)), "anchor IoU below 0.300"),
        (Filter(margins=(-1, 2), picture=4), "margin −1.00–2.00 · picture 5"),
    ],
)
def test_a_filter_is_put_into_words(shown: Filter, text: str) -> None:
    assert filter_words(shown, ("A", "B")) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(0, 0, "–"), (401, 402, ">99 %"), (402, 402, "100 %"), (1, 1000, "<1 %"), (0, 5, "0 %")]
)
def test_shares_are_never_rounded_to_all_or_none(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


def test_a_scan_that_is_not_complete_says_so() -> None:
    assert so_far(SimpleNamespace(done=120, pictures=500)) == "So far, 120 of 500 pictures: "  # type: ignore[arg-type]
    assert so_far(SimpleNamespace(done=500, pictures=500)) == ""  # type: ignore[arg-type]
