"""``troika doctor``: grades a host. It queries servers, files and the machine, changes nothing, and prints remedies.

A check is a small function in the closed list of :mod:`deploy.operations.doctor.registry`. It gets a
:class:`~deploy.operations.doctor.grading.GradedHost` (the content of the settings files) and
:class:`~deploy.operations.doctor.probes.Probes` (which query servers and the machine), and returns results. It must
never print a secret, or anything about a person.
"""
