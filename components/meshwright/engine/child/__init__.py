"""What runs in the user's interpreter: it imports the standard library and Pulumi alone.

`monitor` plays Pulumi's engine for one program and emits what it learns as messages: plain dictionaries that survive
JSON, so that the parent doesn't depend on the Pulumi version of the program. `program` runs the program as Pulumi's
language host would. A child process loads the folder by path, under a name of its own, so that a program may have
modules with any name, and any version of meshwright or none.
"""
