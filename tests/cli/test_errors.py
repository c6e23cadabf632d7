# SPDX-License-Identifier: Apache-2.0
"""Is every mistake one line that names what is wrong, with its exit code, and no output file?"""
import os
import resource
import unittest

from support import Case, npy


class Errors(Case):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy([1, 2, 3, 4, 5, 6], (2, 3)))
        self.write("t.npy", npy([1] * 6, (2, 3)))
        self.write("y.npy", npy([0, 2], (2,), "i8"))
        self.before = sorted(os.listdir(self.folder))

    def eval_fails(self, code, loss, *options, says="", x="x.npy", t="t.npy", **more):
        """No output: neither the gradient nor a temporary file."""
        before = sorted(os.listdir(self.folder))
        self.fail_with(code, "eval", loss, "--input", x, "--target", t, "--grad", "g.npy", *options,
                       says=says, **more)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_positive_weight(self):
        loss = "binary_cross_entropy_with_logits"
        self.write("bad.npy", npy([1, -1, 1], (3,)))
        self.write("two.npy", npy([1, 1], (2,)))
        self.eval_fails(1, loss, "--positive-weight", "bad.npy", says="bad.npy")
        self.eval_fails(1, loss, "--positive-weight", "two.npy", says=["two.npy", "(3,)"])
        self.eval_fails(2, "focal", "--positive-weight", "two.npy", says="positive-weight")
        self.eval_fails(2, "binary_entropy_with_logits", says="target")

    def test_command_line(self):
        self.fail_with(2, "eval", says="which loss")
        self.fail_with(2, "eval", "frobnicate", says="frobnicate")
        self.fail_with(2, "eval", "--json", "mse", says="before")
        self.fail_with(2, "eval", "mse", says="--input")
        self.fail_with(2, "eval", "mse", "--input", "x.npy", says="--target")
        self.eval_fails(2, "mse", "--frobnicate", says="frobnicate")
        self.eval_fails(2, "mse", "extra", says="extra")
        self.eval_fails(2, "mse", "--weight", says="weight")
        self.eval_fails(2, "mse", "--loss", "g.npy", says="--loss")
        self.eval_fails(2, "mse", "--reduction", "median", says=["--reduction", "median"])
        self.eval_fails(2, "mse", "--scale", "1x", says=["--scale", "1x"])
        for scale in ["nan", "-inf"]:
            self.eval_fails(2, "mse", "--scale", scale,
                            says="--scale must be finite, not '%s'" % scale)
        for divisor in ["", "-1", "inf"]:
            self.eval_fails(2, "mse", "--divisor", divisor,
                            says="--divisor must be finite and at least 0, not")
        for count in ["0", "257", "-1", "two", "", "99999999999999999999999999"]:
            self.eval_fails(2, "mse", "--threads", count, says=["--threads", "[1, 256]"])
        self.eval_fails(2, "mse", "--repeat", "0", says="--repeat")
        self.eval_fails(2, "mse", "--isa", "z80", says=["--isa", "z80"])

    def test_options_of_another_family(self):
        self.eval_fails(2, "mse", "--class-weight", "x.npy", says="class-weight")
        self.eval_fails(2, "mse", "--beta", "1", says="beta")
        self.eval_fails(2, "mse", "--variance", "x.npy", says="variance")
        self.eval_fails(2, "mse", "--grad-variance", "v.npy", says="grad-variance")
        for loss in ["kl_div_with_logits", "js_div_with_logits"]:
            self.eval_fails(2, loss, "--class-weight", "x.npy", says="class-weight")
        for loss in ["entropy", "entropy_with_logits"]:
            self.eval_fails(2, loss, says="target")
        self.eval_fails(2, "giou", "--group-axes", "1", says="group-axes")
        self.eval_fails(2, "dice", "--classes-last", says="classes-last")

    def test_variance(self):
        self.eval_fails(2, "gaussian_nll", says="--variance is required")
        self.write("v.npy", npy([1] * 6, (6,)))
        self.eval_fails(1, "gaussian_nll", "--variance", "v.npy", says=["v.npy: ", "(6,)"])
        for other in ["g.npy", "l.npy"]:
            self.eval_fails(2, "gaussian_nll", "--variance", "x.npy", "--loss", "l.npy",
                            "--grad-variance", other, says="--grad-variance")

    def test_parameters(self):
        for beta in ["-1", "nan", "inf", "1e999", "one", ""]:
            self.eval_fails(2, "smooth_l1", "--beta", beta,
                            says="--beta must be finite and at least 0, not '%s'" % beta)
        self.eval_fails(2, "huber", "--delta", "0", says="--delta must be finite and above 0,")
        for tau in ["0", "1"]:
            self.eval_fails(2, "quantile", "--tau", tau, says="--tau must be in (0, 1), not")
        self.eval_fails(2, "focal", "--alpha", "2", says="--alpha must be finite and at most 1,")
        self.eval_fails(2, "giou", "--format", "xyz", says=["--format", "xyz", "cxcywh"])
        self.eval_fails(2, "cross_entropy", "--smoothing", "1.5", t="y.npy",
                        says="--smoothing must be in [0, 1], not '1.5'")
        for index in ["1e30", "1.5", str(2**63), str(-2**63 - 1), ""]:
            self.eval_fails(2, "cross_entropy", "--ignore-index", index, t="y.npy",
                            says="--ignore-index must be a whole number in [%d, %d], not '%s'"
                            % (-2**63, 2**63 - 1, index))
        self.eval_fails(2, "dice", "--log=maybe", says="--log")
        self.eval_fails(2, "kl_div_with_logits", "--temperature", "0", says="--temperature")
        self.eval_fails(2, "js_div_with_logits", "--teacher", "mine", says=["--teacher", "mine"])
        self.eval_fails(2, "focal_softmax", "--gamma", "-1", t="y.npy", says="--gamma")

    def test_a_flag_takes_no_value(self):
        for flag, value in [("--log", "yes"), ("--squared", "no"), ("--json", "1")]:
            self.eval_fails(2, "dice", flag, value, says=[flag + " is a flag", "'%s'" % value])
        self.eval_fails(2, "dice", "stray", "--log", says="unexpected argument 'stray'")

    def test_what_only_the_library_refuses(self):
        self.eval_fails(2, "dice", "--log", "--smoothing", "0", says="--")
        self.write("c.npy", npy([1, -1, 1], (3,)))
        self.eval_fails(1, "cross_entropy", "--class-weight", "c.npy", says="c.npy: ", t="y.npy")

    def test_shapes(self):
        self.write("v.npy", npy([0] * 6, (6,)))
        self.write("w.npy", npy([0] * 3, (3,)))
        self.write("w2.npy", npy([0] * 2, (2,)))
        self.write("two.npy", npy([1, 1], (2,)))
        self.eval_fails(1, "mse", t="v.npy", says=["v.npy: ", "(6,)", "(2, 3)"])
        self.eval_fails(1, "mse", "--weight", "v.npy", says=["v.npy: ", "(6,)"])
        self.eval_fails(1, "giou", says=["x.npy: ", "(..., 4)"])
        self.eval_fails(1, "cross_entropy", x="v.npy", t="y.npy", says=["v.npy: ", "(N, C)"])
        self.eval_fails(1, "cross_entropy_soft", t="w.npy", says=["w.npy: ", "(3,)", "(2, 3)"])
        self.eval_fails(1, "kl_div_with_logits", t="y.npy", says=["y.npy: ", "i8", "f4"])
        self.write("y3.npy", npy([0, 1, 2], (3,), "i8"))
        self.eval_fails(1, "cross_entropy", t="y3.npy", says=["y3.npy: ", "(3,)", "(2,)"])
        self.eval_fails(1, "cross_entropy", "--class-weight", "w2.npy", t="y.npy",
                        says=["w2.npy: ", "(2,)", "(3,)"])
        self.eval_fails(1, "cross_entropy", "--weight", "w.npy", t="y.npy", says="w.npy: ")
        self.eval_fails(1, "dice", "--weight", "w.npy", says="w.npy: ")
        for axes in [3, 2**64 - 1]:
            self.eval_fails(1, "dice", "--group-axes", str(axes), says=["x.npy: ", "--group-axes"])
        for option in [["--grouping", "channel"], ["--activation", "softmax"]]:
            self.eval_fails(1, "dice", "--group-axes", "2", *option, says=["x.npy: ", "channels"])
        self.write("wide.npy", npy([0] * 257, (1, 257)))
        self.eval_fails(1, "dice", "--activation", "softmax", x="wide.npy", t="wide.npy",
                        says=["wide.npy: ", "256 channels"])
        self.eval_fails(1, "mse", "--grad-output", "two.npy", says="two.npy: ")
        self.eval_fails(1, "mse", "--grad-output", "two.npy", "--reduction", "none",
                        says="two.npy: ")

    def test_dtypes(self):
        self.write("d.npy", npy([1] * 6, (2, 3), "f8"))
        self.write("i.npy", npy([1] * 6, (2, 3), "i8"))
        self.write("s.npy", npy([0, 1], (2,), "f2"))
        self.eval_fails(1, "mse", x="i.npy", says=["i.npy: ", "i8"])
        self.eval_fails(1, "mse", t="d.npy", says=["d.npy: ", "f8", "f4"])
        self.eval_fails(1, "mse", "--weight", "d.npy", says=["d.npy: ", "f8", "f4"])
        self.eval_fails(1, "cross_entropy", t="x.npy", says=["x.npy: ", "f4", "labels"])
        self.eval_fails(1, "cross_entropy", t="s.npy", says=["s.npy: ", "<f2"])
        self.write("b.npy", npy([0, 1], (2,), "b1"))
        self.eval_fails(1, "cross_entropy_soft", t="b.npy", says=["b.npy: ", "b1", "f4"])

    def test_labels(self):
        for dtype, bad in [("i8", -1), ("i4", 3), ("u1", 255), ("i8", -2**63), ("i2", -2**15),
                           ("i1", -128), ("u2", 2**16 - 1), ("u4", 2**32 - 1), ("u8", 3),
                           ("u8", 2**63), ("u8", 2**64 - 100)]:
            self.write("bad.npy", npy([0, bad], (2,), dtype))
            self.eval_fails(1, "cross_entropy", t="bad.npy",
                            says=["bad.npy: ", "label %d at index 1 " % bad, "[0, 3)"])

    def test_missing_files(self):
        os.mkdir(self.path("folder"))
        self.write("empty", b"")
        for name in ["missing", "folder", "empty", "x.npy/x", "a" * 5000]:
            self.eval_fails(1, "mse", x=name, says=name + ": ")
            self.eval_fails(1, "mse", t=name, says=name + ": ")
            self.eval_fails(1, "mse", "--weight", name, says=name + ": ")

    def test_a_name_of_two_lines(self):
        self.eval_fails(1, "mse", x="one\ntwo", says="one?two: ")

    def test_outputs_that_cannot_be(self):
        os.mkdir(self.path("folder"))
        os.mkfifo(self.path("pipe"))
        for name in ["missing/l.npy", "folder", "folder/", "x.npy/l.npy", "pipe", "/dev/null"]:
            self.eval_fails(1, "mse", "--loss", name, says=name + ": cannot write")
        self.assertFalse(os.path.isfile("/dev/null"))

    def test_full_disk_leaves_the_old_file(self):
        self.write("x.npy", npy([1] * 1024, (1024,)))
        self.write("g.npy", b"old")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
        self.eval_fails(1, "mse", "--loss", "l.npy", t="x.npy", says="g.npy: cannot write",
                        preexec_fn=limit)
        with open(self.path("g.npy"), "rb") as file:
            self.assertEqual(file.read(), b"old")

    def test_errors_leave_the_old_file(self):
        self.write("g.npy", b"old")
        self.eval_fails(1, "mse", "--loss", "missing/l.npy", says="missing/l.npy")
        self.eval_fails(1, "cross_entropy", says="labels")
        with open(self.path("g.npy"), "rb") as file:
            self.assertEqual(file.read(), b"old")


if __name__ == "__main__":
    unittest.main()
