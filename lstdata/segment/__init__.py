"""Long recordings cut into segments at silences, before planning, restartable after any recording."""
