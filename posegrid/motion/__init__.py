"""What a motion says beyond its joints: pure functions over poses in time."""
