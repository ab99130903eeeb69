"""How much a checkpoint may ask for before it is refused: what is read is bounded whatever a file says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from fpn_viewer.core.errors import CheckpointError

#: bytes of the pickle that describes the tensors of a torch file; a detector's has some hundred thousand
PICKLE_BYTES = 64 * 2**20
#: bytes of a pickle that holds the tensors as well
WHOLE_PICKLE_BYTES = 4 * 2**30
#: steps of a pickle; a training checkpoint with optimizer and schedulers has some ten thousand
STEPS = 1_000_000
#: lists, dicts, sets and objects that a pickle may make
OBJECTS = 250_000
#: calls a pickle may ask for: two for each tensor
CALLS = 100_000
#: values that are handed to calls, all together; a list named again and again costs again and again
HANDED = 1_000_000
#: characters of texts that are handed to calls, beyond four times the size of the pickle: texts can be named again as well
CHARACTERS = 2**24
#: times that a class is used which torch does not know: torch looks each of them up slowly
STRANGERS = 20_000
#: whole numbers of more than 64 bits: a dict can be made slow with them
LONG_NUMBERS = 2_000
#: keys of dicts that are tuples
ODD_KEYS = 10_000
#: bytes of one whole number; seeds and random states have 16
NUMBER_BYTES = 4_096
#: distinct classes and functions a pickle may name
NAMES = 2_000
#: characters of a name that is shown or looked for
NAME_LENGTH = 300
#: nested containers that are followed
DEPTH = 200
#: records of a zip file: one for each tensor of model, average and optimizer
RECORDS = 50_000
#: bytes of a safetensors header, and tensors in it
HEADER_BYTES = 32 * 2**20
TENSORS = 100_000
#: numbers that the views of a file's tensors may have beyond what is stored: shared tensors are named several times
VIEWS, VIEWS_SPARE = 32, 2**26
#: dimensions of a tensor
DIMENSIONS = 32


@dataclass
class Budget:
    """What is left of the allowed amounts while one pickle is read.

    Attributes:
        file: name of the file, for sentences.
    """

    file: str
    objects: int = OBJECTS
    calls: int = CALLS
    handed: int = HANDED
    characters: int = CHARACTERS
    strangers: int = STRANGERS
    long_numbers: int = LONG_NUMBERS
    odd_keys: int = ODD_KEYS

    def take(self, what: str, amount: int = 1) -> None:
        """Uses up some of what one of the attributes says is left.

        Raises:
            CheckpointError: nothing is left.
        """
        left = getattr(self, what) - amount
        setattr(self, what, left)
        if left < 0:
            raise too_much(self.file, _WORDS[what])


_WORDS = {
    "objects": "lists and objects",
    "calls": "calls",
    "handed": "values to be copied",
    "characters": "text to be copied",
    "strangers": "objects of classes that are not known here",
    "long_numbers": "numbers of more than 64 bits",
    "odd_keys": "tuples as keys",
}


def too_much(file: str, what: str) -> CheckpointError:
    """The refusal of a file that asks for more than any checkpoint of a detector does."""
    return CheckpointError(
        f"{file} asks for more {what} than a checkpoint of a detector has, so it was not read; save the model's state_dict() alone."
    )


def hollow(file: str) -> CheckpointError:
    """The refusal of a file whose tensors name the same few numbers again and again."""
    return CheckpointError(
        f"{file} describes tensors with more than {VIEWS} times as many numbers as it holds, so it was not read; "
        "save the model's state_dict() alone."
    )


def damaged(file: str, why: str) -> CheckpointError:
    """The refusal of a file whose bytes contradict themselves."""
    return CheckpointError(f"{file} cannot be read as a checkpoint ({why}); is the file complete? Copy or download it again.")
