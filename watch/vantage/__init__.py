"""The vantage point: schedules checks, runs probes, delivers findings. An agent is this and an uplink."""
