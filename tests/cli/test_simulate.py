# SPDX-License-Identifier: Apache-2.0
"""Does vloss simulate give the same numbers on every instruction set and for every number of
threads, the numbers that it should, and a reason where it cannot?"""
import csv
import os
import subprocess
import unittest

from support import TOOL, WRAPPER, Case

CASES = "686" if WRAPPER else "3430"
# Stuck without overlap; close to the target; in the order of the literature.
STUCK = ["iou linear", "iou log", "iou square", "alpha_iou iou", "focal_eiou"]
CLOSE = ["giou", "diou", "ciou", "eiou", "cdiou iou", "cdiou giou"]


class Simulate(Case):
    def curves(self, *arguments):
        name = self.path("curves.csv")
        self.succeed("simulate", "boxes", "--cases", CASES, "--csv", name, *arguments)
        with open(name, newline="") as file:
            text = file.read()
        os.remove(name)
        return text

    def test_same_bits(self):
        isas = self.json("info")["isas_usable"]
        reference = self.curves("--threads", "1")
        header, *rows = csv.reader(reference.splitlines())
        self.assertEqual(len(rows), 201)
        self.assertGreater(len(header), len(CLOSE + STUCK))
        for arguments in [("--threads", "2"), ("--threads", "3")] + [("--isa", i) for i in isas]:
            self.assertEqual(self.curves(*arguments), reference, arguments)
        self.assertNotEqual(self.curves("--seed", "2"), reference)

    def test_who_gets_there(self):
        result = self.json("simulate", "boxes", "--cases", "17150" if not WRAPPER else CASES)
        self.assertEqual(result["cases"] % 343, 0)
        errors = {run["name"]: run["mean_error"] for run in result["runs"]}
        for name in errors:
            self.assertEqual(errors[name]["0"], errors["giou"]["0"], name)
        for name in STUCK:
            self.assertGreater(errors[name]["200"], 3 if not WRAPPER else 1, name)
        for name in CLOSE:
            self.assertLess(errors[name]["200"], 0.05 if not WRAPPER else 0.5, name)
        for name in ["eiou", "cdiou iou", "cdiou giou"]:
            self.assertLess(errors[name]["200"], errors["ciou"]["200"], name)
        self.assertLess(errors["ciou"]["200"], errors["diou"]["200"])

    def test_chosen_losses(self):
        result = self.json("simulate", "boxes", "--cases", "1", "--loss", "giou", "--loss",
                           "alpha_iou:base=diou,alpha=2", "--threads", "1")
        self.assertEqual([run["name"] for run in result["runs"]],
                         ["giou", "alpha_iou:base=diou,alpha=2"])
        self.assertEqual((result["cases"], result["threads"]), (343, 1))
        table = self.succeed("simulate", "boxes", "--cases", "1", "--loss", "giou")
        self.assertRegex(table, r"(?m)^giou +[0-9.]+ ")

    def test_wrong_arguments(self):
        for arguments, says in [
                ((), "'boxes'"), (("circles",), "circles"), (("boxes", "more"), "more"),
                (("boxes", "--cases", "0"), "--cases"), (("boxes", "--cases", "-1"), "--cases"),
                (("boxes", "--cases", "x"), "--cases"), (("boxes", "--seed", "1.5"), "--seed"),
                (("boxes", "--threads", "0"), "--threads"), (("boxes", "--isa", "none"), "--isa"),
                (("boxes", "--loss", "mse"), "mse"),
                (("boxes", "--loss", "giou:gamma=1"), "gamma"),
                (("boxes", "--loss", "giou:format=xywh"), "format"),
                (("boxes", "--loss", "alpha_iou:alpha=-1"), "alpha"),
                (("boxes", "--loss", "iou:form"), "form="),
                (("boxes", "--loss", "giou:eps"), "eps="),
                (("boxes", "--nothing",), "nothing")]:
            self.fail_with(2, "simulate", *arguments, says=says)

    def test_unwritable_file(self):
        """Said before the work, which takes minutes."""
        os.mkdir(self.path("folder"))
        for name in ["missing/curves.csv", "folder", "-"]:
            self.fail_with(2 if name == "-" else 1, "simulate", "boxes", "--csv", name, says=name)
        self.assertEqual(os.listdir(self.folder), ["folder"])

    def test_file_is_an_output_like_others(self):
        self.write("old.csv", b"old")
        self.write("link.new", b"somebody's")
        os.chmod(self.path("old.csv"), 0o600)
        os.symlink("old.csv", self.path("link"))
        command = ["simulate", "boxes", "--cases", "1", "--loss", "giou", "--csv", "link"]
        self.succeed(*command)
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(os.stat(self.path("old.csv")).st_mode & 0o777, 0o600)
        with open(self.path("old.csv"), "rb") as file:
            new = file.read()
        self.assertEqual(new.count(b"\n"), 202)
        self.write("old.csv", b"old")
        with open("/dev/full", "wb") as full:
            result = subprocess.run(TOOL + command, cwd=self.folder, stdout=full,
                                    stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        with open(self.path("old.csv"), "rb") as file:
            self.assertEqual(file.read(), b"old")
        self.assertEqual(sorted(os.listdir(self.folder)), ["link", "link.new", "old.csv"])


if __name__ == "__main__":
    unittest.main()
