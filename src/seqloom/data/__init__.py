"""The road from a file to examples: sources, records, which column is text, splits, the store.

    open_source → infer_text → read_texts       text
    open_source → read_records                  everything else that stands in rows

Knows nothing about models and imports no torch.
"""
