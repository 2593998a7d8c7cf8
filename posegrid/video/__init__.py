"""Video in and out: files, cameras, pictures, and what other programs say of who is in them."""
