"""Which tokenizer suits a text, and what each of them would make of it."""
