"""A program at a terminal."""

import fcntl
import os
import pty
import select
import subprocess
import termios

from program import LIMIT, PROGRAM


class Shown:
    """What a program shows at a descriptor."""

    def __init__(self, descriptor):
        self.main, self.text = descriptor, ""

    def expect(self, wanted):
        """Waits until a text is shown, and returns what was shown before."""
        while wanted not in self.text:
            if not self.read():
                raise AssertionError(f"{wanted!r} did not appear. The program shows {self.text!r}")
        before, _, self.text = self.text.partition(wanted)
        return before

    def shows(self, wanted, within):
        """Returns whether a text is shown, or appears within so many seconds."""
        while wanted not in self.text and self.read(within):
            pass
        return wanted in self.text

    def read(self, limit=LIMIT):
        ready, _, _ = select.select([self.main], [], [], limit)
        try:
            data = os.read(self.main, 65536) if ready else b""
        except OSError:  # the program has ended
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)


class Pipe(Shown):
    """A pipe that a program writes to, and that can be full."""

    def __init__(self):
        reader, self.end = os.pipe()
        super().__init__(reader)
        # A descriptor that never blocks, of the same pipe.
        self.filler = os.open(f"/proc/self/fd/{self.end}", os.O_WRONLY | os.O_NONBLOCK)

    def fill(self):
        """Writes until a program that writes has to wait."""
        self.filled = 0
        for size in (65536, 1):
            try:
                while True:
                    self.filled += os.write(self.filler, b"." * size)
            except BlockingIOError:
                pass

    def drain(self):
        """Reads what fill has written."""
        while self.filled > 0:
            self.filled -= len(os.read(self.main, self.filled))


class Terminal(Shown):
    """A program at a terminal.

    With `echo`, the terminal shows "^C" after it has sent the signal of Ctrl-C. Without `flush`, Ctrl-C discards
    nothing that the program has written and nobody has read.
    """

    def __init__(self, home, *arguments, program=PROGRAM, stderr=None, echo=False, flush=True, **environment):
        main, other = pty.openpty()
        super().__init__(main)
        settings = termios.tcgetattr(other)
        settings[3] = settings[3] | termios.ECHO if echo else settings[3] & ~termios.ECHO
        settings[3] = settings[3] & ~termios.NOFLSH if flush else settings[3] | termios.NOFLSH
        termios.tcsetattr(other, termios.TCSANOW, settings)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(program), *map(str, arguments)],
            stdin=other,
            stdout=other,
            stderr=other if stderr is None else stderr,
            env={**home.environment, "TERM": "xterm", **environment},
            cwd=home.path,
            preexec_fn=own_terminal,
        )
        os.close(other)

    def type(self, text):
        os.write(self.main, text.encode())

    def end(self):
        """Waits for the end of the program. Returns its status."""
        while self.read():
            pass
        os.close(self.main)
        return self.process.wait(LIMIT)
