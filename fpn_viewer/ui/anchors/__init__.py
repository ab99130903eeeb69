"""The tab "Anchors & RPN": anchors, proposals, detections and objectness over the picture."""
