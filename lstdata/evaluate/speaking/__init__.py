"""Recognition and synthesis by a trained model: what it writes of speech and speaks of text, and what that takes."""
