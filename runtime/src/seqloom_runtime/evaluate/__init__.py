"""What use does with numbers that were fitted: n-grams, linear models, calibration, intervals."""
