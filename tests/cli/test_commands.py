# SPDX-License-Identifier: Apache-2.0
"""Do the commands show what the library has, and does the man page say what they take?"""
import os
import re
import subprocess
import unittest

from support import ROOT, TOOL, Case, npy


def registry():
    """The names and families of losses.def."""
    with open(os.path.join(ROOT, "src", "losses.def")) as file:
        return re.findall(r"^LOSS\((\w+), (\w+),", file.read(), re.MULTILINE)


def options(text):
    return set(re.findall(r"^  --([a-z0-9-]+)", text, re.MULTILINE))


class Commands(Case):
    def test_list_is_the_registry(self):
        self.assertTrue(registry())
        losses = self.json("list")["losses"]
        self.assertEqual([row["name"] for row in losses], [name for name, _ in registry()])
        lines = [line.split() for line in self.succeed("list").splitlines() if line[0] != " "]
        self.assertEqual(lines, [[row["name"], row["family"]] for row in losses])

    def test_list_shows_what_is_read(self):
        reads = {row["name"]: row["reads"] for row in self.json("list")["losses"]}
        self.assertEqual(reads["mse"], ["target"])
        self.assertEqual(reads["gaussian_nll"], ["target", "variance"])
        self.assertEqual(reads["nll"], ["labels", "class_weight"])
        self.assertEqual(reads["cross_entropy_soft"], ["target", "class_weight"])
        self.assertEqual(reads["entropy"], [])
        self.assertEqual(reads["binary_cross_entropy_with_logits"], ["target", "positive_weight"])

    def test_list_shows_all_that_eval_takes(self):
        arrays = {"target", "variance", "class-weight", "positive-weight"}
        for row in self.json("list")["losses"]:
            taken = options(self.succeed("eval", row["name"], "--help")) & arrays
            reads = {"target" if name == "labels" else name.replace("_", "-")
                     for name in row["reads"]}
            self.assertEqual(reads, taken, row["name"])
            self.assertEqual(set(row["optional"]),
                             {name for name in row["reads"] if name.endswith("_weight")})

    def test_list_shows_parameters(self):
        losses = {row["name"]: row["parameters"] for row in self.json("list")["losses"]}
        self.assertEqual(losses["mse"], [])
        beta, = losses["smooth_l1"]
        self.assertEqual((beta["name"], beta["default"], beta["low"]), ("beta", 1, 0))
        box = {p["name"]: p for p in losses["giou"]}
        self.assertEqual(box["format"]["choices"], ["xyxy", "xywh", "cxcywh"])
        self.assertEqual(box["format"]["default"], "xyxy")
        text = self.succeed("list")
        self.assertEqual([p["whole"] for p in losses["cross_entropy"]], [False, True])
        ends = (losses["nll"][0]["low"], losses["nll"][0]["high"])
        self.assertEqual(ends, (-2**63, 2**63 - 1))
        for option, line in [("ignore-index", "-100, a whole number in [%d, %d]" % ends),
                             ("delta", "1, finite and above 0"), ("tau", "0.5, in (0, 1)"),
                             ("beta", "1, finite and at least 0"), ("smoothing", "0, in [0, 1]"),
                             ("alpha", "0.25, finite and at most 1")]:
            self.assertIn("\n  --%-16s default %s\n" % (option, line), text)
        for parameters in losses.values():
            for p in parameters:
                self.assertIn("  --" + p["name"].replace("_", "-") + " ", text)

    def test_info(self):
        info = self.json("info")
        self.assertEqual("vloss " + info["version"] + "\n", self.succeed("--version"))
        self.assertTrue(set(info["isas_usable"]) <= set(info["isas_built"]))
        self.assertIn("scalar", info["isas_usable"])
        self.assertEqual(len(set(info["isas_built"])), len(info["isas_built"]))
        for key in ["cpu", "compiler", "sleef"]:
            self.assertTrue(info[key])
        lines = dict(line.split(None, 1) for line in self.succeed("info").splitlines()
                     if len(line.split()) > 1)
        self.assertEqual(lines["isas_built"].split(), info["isas_built"])

    def test_info_follows_the_environment(self):
        best = self.json("info")["isas_usable"][0]
        for name, active in [("scalar", "scalar"), ("z80", best), ("", best)]:
            environment = dict(os.environ, VLOSS_ISA=name)
            info = self.json("info", env=environment)
            self.assertEqual(info["isa_active"], active)
            text = self.succeed("info", env=environment)
            if name == "z80":
                warning = "VLOSS_ISA=z80 is not available, using " + best
                self.assertEqual(info["warning"], warning)
                self.assertRegex(text, "\nwarning +%s\n" % warning)
            else:
                self.assertIsNone(info["warning"])
                self.assertNotIn("warning", text)

    def test_help(self):
        text = self.succeed("--help")
        for command in ["info", "list", "eval", "nms", "simulate"]:
            self.assertRegex(text, r"\n  %s " % command)
            self.assertTrue(self.succeed(command, "--help").startswith("usage: vloss " + command))
        for name, _ in registry():
            self.assertRegex(self.succeed("eval", "--help"), r"\n%s\n" % name)
            self.assertTrue(self.succeed("eval", name, "--help")
                            .startswith("usage: vloss eval %s --input" % name))

    def test_help_of_a_loss_has_its_options_only(self):
        self.assertIn("class-weight", options(self.succeed("eval", "cross_entropy", "--help")))
        self.assertNotIn("class-weight", options(self.succeed("eval", "mse", "--help")))
        self.assertNotIn("class-weight", options(self.succeed("eval", "entropy", "--help")))
        self.assertNotIn("target", options(self.succeed("eval", "entropy", "--help")))
        self.assertIn("group-axes", options(self.succeed("eval", "dice", "--help")))
        self.assertIn("beta", options(self.succeed("eval", "smooth_l1", "--help")))

    def test_parameters_hide_no_option(self):
        fixed = options(self.succeed("eval", "--help").split("parameters of")[0])
        for row in self.json("list")["losses"]:
            names = {p["name"].replace("_", "-") for p in row["parameters"]}
            self.assertEqual(names & fixed, set(), row["name"])

    def test_man_page_mentions_each_option(self):
        with open(os.path.join(ROOT, "tools", "vloss.1")) as file:
            page = file.read()
        named = {"-" + name for name in re.findall(r"Fl -([a-z0-9-]+)", page)}
        shown = options(self.succeed("--help"))
        for command in ["info", "list", "simulate"]:
            shown |= options(self.succeed(command, "--help"))
            self.assertIn(".Ss vloss " + command, page)
        fixed = options(self.succeed("eval", "--help").split("parameters of")[0])
        self.assertGreater(len(fixed), 10)
        self.assertEqual({"-" + name for name in shown | fixed} - named, set())
        for name in fixed - {"help", "json"}:
            self.assertRegex(page, r"\n\.It Fl %s\b" % ("-" + name))
        self.write("x.npy", npy([1], (1,)))
        for key in self.json("eval", "mse", "--input", "x.npy", "--target", "x.npy"):
            self.assertRegex(page, r"\n\.It Cm [a-z_ ,]*\b%s\b" % key)

    def test_mistakes_in_the_command_line(self):
        self.fail_with(2, says="no command")
        self.fail_with(2, "frobnicate", says="frobnicate")
        self.fail_with(2, "info", "extra", says="extra")
        self.fail_with(2, "list", "--frobnicate", says="frobnicate")

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run(TOOL + ["list"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count(b"\n"), 1)


if __name__ == "__main__":
    unittest.main()
