"""The worker: the one door between the two halves; a run folder in, trained members out."""
