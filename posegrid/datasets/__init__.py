"""Where sequences come from, and the small files that they become: crop, grey, compress, shard."""
