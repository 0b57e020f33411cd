"""A server on loopback that plays every provider: it records each request and gives a small, well-formed answer.

One port is three things: a plain HTTP origin (a program whose address can be set), a proxy for `http://` addresses, and a
CONNECT proxy that ends TLS itself with certificates of a throw-away CA (a program with a fixed `https://` address).
Nothing is forwarded. Standard library and the `openssl` program only.
"""

import http.server
import json
import os
import re
import ssl
import subprocess
import threading
from urllib.parse import urlsplit

MODEL_CALL = re.compile(
    r"/(chat/completions|messages|responses|completions|converse|converse-stream|invoke|invoke-with-response-stream)(\?|$)|:(stream)?[gG]enerateContent|awPredict"
    r"|/invocations(\?|$)|inference:complete|/api/paas/v4(\?|$)|/chat(\?|$)|/code/apply(\?|$)"
)
CREDENTIALS = ("x-api-key", "authorization", "x-goog-api-key", "api-key", "cf-aig-authorization")


class Authority:
    """A CA that lives as long as its folder."""

    def __init__(self, folder):
        self.folder, self.contexts, self.lock = folder, {}, threading.Lock()
        self.certificate, self.key = folder + "/ca.pem", folder + "/ca.key"
        self._openssl("req", "-x509", *self._new(self.key), "-out", self.certificate, "-days", "2", "-subj", "/CN=loopback",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @staticmethod
    def _new(key):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key)

    @staticmethod
    def _openssl(*args):
        subprocess.run(("openssl",) + args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def context(self, host):
        with self.lock:
            if host not in self.contexts:
                base = "%s/%d" % (self.folder, len(self.contexts))
                with open(base + ".ext", "w") as file:
                    file.write("subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n" % host)
                self._openssl("req", *self._new(base + ".key"), "-out", base + ".csr", "-subj", "/CN=" + host[:60])
                self._openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key,
                              "-CAcreateserial", "-out", base + ".pem", "-days", "2", "-extfile", base + ".ext")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(base + ".pem", base + ".key")
                context.set_alpn_protocols(["http/1.1"])
                self.contexts[host] = context
            return self.contexts[host]


def text(value):
    """A header's value: blanks around it are no part of it, and a program may send UTF-8."""
    value = value.strip(" \t")
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _events(*objects, named=False, done=False):
    lines = (("event: %s\n" % o["type"] if named else "") + "data: " + json.dumps(o) + "\n\n" for o in objects)
    return "text/event-stream", "".join(lines).encode() + (b"data: [DONE]\n\n" if done else b"")


def _json(value):
    return "application/json", json.dumps(value).encode()


def _chat(model, stream):
    base, usage = {"id": "c", "created": 1, "model": model}, {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    if stream:
        chunk = {**base, "object": "chat.completion.chunk"}
        return _events({**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "ok"}, "finish_reason": None}]},
                       {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}, done=True)
    message = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    return _json({**base, "object": "chat.completion", "choices": [message], "usage": usage})


