"""Routes for everyone: forms, submissions and receipts, as pages and for programs. They can read no person."""
