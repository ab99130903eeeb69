"""`python -m fpn_viewer`."""

from __future__ import annotations

import sys

from fpn_viewer.cli import main

if __name__ == "__main__":
    sys.exit(main())
