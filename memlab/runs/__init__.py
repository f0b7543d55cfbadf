"""The run folder: layout, tables, events, lifecycle, queue and the view on it all. No torch."""
