"""``python -m tests.support.redis_server PORT``: speaks the protocol of Redis, and keeps its data in memory."""

import sys

from fakeredis import TcpFakeServer

if __name__ == "__main__":
    TcpFakeServer(("127.0.0.1", int(sys.argv[1]))).serve_forever()
