"""HTTP: the native API, its documentation, and the guard in front of every route."""
