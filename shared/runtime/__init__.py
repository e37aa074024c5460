"""What every process needs: errors, time, ids, settings, logs, metrics, traces, and the frame of a worker."""
