"""A stateful model of the whole: random histories of three services on real PostgreSQL, compared with plain dicts.

databases          databases, keys, clock and programme, set back before each history
system_under_test  what people and coordinators do, by the real use cases; answers may be lost
bus                relays and consumers; both may crash in between, messages are redelivered and in any order
mail_delivery      scheduler and sender, with a mail relay in memory that may fail
reference_model    the model: what should be, in plain dicts, by the rules of the documentation
invariants         model and databases are compared, after every step and at rest
audit              the audit's equations over the same databases
history            what all steps share
machine            the steps: of people (people_steps), of coordinators (coordinator_steps), of processes and the clock
"""
