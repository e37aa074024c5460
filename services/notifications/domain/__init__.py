"""The rules of mails: kinds, states, what is still true, when to try again. Pure: no input, no output, no time."""
