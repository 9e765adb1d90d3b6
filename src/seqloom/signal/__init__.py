"""Numbers over time: series (sound, notes and pictures later). Knows no torch."""
