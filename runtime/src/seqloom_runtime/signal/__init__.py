"""Sound, music, pictures and numbers over time, as arrays. Knows no torch."""
