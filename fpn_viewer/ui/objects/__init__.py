"""Objects in the window: how outcomes look, the Object tab, its signal strip and curves."""
