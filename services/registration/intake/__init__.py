"""The one way in: submissions are stored first and decided afterwards by one worker, in order of their numbers."""
