"""What people look at: predictions, scores, pictures, videos, reports."""
