"""``python3 -S probe.py PORT PATH``: exit 0 if the process in this container is ready, else 1 with its reasons."""

import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=4)
connection.request("GET", sys.argv[2])
answer = connection.getresponse()
print(answer.read().decode(errors="replace")[:500])
sys.exit(answer.status != 200)
