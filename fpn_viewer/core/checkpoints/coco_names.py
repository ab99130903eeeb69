"""The classes of COCO, in the two numberings that detectors use: 80 one after the other, or its own ids with their gaps."""

from __future__ import annotations

from types import MappingProxyType

#: in the order of their ids in COCO, and the ids up to 90 that no class has
_NAMES = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking meter, bench,
bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis,
snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork,
knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed,
dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
vase, scissors, teddy bear, hair drier, toothbrush
"""
_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})

#: the 80 names, as detectron2 and mmdetection number them
COCO_80: tuple[str, ...] = tuple(name.strip() for name in _NAMES.replace("\n", " ").split(","))
_IDS = tuple(number for number in range(1, 91) if number not in _GAPS)
_OF_ID = dict(zip(_IDS, COCO_80, strict=True))
#: the 91 names by COCO's own id, as torchvision numbers them: the background first, "N/A" where there is no class
COCO_91: tuple[str, ...] = ("background", *(_OF_ID.get(number, "N/A") for number in range(1, 91)))

#: (one-stage, number of classes) to names of a detector that has as many classes as COCO
COCO_BY_COUNT: MappingProxyType[tuple[bool, int], tuple[str, ...]] = MappingProxyType(
    {
        (False, 91): COCO_91,
        (True, 91): COCO_91,
        (False, 81): ("background", *COCO_80),
        (True, 81): ("background", *COCO_80),
        (True, 80): COCO_80,
    }
)
