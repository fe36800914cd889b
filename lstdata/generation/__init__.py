"""`lstdata generate`: prompts as ids, and what follows them as text and units."""
