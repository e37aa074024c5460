"""One definition of a form makes its page, its frame, its JSON schema and the checks of its API.

    kinds → definition        everything that depends on the kind of a field, and nothing else does
    definition → validation   what a program or a browser sends becomes answers, or errors with pointers
    definition → rendering    accessible HTML that works without a script
    definition                as data for programs too: JSON, and a JSON Schema

Knows no web framework, no database and no service.
"""
