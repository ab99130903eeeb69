"""Checkpoints in torchvision's names: Faster R-CNN, the boxes of Mask and Keypoint R-CNN, RetinaNet and FCOS."""
