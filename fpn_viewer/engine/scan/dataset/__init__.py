"""What a data set asks of a detector: which anchors would fit its objects, and which single setting finds more of them."""
