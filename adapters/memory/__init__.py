"""The ports over plain objects in one process: what the domain's tests run on, held to the same contracts as the
databases. Nothing is sealed and nothing survives the process.
"""
