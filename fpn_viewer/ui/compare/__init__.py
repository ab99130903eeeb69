"""The tab "Compare": two detectors on one picture, their maps on one scale, and what became of every object in both."""
