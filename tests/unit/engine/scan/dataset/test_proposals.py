"""Proposed anchors: k-means finds planted shapes, evolution never makes it worse, and what is told is measured on all objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpn_viewer.core.analysis.assignment import RULES
from fpn_viewer.core.errors import QuestionError
from fpn_viewer.engine.jobs import Cancelled, Token
from fpn_viewer.engine.scan.dataset.coverage import Fitting, coverage
from fpn_viewer.engine.scan.dataset.layout import layout_of
from fpn_viewer.engine.scan.dataset.objects import made
from fpn_viewer.engine.scan.dataset.proposals import kmeans, propose
from fpn_viewer.engine.scan.dataset.values import AnchorSet
from tests.tiny import TINY

if TYPE_CHECKING:
    from fpn_viewer.engine.scan.dataset.objects import DataObjects

SIZE = (480, 640)


def planted(widths: list[float], heights: list[float], each: int = 60, spread: float = 0.03) -> DataObjects:
    """Objects of a few shapes at places drawn by chance."""
    rng = np.random.default_rng(5)
    shapes = np.repeat(np.stack([widths, heights], 1), each, 0) * np.exp(rng.normal(0, spread, (len(widths) * each, 2)))
    corner = rng.uniform(0, 1, shapes.shape) * (np.array(SIZE[::-1]) - shapes)
    count = len(shapes)
    boxes = np.concatenate([corner, corner + shapes], 1)
    return made(boxes, np.tile([*SIZE, *SIZE], (count, 1)), range(count), ["thing"] * count)


def test_kmeans_finds_planted_sizes_and_ratios() -> None:
    sizes, ratios = [8.0, 16.0, 50.0], [0.5, 2.0]
    pairs = [(s / r**0.5, s * r**0.5) for s in sizes for r in ratios]
    found = kmeans(planted([w for w, _ in pairs], [h for _, h in pairs]).shapes, 3, 1, 2)
    assert found.sizes == ((8,), (16,), (50,))
    np.testing.assert_allclose(found.ratios, ratios, atol=0.03)


def test_kmeans_of_fewer_shapes_than_clusters_gives_as_many_anchors_as_asked() -> None:
    found = kmeans(np.full((7, 2), 20.0), 5, 2, 3)
    assert [len(row) for row in found.sizes] == [2] * 5
    assert found.ratios == (1.0, 1.0, 1.0)


def test_a_proposal_reaches_more_and_says_what_it_measured() -> None:
    # the present anchors are for 10, 20, 40 …: these lie in their gaps
    objects = planted([14.0, 28.0, 56.0, 110.0], [14.0, 28.0, 56.0, 110.0])
    found = propose(TINY, objects, tries=150)
    now = found.coverage.now
    assert now.reached == coverage(TINY, objects).now.reached
    assert found.evolved.fitness >= found.kmeans.fitness
    assert found.evolved.fitness > now.fitness
    assert found.evolved.reached > now.reached + 60
    again = Fitting(layout_of(TINY), objects, RULES[TINY.family]).fit(found.evolved.anchors)
    assert (again.reached, again.fitness) == (found.evolved.reached, found.evolved.fitness)
    assert [len(row) for row in found.evolved.anchors.sizes] == [1] * 5
    assert str(found.evolved.anchors) in found.sentence
    assert "has to be trained" in found.sentence


def test_a_proposal_is_the_same_every_time() -> None:
    objects = planted([14.0, 28.0], [14.0, 28.0])
    assert propose(TINY, objects, tries=40).evolved.anchors == propose(TINY, objects, tries=40).evolved.anchors


def test_sizes_and_ratios_can_be_asked_for() -> None:
    found = propose(TINY, planted([14.0, 28.0], [20.0, 28.0]), sizes_per_level=2, ratios=1, tries=20)
    for fit in (found.kmeans, found.evolved):
        assert [len(row) for row in fit.anchors.sizes] == [2] * 5
        assert len(fit.anchors.ratios) == 1
        flat = [size for row in fit.anchors.sizes for size in row]
        assert flat == sorted(flat)


def test_anchors_that_fit_already_are_left_alone() -> None:
    settings = replace(TINY.settings, anchor_sizes=((32,), (64,), (128,), (256,), (512,)), aspect_ratios=(0.5, 1.0, 2.0))
    found = propose(replace(TINY, settings=settings), planted([32.0, 64.0], [32.0, 64.0], spread=0.0), tries=20)
    assert found.sentence.startswith("No other sizes and ratios reach notably more objects than the present 100 %")


@pytest.mark.parametrize(("sizes", "ratios"), [(10, 3), (1, 12)])
def test_numbers_out_of_range_are_refused(sizes: int, ratios: int) -> None:
    with pytest.raises(QuestionError, match="1 to 9 of each"):
        propose(TINY, planted([14.0], [14.0]), sizes_per_level=sizes, ratios=ratios)


def test_a_search_can_be_stopped_and_tells_how_far_it_is() -> None:
    told: list[float] = []

    def tell(progress: object) -> None:
        told.append(progress.fraction)  # type: ignore[attr-defined]
        if len(told) == 3:
            token.cancel()

    token = Token(tell)
    with pytest.raises(Cancelled):
        propose(TINY, planted([14.0], [14.0]), tries=10, watcher=token)
    assert told == [0.0, 0.1, 0.2]


def test_anchors_are_written_as_a_person_would_use_them() -> None:
    anchors = AnchorSet(((8,), (16, 24)), (0.5, 1.0))
    assert anchors.text == "--set anchor_sizes=[[8],[16,24]] --set aspect_ratios=[0.5,1.0]"
    assert anchors.code == "AnchorGenerator(((8,), (16, 24)), ((0.5, 1.0),) * 2)"
    assert str(anchors) == "8 · 16/24 px, ratios 0.5, 1"
