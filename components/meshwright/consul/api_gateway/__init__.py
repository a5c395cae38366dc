"""A way in from outside: a Gateway of the class ``consul``, and its routes to services of the mesh."""
