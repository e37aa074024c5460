"""``troika doctor``: grades a host. It asks servers, files and the machine, changes nothing, and names what to do.

A check is a small function in the closed list of :mod:`deploy.operations.doctor.registry`. It gets a
:class:`~deploy.operations.doctor.grading.GradedHost` (what the settings files say) and
:class:`~deploy.operations.doctor.probes.Probes` (how servers and the machine are asked), and returns results. It must
never print a secret, or anything about a person.
"""
