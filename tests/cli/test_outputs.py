# SPDX-License-Identifier: Apache-2.0
"""Are outputs written where they belong, with the right permissions, and all of them or none?"""
import ctypes
import fcntl
import os
import signal
import stat
import subprocess
import time
import unittest

from support import TOOL, Case, npy

SIGNALS = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM]


def lose_privileges():
    """In the child: permissions hold for root too (PR_CAPBSET_DROP of CAP_DAC_*)."""
    for capability in [1, 2]:
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


class Base(Case):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy([3, 5], (2,)))
        self.write("t.npy", npy([1, 4], (2,)))
        self.command = ["eval", "l1", "--input", "x.npy", "--target", "t.npy", "--grad"]

    def contents(self):
        """Every name below the folder, with what it holds."""
        found = {}
        for folder, folders, files in os.walk(self.folder):
            for name in files + folders:
                path = os.path.join(folder, name)
                found[path] = os.readlink(path) if os.path.islink(path) else None
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        found[path] = (found[path], file.read())
        return found


class Outputs(Base):
    def refuse(self, code, *arguments, says, **more):
        """Everything is as it was."""
        before = self.contents()
        self.fail_with(code, *self.command, *arguments, says=says, **more)
        self.assertEqual(self.contents(), before)

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def test_permissions(self):
        old = os.umask(0o027)
        self.addCleanup(os.umask, old)
        self.succeed(*self.command, "g.npy")
        self.assertEqual(self.mode("g.npy"), 0o640)
        for mode in [0o600, 0o666, 0o755]:
            os.chmod(self.path("g.npy"), mode)
            self.succeed(*self.command, "g.npy")
            self.assertEqual(self.mode("g.npy"), mode)

    @unittest.skipUnless(os.getuid() == 0, "only root can give files away")
    def test_owners(self):
        self.write("g.npy", b"old")
        os.chown(self.path("g.npy"), 12, 34)
        self.succeed(*self.command, "g.npy")
        found = os.stat(self.path("g.npy"))
        self.assertEqual((found.st_uid, found.st_gid), (12, 34))

    def test_links_stay_links(self):
        os.mkdir(self.path("sub"))
        self.write("old.npy", b"old")
        for target, file in [("old.npy", "old.npy"), ("new.npy", "new.npy"),
                             ("sub/new.npy", "sub/new.npy"),
                             (self.path("absolute.npy"), "absolute.npy")]:
            os.symlink(target, self.path("link"))
            os.symlink("../link", self.path("sub/chain"))
            self.succeed(*self.command, "sub/chain")
            self.assertEqual(self.read(file), ([.5, .5], (2,), "f4"))
            self.assertEqual(os.readlink(self.path("link")), target)
            self.assertEqual(os.readlink(self.path("sub/chain")), "../link")
            os.remove(self.path("link"))
            os.remove(self.path("sub/chain"))

    def test_links_to_nowhere(self):
        os.symlink("missing/g.npy", self.path("broken"))
        os.symlink("loop", self.path("loop"))
        self.refuse(1, "broken", says=["broken: cannot write", "folder missing"])
        self.refuse(1, "loop", says="loop: cannot write")

    def test_over_the_inputs_and_in_another_folder(self):
        self.succeed(*self.command, "x.npy", "--loss", "t.npy")
        self.assertEqual((self.read("x.npy")[0], self.read("t.npy")[0]), ([.5, .5], [1.5]))
        os.mkdir(self.path("sub"))
        self.write("t.npy", npy([1, 4], (2,)))
        self.succeed(*self.command, "sub/g.npy")
        self.assertEqual(os.listdir(self.path("sub")), ["g.npy"])

    def test_one_file_twice(self):
        os.mkdir(self.path("sub"))
        os.symlink("sub", self.path("other"))
        os.symlink("g.npy", self.path("link"))
        os.symlink(self.path("sub/new.npy"), self.path("dangling"))
        for exists in [False, True]:
            if exists:
                self.write("g.npy", b"old")
                os.link(self.path("g.npy"), self.path("hard"))
                os.symlink(self.path("g.npy"), self.path("second"))
            for one, two in [("g.npy", "g.npy"), ("g.npy", "./g.npy"), ("g.npy", "sub/../g.npy"),
                             (self.path("g.npy"), "g.npy"), ("link", "g.npy"), ("g.npy", "link"),
                             ("dangling", "sub/new.npy"), ("other/new.npy", "dangling"),
                             ] + [("hard", "link"), ("second", "link")] * exists:
                self.refuse(2, one, "--loss", two, says=["--loss", "--grad", two])

    def test_one_option_twice(self):
        self.refuse(2, "g.npy", "--grad", "h.npy", says=["--grad", "twice", "g.npy", "h.npy"])

    def test_names_that_are_none(self):
        self.refuse(2, "", says="--grad")
        self.refuse(2, "-", says=["--grad", "./-"])
        self.succeed(*self.command, "./-")
        self.assertEqual(self.read("-")[0], [.5, .5])

    def test_where_the_result_is_printed(self):
        with open(self.path("g.npy"), "wb") as file:
            result = subprocess.run(TOOL + self.command + ["g.npy"], cwd=self.folder, stdout=file,
                                    stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--grad", result.stderr)
        self.assertEqual(os.path.getsize(self.path("g.npy")), 0)

    def test_permission_denied(self):
        os.mkdir(self.path("sub"))
        self.write("sub/g.npy", b"old")
        os.chmod(self.path("sub"), 0o500)
        if subprocess.run(["test", "-w", self.path("sub")],
                          preexec_fn=lose_privileges).returncode == 0:
            self.skipTest("this user may write anywhere")
        for name in ["sub/new.npy", "sub/g.npy"]:
            self.refuse(1, name, preexec_fn=lose_privileges,
                        says=[name + ": cannot write", "folder sub: Permission denied"])
        os.chmod(self.path("sub/g.npy"), 0o400)
        self.refuse(1, "sub/g.npy", preexec_fn=lose_privileges,
                    says="sub/g.npy: cannot write: Permission denied")
        os.chmod(self.path("sub"), 0o600)
        output = self.fail_with(1, *self.command, "sub/g.npy", preexec_fn=lose_privileges)
        command = ["eval", "l1", "--target", "t.npy", "--input"]
        missing = self.fail_with(1, *command, "sub/g.npy", preexec_fn=lose_privileges)
        os.chmod(self.path("sub"), 0o700)
        for message in [output, missing]:
            self.assertIn("folder sub: Permission denied", message)
        os.chmod(self.path("sub/g.npy"), 0)
        self.fail_with(1, *command, "sub/g.npy", preexec_fn=lose_privileges,
                       says="vloss: sub/g.npy: Permission denied")


class Interrupted(Base):
    """Both outputs are asked for, one of them over an old file."""

    def setUp(self):
        super().setUp()
        self.write("g.npy", b"old")
        self.before = self.contents()
        self.command += ["g.npy", "--loss", "l.npy"]

    def run_to(self, stdout):
        result = subprocess.run(TOOL + self.command, cwd=self.folder, stdout=stdout,
                                stderr=subprocess.PIPE)
        self.assertEqual(self.contents(), self.before)
        return result

    def stuck(self, ignore=()):
        """A vloss whose outputs have begun, if not more, and whose stdout is full; it writes on
        once self.drain() reads."""
        def preexec():
            """Whatever started the test may ignore some."""
            for number in SIGNALS:
                how = signal.SIG_IGN if number in ignore else signal.SIG_DFL
                signal.signal(number, how)
        self.pipe, end = os.pipe()
        flags = fcntl.fcntl(end, fcntl.F_GETFL)
        fcntl.fcntl(end, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        try:
            while os.write(end, bytes(4096)):
                pass
        except BlockingIOError:
            fcntl.fcntl(end, fcntl.F_SETFL, flags)
        process = subprocess.Popen(TOOL + self.command, cwd=self.folder, stdout=end,
                                   stderr=subprocess.PIPE, preexec_fn=preexec)
        os.close(end)
        self.addCleanup(process.stderr.close)
        wanted = len(self.before) + 2
        deadline = time.monotonic() + 60
        while len(os.listdir(self.folder)) < wanted:
            self.assertFalse(os.path.exists(self.path("l.npy")), "before the result was printed")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(.01)
        return process

    def drain(self, process):
        while os.read(self.pipe, 65536):
            pass
        os.close(self.pipe)
        return process.wait(60)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_full_stdout(self):
        with open("/dev/full", "wb") as full:
            result = self.run_to(full)
        self.assertEqual((result.returncode, result.stderr.count(b"\n")), (1, 1))

    def test_closed_stdout(self):
        result = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh"] + TOOL + self.command,
                                cwd=self.folder, stderr=subprocess.PIPE)
        self.assertEqual((result.returncode, result.stderr.count(b"\n")), (1, 1))
        self.assertEqual(self.contents(), self.before)

    def test_nobody_reads(self):
        end, stdout = os.pipe()
        os.close(end)
        result = self.run_to(stdout)
        os.close(stdout)
        self.assertEqual((result.returncode, result.stderr), (-signal.SIGPIPE, b""))

    def test_signals(self):
        for number in SIGNALS:
            process = self.stuck()
            process.send_signal(number)
            self.assertEqual(process.wait(60), -number)
            os.close(self.pipe)
            self.assertEqual(self.contents(), self.before, number)

    def test_signals_that_are_ignored(self):
        process = self.stuck(ignore=[signal.SIGHUP])
        process.send_signal(signal.SIGHUP)
        self.assertEqual(self.drain(process), 0)
        self.assertEqual((self.read("g.npy")[0], self.read("l.npy")[0]), ([.5, .5], [1.5]))

    def test_all_or_none(self):
        """The first file has its name already when the second cannot get its own."""
        for old in [True, False]:
            if not old:
                os.remove(self.path("g.npy"))
                del self.before[self.path("g.npy")]
            process = self.stuck()
            os.mkdir(self.path("l.npy"))
            self.assertEqual(self.drain(process), 1)
            self.assertIn(b"l.npy: cannot write", process.stderr.read())
            os.rmdir(self.path("l.npy"))
            self.assertEqual(self.contents(), self.before)


if __name__ == "__main__":
    unittest.main()
