"""State between the engine and the widgets, and the one bridge to the worker; QtCore only."""
