"""The launcher of the tests: starts our programs as ``python -m`` would, with fail points armed and parts replaced.

``python -m tests.support.launching ORDERS -- services.registration relay``

orders    a file: which parts are replaced at the start, and which plan is followed, which may be rewritten
plan      what is to happen at which point
calls     whom it connects to
hook      what the program does when it reaches a point
parts     what can be replaced by name: shorter pauses, a record of effects, and the negative controls
serving   gunicorn's application with both in each worker

Production code does not use it, and no environment variable can do what it does.
"""
