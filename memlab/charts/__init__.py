"""Charts in characters: what a chart is told, its axes, its dots, its rows. No widget, no colour.

The app's chart and the console's figures are both painted from these rows.
"""
