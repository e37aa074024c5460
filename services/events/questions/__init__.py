"""Lists that answer questions across features: who covers what, who speaks where, whose events clash."""
