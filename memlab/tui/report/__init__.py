"""Report: the findings of a run."""
