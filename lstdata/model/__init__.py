"""The Latent Speech-Text Transformer (arXiv 2510.06195) and its baseline, in PyTorch and nothing else."""
