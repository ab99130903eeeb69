"""Speed, measured as one command: `python -m tests.benchmarks`. Not part of the tests; compare figures of one run."""
