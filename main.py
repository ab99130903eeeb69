"""Runs the program from a checkout: `python main.py`."""

from __future__ import annotations

import sys

from fpn_viewer.cli import main

if __name__ == "__main__":
    sys.exit(main())
