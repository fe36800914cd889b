"""One utterance of a run folder, as its shard has it: to look at and to listen to."""
