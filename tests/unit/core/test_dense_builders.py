"""torchvision's own one-stage builders open by name and are followed to the last box."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fpn_viewer.core.detectors.detector import open_detector
from tests.tiny import noise

FULL = ["retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "fcos_resnet50_fpn"]


@pytest.mark.parametrize("name", FULL)
def test_torchvisions_builders_open_by_name(name: str) -> None:
    torch.manual_seed(1)
    detector = open_detector(name, device="cpu", num_classes=4, min_size=96, max_size=160, box_score_thresh=0.0)
    with torch.no_grad():
        detector.module.head.classification_head.cls_logits.weight.mul_(20)
    image = noise(60, 83)
    trace = detector.trace(image)
    assert trace.spec.untrained
    assert trace.spec.levels == ("P3", "P4", "P5", "P6", "P7")
    assert trace.follows is None
    assert len(trace.detections) > 0
    assert (trace.detections.candidate >= 0).all()
    with torch.inference_mode():
        (out,) = detector.module([torch.from_numpy(image).permute(2, 0, 1).float() / 255])
    assert np.array_equal(trace.detections.boxes_img, out["boxes"].numpy())
    assert np.array_equal(trace.detections.scores, out["scores"].numpy())
