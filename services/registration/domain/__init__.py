"""The rules of registration: pure values and decisions, without time of their own and without input or output."""
