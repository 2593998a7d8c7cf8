"""What a person is to posegrid: skeleton, camera, grid, metrics, track. Pure numpy."""
