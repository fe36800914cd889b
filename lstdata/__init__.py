"""lstdata: speech and transcripts to training data for the Latent Speech-Text Transformer, and its trainer."""

__version__ = "0.1.0"
