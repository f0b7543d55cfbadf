"""The replicated papers' claims as code, one file a paper; `registry` has them in order.

A claim reads finished runs only. Which runs it needs is `needed`, starting them `batch`; the
scoreboard made from all of them is `memlab.reports.scoreboard`.
"""
