"""A scan that is killed again and again, in the middle of layers and of statements, ends like one that nobody disturbed."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from fpn_viewer.engine.scan.reading import Scan
from fpn_viewer.engine.scan.run import scan
from tests.scan_set import annotated, content, detector, scan_and_die

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
#: a few in the suite; more by hand
KILLS = int(os.environ.get("FPN_VIEWER_KILLS", "3"))
PICTURES = KILLS + 5
#: more than a whole scan needs
NEVER = 10**9


def test_killed_again_and_again_it_ends_with_the_same_content(tmp_path: Path) -> None:
    images, truth = annotated(tmp_path, PICTURES)
    whole = scan(detector(), images, truth, tmp_path / "whole.sqlite")
    out, rng = tmp_path / "killed.sqlite", random.Random(5)
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.scan_set"])
    done = []
    for turn in range(KILLS):
        # the first one while the tables are made, then by turns in a layer and in a statement
        statements = rng.randint(1, 20) if not turn else rng.randint(20, 200) if turn % 2 else NEVER
        layers = NEVER if statements < NEVER else rng.randint(1, 500)
        child = server.Process(target=scan_and_die, args=(images, truth, out, layers, statements))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        child.close()
        done.append(_done(out))
    assert 0 < done[-1] < PICTURES, "something was done, and something is left to do"
    scan(detector(), images, truth, out)
    assert done == sorted(done), "what was written stays"
    assert content(Scan(out)) == content(whole)
    assert Scan(out).rows("PRAGMA integrity_check") == [("ok",)]


def _done(out: Path) -> int:
    """Pictures in a file that may have no tables yet."""
    found = Scan(out)
    if not out.exists() or not found.rows("SELECT 1 FROM sqlite_master WHERE name = 'done'"):
        return 0
    return int(found.rows("SELECT COUNT(*) FROM done")[0][0])
