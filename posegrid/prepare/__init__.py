"""From sequences to small files: crop, subtract the background, grey, compress, shard."""
