"""The centre of the Pyramid tab: every map of the pyramid over the picture, panned and zoomed together."""
