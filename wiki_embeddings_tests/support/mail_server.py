"""A server that takes mail over SMTP without encryption or login, and keeps it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """What arrived at a server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        commands: The commands that it was sent.
        messages: The mail that it took.
    """

    port: int = 0
    commands: list[str] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a server until the end of the block."""
    received = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._answer("220 ready")
            while line := self.rfile.readline():
                command = line.decode().strip()
                received.commands.append(command)
                match command.partition(" ")[0].upper():
                    case "DATA":
                        self._answer("354 go on")
                        received.messages.append(self._message())
                        self._answer("250 taken")
                    case "STARTTLS":
                        self._answer("502 not implemented")
                    case "QUIT":
                        self._answer("221 bye")
                    case _:
                        self._answer("250 fine")

        def _message(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            message = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(message, EmailMessage)
            return message

        def _answer(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        received.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield received
        finally:
            server.shutdown()
            serving.join()
