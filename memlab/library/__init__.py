"""memlab as a library: what `import memlab` offers, built on runs and reports. No torch.

Each function's way is that of the command of the same name; the commands `export` and `compare`
are built on it. Nothing here prints but `Run.wait`.
"""