def _messages(model, stream):
    message = {"id": "m", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    if not stream:
        return _json({**message, "content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn"})
    return _events({"type": "message_start", "message": message},
                   {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                   {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok"}},
                   {"type": "content_block_stop", "index": 0},
                   {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 1}},
                   {"type": "message_stop"}, named=True)


def _responses(model, stream):
    part = {"type": "output_text", "text": "ok", "annotations": []}
    item = {"id": "i", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, "input_tokens_details": {"cached_tokens": 0},
             "output_tokens_details": {"reasoning_tokens": 0}}
    response = {"id": "r", "object": "response", "created_at": 1, "status": "completed", "model": model, "output": [item],
                "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None,
                "instructions": None, "metadata": {}, "temperature": 1, "top_p": 1, "usage": usage}
    if not stream:
        return _json(response)
    at = {"output_index": 0, "content_index": 0, "item_id": "i"}
    return _events({"type": "response.created", "sequence_number": 0, "response": {**response, "status": "in_progress", "output": []}},
                   {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": {**item, "content": []}},
                   {"type": "response.output_text.delta", "sequence_number": 2, **at, "delta": "ok", "logprobs": []},
                   {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": item},
                   {"type": "response.completed", "sequence_number": 4, "response": response}, named=True)


def _generate(path):
    answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP", "index": 0}],
              "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}, "modelVersion": "m"}
    return _events(answer) if "alt=sse" in path else _json([answer] if "stream" in path else answer)


MODELS = {"object": "list", "data": [{"id": "test-model", "object": "model", "created": 1, "owned_by": "test", "name": "Test",
          "context_length": 8192, "pricing": {"prompt": "0", "completion": "0"}, "supported_parameters": ["tools"],
          "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}}]}


def answer(path, body):
    """Content type and bytes of an answer that lets the program finish."""
    model, stream = body.get("model", "m"), bool(body.get("stream"))
    if "chat/completions" in path:
        return _chat(model, stream)
    if "/messages" in path:
        return _messages(model, stream)
    if "/responses" in path:
        return _responses(model, stream)
    if "enerateContent" in path:
        return _generate(path)
    return _json(MODELS if path.split("?")[0].endswith("/models") else {})


class Capture:
    """The server; `requests` is what came, in order."""

    def __init__(self, folder):
        self.authority, self.requests, capture = Authority(folder), [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, origin = "HTTP/1.1", None

            def log_message(self, *_):
                pass

            def do_CONNECT(self):
                host = self.path.rsplit(":", 1)[0]
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                self.wfile.flush()
                try:
                    self.connection = capture.authority.context(host).wrap_socket(self.connection, server_side=True)
                except OSError as error:
                    capture.requests.append({"method": "CONNECT", "path": host, "refused": str(error)})
                    self.close_connection = True
                    return
                self.rfile, self.wfile = self.connection.makefile("rb", -1), self.connection.makefile("wb", 0)
                self.origin = "https://" + (host if self.path.endswith(":443") else self.path)
                self.close_connection = False

            def _body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def handle_any(self):
                body, path, origin = self._body(), self.path, self.origin or "http://" + self.headers.get("Host", "")
                if path.startswith("http://"):
                    url = urlsplit(path)
                    origin, path = "http://" + url.netloc, url.path + ("?" + url.query if url.query else "")
                try:
                    parsed = json.loads(body)
                except ValueError:
                    parsed = None
                capture.requests.append({"method": self.command, "base": origin, "path": path,
                                         "headers": [(k.lower(), text(v)) for k, v in self.headers.items()]})
                kind, data = answer(path, parsed if isinstance(parsed, dict) else {})
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = handle_any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def environment(self):
        """What sends a child's traffic here and lets it trust the certificates."""
        ca, local = self.authority.certificate, "127.0.0.1,localhost"
        return {"HTTPS_PROXY": self.base, "https_proxy": self.base, "NO_PROXY": local, "no_proxy": local, "SSL_CERT_FILE": ca,
                "REQUESTS_CA_BUNDLE": ca, "CURL_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca, "HERMES_CA_BUNDLE": ca}

    def model_calls(self):
        return [r for r in list(self.requests) if r["method"] == "POST" and MODEL_CALL.search(r["path"])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def seen(request):
    """The `expect` of a recording: which key, in which header, to which address; the other credentials in `also`."""
    if request is None:
        return {"key": None}
    found = {}
    for name, value in request["headers"]:
        if name in CREDENTIALS:
            scheme, _, rest = value.partition(" ")
            bearer = name == "authorization" and scheme.lower() == "bearer"
            found[name] = ("Authorization: Bearer" if bearer else name, rest if bearer else value)
    query = re.search(r"[?&]key=([^&]+)", request["path"])
    if query:
        found["query:key"] = ("query:key", query.group(1))
    first = next(iter(found.values()), None)
    expect = {"key": first and first[1]}
    if first:
        expect["header"] = first[0]
    expect.update(path=request["path"], base=request["base"])
    if len(found) > 1:
        expect["also"] = {name: value for name, value in list(found.values())[1:]}
    return expect
