"""`make torture`: hostile folders, hostile data, faults at every step, and load.

Each part is a module that can be run alone (`python -m tests.torture.folders --seed 1 --case 17`);
every case follows from seed and number, so that a failure that the table names can be repeated.
"""
