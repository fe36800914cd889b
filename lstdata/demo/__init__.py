"""A synthetic corpus with known word times: coherent stories, spoken by espeak-ng, and story-completion items."""
