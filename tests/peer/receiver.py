"""An HTTP server that takes OpenTSDB puts, and prints its port and then each body, inflated, a line of JSON each."""

import http.server
import json
import sys
import threading
import zlib


class Put(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(json.dumps({
            "request": self.command + " " + self.path,
            "authorization": self.headers["Authorization"],
            "content_type": self.headers["Content-Type"],
            "content_encoding": self.headers["Content-Encoding"],
            "points": json.loads(zlib.decompress(body)),
        }), flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Put)
print(server.server_port, flush=True)
# Ends with the test, which closes our input.
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
server.serve_forever()
