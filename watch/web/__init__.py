"""HTTP: the public listener, which only hands out ready bytes, and the operators' listener."""
