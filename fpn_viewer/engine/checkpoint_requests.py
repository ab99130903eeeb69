"""Questions about checkpoint files and published weights. Without torch until one of them runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpn_viewer.engine.jobs import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpn_viewer.core.checkpoints.values import CheckUp, Look
    from fpn_viewer.core.detectors.spec import DetectorSpec
    from fpn_viewer.core.weights import Published
    from fpn_viewer.engine.jobs import Token
    from fpn_viewer.engine.session import Session

#: lanes of the worker: behind what is looked at, because the last one reads whole files, and before what fills in by and by
CHECK_LANES: tuple[Lane, ...] = (Lane("look"), Lane("published"), Lane("check_up"))
#: lane table of the queue for the network, whose thread waits for slow servers without holding anything else up
NETWORK_LANES: tuple[Lane, ...] = (Lane("fetch"),)


@dataclass(frozen=True)
class CheckedFile:
    """A file was looked at by the doctor.

    Attributes:
        path: the file.
        check_up: what was found.
        text: the same as text, for the clipboard.
    """

    path: str
    check_up: CheckUp
    text: str = field(repr=False)


@dataclass(frozen=True)
class CheckUpFile:
    """Has the doctor look at a file. A bad file is an answer, not a failure.

    Attributes:
        session: the worker's memory; only torch is loaded through it.
        path: the file.
        options: what a person said of it: `entry`, `preset`, settings.
    """

    session: Session = field(repr=False)
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, token: Token) -> CheckedFile:
        """What was found.

        Raises:
            Cancelled: the token says so.
        """
        token.report("loading torch", 0.0)
        self.session.load()
        from fpn_viewer.core.checkpoints.checkup import check_up, report_text

        found = check_up(self.path, dict(self.options), _Polite(token))
        return CheckedFile(self.path, found, report_text(found))


class _Polite:
    """A token that lets more urgent jobs go first wherever it is asked: the check-up of a large file takes seconds."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def check(self) -> None:
        import torch

        # what goes first may need gradients, which the statistics of weights do without
        with torch.inference_mode(False), torch.enable_grad():
            self._token.pause()

    pause = check

    def report(self, stage: str, fraction: float) -> None:
        self._token.report(stage, fraction)


@dataclass(frozen=True)
class LookInto:
    """Asks a file what it says of its detector before anybody says more.

    Attributes:
        session: the worker's memory; only torch is loaded through it.
        path: the file.
        options: `entry` and `preset`.
    """

    session: Session = field(repr=False)
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, token: Token) -> Look:
        """What it says.

        Raises:
            CheckpointError: it cannot be read, or is not a detector that can be built.
            SettingError: what is said in or beside it does not fit.
        """
        self.session.load()
        token.check()
        from fpn_viewer.core.checkpoints.look import look_into

        return look_into(self.path, self.options, token)


@dataclass(frozen=True)
class SavedBeside:
    """What was said of a checkpoint is in a file beside it now."""

    path: str


@dataclass(frozen=True)
class SaveBeside:
    """Writes what a person said of a checkpoint into a file beside it; what else is in that file stays.

    Attributes:
        path: the checkpoint.
        spec: holds the values.
        names: the options that are written.
    """

    path: str
    spec: DetectorSpec
    names: tuple[str, ...]

    def __call__(self, token: Token) -> SavedBeside:
        """Where it was written.

        Raises:
            CheckpointError: the file cannot be written, or what is there already cannot be read.
        """
        from pathlib import Path

        from fpn_viewer.core.checkpoints.beside import save_beside

        token.check()
        return SavedBeside(str(save_beside(Path(self.path), self.spec, self.names)))


@dataclass(frozen=True)
class Offer:
    """Published weights that can be opened.

    Attributes:
        weights: which.
        here: whether the file is on this machine already.
    """

    weights: Published
    here: bool


@dataclass(frozen=True)
class Offers:
    """All weights that torchvision publishes for detectors."""

    rows: tuple[Offer, ...]


@dataclass(frozen=True)
class ListPublished:
    """Asks torchvision which weights it publishes, and which of them are on this machine.

    Attributes:
        session: the worker's memory; only torch is loaded through it.
    """

    session: Session = field(repr=False)

    def __call__(self, token: Token) -> Offers:
        """All of them, in torchvision's order.

        Raises:
            UserError: torchvision cannot be loaded.
        """
        self.session.load()
        token.check()
        from fpn_viewer.core.weights import fetched, published

        return Offers(tuple(Offer(one, fetched(one)) for one in published()))


@dataclass(frozen=True)
class FetchedWeights:
    """Published weights are on this machine.

    Attributes:
        weights: which.
        path: the file.
    """

    weights: Published
    path: str


@dataclass(frozen=True)
class FetchWeights:
    """Downloads published weights, going on where an earlier attempt stopped.

    Attributes:
        weights: which.
    """

    weights: Published

    def __call__(self, token: Token) -> FetchedWeights:
        """Where they are.

        Raises:
            Cancelled: the token says so; what has arrived is kept.
            UserError: there is no way to the server, no room, or the file is not what was published.
        """
        from fpn_viewer.core.weights import fetch

        return FetchedWeights(self.weights, str(fetch(self.weights, token)))
