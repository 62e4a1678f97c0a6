"""HTTP: the public listener, which only sends rendered pages, and the operators' listener."""
