"""A scan as one HTML file that needs nothing else: numbers, charts and the pictures of the worst losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpn_viewer.core.annotations.table import Unwatched
from fpn_viewer.engine.scan.report.anchors import anchors_section
from fpn_viewer.engine.scan.report.charts import funnel_bars, hatches, recall_curves
from fpn_viewer.engine.scan.report.remedies import remedies_section
from fpn_viewer.engine.scan.report.style import STYLE
from fpn_viewer.engine.scan.report.tables import class_table, coco_table, flow_table, funnel_table, size_table, tide_table
from fpn_viewer.engine.scan.report.words import html, size
from fpn_viewer.engine.scan.report.worst import crop_uri, worst
from fpn_viewer.engine.scan.words import counted, glance, state_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fpn_viewer.core.annotations.table import Reading
    from fpn_viewer.engine.scan.dataset.values import DataRemedies
    from fpn_viewer.engine.scan.reading import Scan
    from fpn_viewer.engine.scan.report.findings import Findings
    from fpn_viewer.engine.scan.report.worst import Case

#: sentences about pictures that are listed
_PROBLEMS = 100


def write_page(
    scan: Scan,
    found: Findings,
    path: Path,
    watcher: Reading | None = None,
    *,
    cases: int = 24,
    remedies: Sequence[DataRemedies | str] = (),
) -> None:
    """Writes the report.

    Args:
        scan: that it is about.
        found: its numbers.
        path: of the file to write.
        watcher: told how far it is, may stop it.
        cases: pictures of lost objects, for each detector.
        remedies: of each detector, as `report.remedies.remedies_of` finds them; none when empty.

    Raises:
        ScanError: the scan cannot be read.
        OSError: the file cannot be written.
    """
    body = "".join(_body(scan, found, watcher or Unwatched(), cases, remedies))
    title = html(f"Scan of {', '.join(scan.detectors)}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{hatches()}<h1>{title}</h1>{body}</body></html>\n'
    path.write_text(page, encoding="utf-8")


def _body(scan: Scan, found: Findings, watcher: Reading, cases: int, remedies: Sequence[DataRemedies | str]) -> Iterator[str]:
    about = f"{counted(scan.about['count'], 'picture')}; a detection counts from an overlap of {scan.about['iou']:g}."
    yield f'<p class="soft">{html(about)}</p>'
    yield from (f'<p class="glance">{html(glance(one))}</p>' for one in found.funnels)
    yield from (f'<p class="glance">{html(one.sentence)}</p>' for one in found.flows)
    asked = (*(("changes",) if found.flows else ()), "errors", "anchors", *(("remedies",) if remedies else ()))
    links = ("numbers", "losses", "size", *asked, "worst", "scanned")
    yield "<nav>" + "".join(f'<a href="#{one}">{one.capitalize()}</a>' for one in links) + "</nav>"
    yield f'<h2 id="numbers">Numbers</h2>{coco_table(found.coco)}'
    yield _folded("Class by class", "".join(map(class_table, found.coco)))
    yield from _losses(found)
    yield from _errors(found)
    yield '<h2 id="anchors">Anchors</h2>'
    yield from anchors_section(scan.detectors, found.anchors)
    if remedies:
        yield from remedies_section(scan.detectors, remedies)
    yield from _worst(scan, watcher, cases)
    yield from _scanned(scan)


def _losses(found: Findings) -> Iterator[str]:
    yield '<h2 id="losses">Where objects are lost</h2>'
    for one in found.funnels:
        yield f"<h3>{html(one.name)}</h3>{funnel_bars(one)}"
        yield _folded("As a table", funnel_table(one, "size") + funnel_table(one, "class"))
    yield f'<h2 id="size">Recall against size</h2>{recall_curves(found.curves)}{size_table(found.sizes)}'
    if found.flows:
        yield '<h2 id="changes">What changes between detectors</h2>'
    for flow in found.flows:
        yield f"<p>{html(flow.sentence)}</p>{flow_table(flow)}"


def _errors(found: Findings) -> Iterator[str]:
    yield f'<h2 id="errors">Kinds of errors</h2>{tide_table(found.tide)}'


def _worst(scan: Scan, watcher: Reading, most: int) -> Iterator[str]:
    yield '<h2 id="worst">Worst losses</h2>'
    yield "<p>The largest lost objects of each stage. Yellow: the object; blue dashes: the detection that came closest.</p>"
    for detector, name in enumerate(scan.detectors):
        chosen = worst(scan, detector, most)
        yield f'<h3>{html(name)}</h3><div class="cases">'
        for number, case in enumerate(chosen):
            watcher.check()
            watcher.report(f"cutting out the worst losses of {name}", number / len(chosen))
            yield _card(case)
        yield "</div>" if chosen else "</div><p>It loses none.</p>"


def _card(case: Case) -> str:
    uri, problem = crop_uri(case)
    lost = f"{case.name}, {case.outcome}" + (f" at {state_name(case.state)}" if case.state != case.outcome else "")
    picture = f'<img src="{uri}" alt="{html(lost)}">' if uri else f'<div class="none">{html(problem)}</div>'
    near = f" · nearest: {case.near}" if case.near else ""
    facts = f"{size(*case.net)} net px{near}"
    corners = ", ".join(f"{value:.1f}" for value in case.box_img)
    said = f"<b>{html(lost)}</b>{html(facts)}<br>{html(case.verdict)}"
    where = f'<br><span class="soft">{html(case.path)} ({corners})</span>'
    return f'<article class="case">{picture}<div class="said">{said}{where}</div></article>'


def _scanned(scan: Scan) -> Iterator[str]:
    yield '<h2 id="scanned">What was scanned</h2><dl>'
    rows = scan.rows("SELECT name, source, fingerprint FROM detectors ORDER BY detector")
    for name, source, fingerprint in rows:
        yield f"<dt>{html(name)}</dt><dd>{html(source)}<br><span class=soft>{html(fingerprint)}</span></dd>"
    annotations = scan.about["annotations"][0] or "none"
    yield f"<dt>annotations</dt><dd>{html(annotations)}</dd><dt>scan</dt><dd>{html(str(scan.path))}</dd></dl>"
    for name, classes in zip(scan.detectors, scan.unmatched, strict=True):
        if classes:
            yield f"<p>{html(name)} has no class for {html(', '.join(classes))}.</p>"
    problems = scan.problems
    if problems:
        listed = "".join(f"<li>{html(picture)}: {html(sentence)}</li>" for picture, sentence in problems[:_PROBLEMS])
        more = f"<p>… and {len(problems) - _PROBLEMS:,} more.</p>" if len(problems) > _PROBLEMS else ""
        yield _folded(f"{counted(len(problems), 'problem')} with pictures", f"<ul>{listed}</ul>{more}")


def _folded(title: str, inner: str) -> str:
    return f"<details><summary>{html(title)}</summary>{inner}</details>"
