"""What monitoring means: values, and functions from values to values. No I/O, no clock, no logging."""
