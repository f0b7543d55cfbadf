"""A training loop of one's own, recorded as a run: `memlab.record` and what belongs to it.

Everything here runs in the process of whoever trains. It may cost her a little time and a warning,
never her training, and changes no bit of it.
"""
