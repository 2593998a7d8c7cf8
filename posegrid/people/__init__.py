"""Who is where in a picture, and the crop of each that a network sees."""
