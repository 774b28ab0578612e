"""A client in JavaScript: one node process that answers a request a line, for all cases of a suite."""

import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent


class SdkProcess:
    """`script` gets `arguments`; it reads one request a line and writes one line with what the client made of it."""

    def __init__(self, script, *arguments):
        command = ["node", HERE / script, *arguments]
        self.process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, lab, **request):
        request = {"baseURL": lab.base_url, "key": lab.key, "model": lab.model, **request}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client's process ended"
        return json.loads(line)

    def answer(self, lab, **request):
        """What it made of an answer that it must get."""
        said = self.ask(lab, **request)
        assert "error" not in said, said["error"]
        return said

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0
