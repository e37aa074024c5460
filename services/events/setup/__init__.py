"""Setting things up: one way to list, make, change and withdraw what stands around events. A kind says the rest."""
