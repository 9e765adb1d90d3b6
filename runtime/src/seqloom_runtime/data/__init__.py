"""Files as rows: which encoding, which separator, JSON, and texts made of columns."""
