"""Tables and the queries on them: everything a person or a program reads."""
