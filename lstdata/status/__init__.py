"""How far a build is, from the files of its run folder alone: of a live run or a dead one, here or on a store."""
