"""memlab: a laboratory, in a terminal, for what neural networks memorize and what they learn."""

__version__ = "0.1.0"
