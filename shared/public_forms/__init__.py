"""One definition of a form makes its page, its frame, its JSON schema and the checks of its API.

    definition → validation   what a program or a browser sends becomes answers, or errors with pointers
    definition → rendering    accessible HTML that works without a script
    definition → public, json_schema   what programs read

Knows no web framework, no database and no service.
"""
