"""A program at a terminal."""

import fcntl
import os
import pty
import select
import subprocess
import termios

from program import LIMIT, PROGRAM


class Terminal:
    """A program at a terminal."""

    def __init__(self, home, *arguments, program=PROGRAM, **environment):
        self.main, other = pty.openpty()
        settings = termios.tcgetattr(other)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(other, termios.TCSANOW, settings)
        self.text = ""

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(program), *map(str, arguments)],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**home.environment, "TERM": "xterm", **environment},
            cwd=home.path,
            preexec_fn=own_terminal,
        )
        os.close(other)

    def type(self, text):
        os.write(self.main, text.encode())

    def expect(self, wanted):
        """Waits until the terminal shows a text, and returns what it showed before."""
        while wanted not in self.text:
            if not self.read():
                raise AssertionError(f"{wanted!r} did not appear. The terminal shows {self.text!r}")
        before, _, self.text = self.text.partition(wanted)
        return before

    def read(self):
        ready, _, _ = select.select([self.main], [], [], LIMIT)
        try:
            data = os.read(self.main, 65536) if ready else b""
        except OSError:  # the program has ended
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def end(self):
        """Waits for the end of the program. Returns its status."""
        while self.read():
            pass
        os.close(self.main)
        return self.process.wait(LIMIT)
