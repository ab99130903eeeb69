"""The tables of a scan's SQLite file: one row here for each column there."""

from __future__ import annotations

from dataclasses import dataclass

#: written into the file; another number is another layout
FORMAT = "fpn_viewer scan 2"
#: layouts of earlier versions, which can be read and not gone on with: what a table has not got there is read as empty
EARLIER: tuple[str, ...] = ("fpn_viewer scan 1",)


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: of the table.
        key: the columns that tell its rows apart.
        columns: (name, SQL type), in order; the key's come first.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]

    @property
    def create(self) -> str:
        """The statement that makes it."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        return f"CREATE TABLE {self.name} ({columns}, PRIMARY KEY ({', '.join(self.key)})) WITHOUT ROWID"

    @property
    def insert(self) -> str:
        """The statement that adds a row of all columns."""
        return f"INSERT INTO {self.name} VALUES ({', '.join('?' * len(self.columns))})"


_BOX = (("x1", "REAL"), ("y1", "REAL"), ("x2", "REAL"), ("y2", "REAL"))
TABLES: tuple[Table, ...] = (
    Table("about", ("name",), (("name", "TEXT"), ("value", "TEXT"))),
    Table(
        "detectors",
        ("detector",),
        (
            ("detector", "INTEGER"),
            ("name", "TEXT"),
            ("source", "TEXT"),
            ("fingerprint", "TEXT"),
            ("spec", "TEXT"),
            ("labels", "TEXT"),
            ("unmatched", "TEXT"),
            ("origin", "TEXT"),
        ),
    ),
    # a picture is planned before it is examined; `done` says which are
    Table("pictures", ("picture",), (("picture", "INTEGER"), ("path", "TEXT"))),
    Table(
        "done",
        ("picture",),
        (
            ("picture", "INTEGER"),
            ("height", "INTEGER"),
            ("width", "INTEGER"),
            ("digest", "TEXT"),
            ("problem", "TEXT"),
            ("annotated", "INTEGER"),
        ),
    ),
    Table(
        "objects",
        ("picture", "object"),
        (
            ("picture", "INTEGER"),
            ("object", "INTEGER"),
            ("class", "TEXT"),
            *_BOX,
            ("area", "REAL"),
            ("crowd", "INTEGER"),
            ("ignored", "INTEGER"),
            ("flaw", "TEXT"),
        ),
    ),
    Table(
        "runs",
        ("picture", "detector"),
        (
            ("picture", "INTEGER"),
            ("detector", "INTEGER"),
            ("problem", "TEXT"),
            ("net_h", "INTEGER"),
            ("net_w", "INTEGER"),
            ("follows", "TEXT"),
        ),
    ),
    Table(
        "fates",
        ("picture", "object", "detector"),
        (
            ("picture", "INTEGER"),
            ("object", "INTEGER"),
            ("detector", "INTEGER"),
            ("label", "INTEGER"),
            ("outcome", "TEXT"),
            ("killer", "TEXT"),
            ("stage_outcome", "TEXT"),
            ("value", "REAL"),
            ("limit_value", "REAL"),
            ("margin", "REAL"),
            ("unit", "TEXT"),
            ("detection", "INTEGER"),
            ("score", "REAL"),
            ("iou", "REAL"),
            ("net_h", "REAL"),
            ("net_w", "REAL"),
            ("cells", "REAL"),
            ("level", "TEXT"),
            ("anchor_iou", "REAL"),
            ("positives", "INTEGER"),
            ("verdict", "TEXT"),
        ),
    ),
    Table(
        "detections",
        ("picture", "detector", "detection"),
        (
            ("picture", "INTEGER"),
            ("detector", "INTEGER"),
            ("detection", "INTEGER"),
            ("label", "INTEGER"),
            ("class", "TEXT"),
            ("score", "REAL"),
            *_BOX,
            ("kind", "TEXT"),
            ("object", "INTEGER"),
        ),
    ),
    # times differ from run to run; everything else in the file is the same however often it was interrupted
    Table(
        "times",
        ("picture", "part"),
        (("picture", "INTEGER"), ("part", "TEXT"), ("seconds", "REAL")),
    ),
)
BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
#: what the tables are asked by
INDEXES: tuple[str, ...] = (
    "CREATE INDEX fates_by_outcome ON fates (detector, outcome, killer)",
    "CREATE INDEX fates_by_size ON fates (detector, net_h, net_w)",
    "CREATE INDEX objects_by_class ON objects (class)",
    "CREATE INDEX detections_by_kind ON detections (detector, kind)",
)
