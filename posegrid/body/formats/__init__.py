"""Files that carry a motion: one module per format, from arrays to bytes and back; they know no
Track.
"""
