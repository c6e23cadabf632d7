#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does `vloss nms` suppress COCO's results within image and class, and leave the rest of a file as
it was? The oracle is the loop over all pairs."""
import json
import random
import unittest

import coco_sets
from support import Case, need_json


def overlap(a, b):
    """IoU of xywh boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = w * h if w > 0 and h > 0 else 0
    return common / (a[2] * a[3] + b[2] * b[3] - common) if common else 0


def order(results, indices):
    return sorted(indices, key=lambda i: (-results[i]["score"], i))


def images(results):
    return [[i for i, r in enumerate(results) if r["image_id"] == image]
            for image in {r["image_id"] for r in results}]


def meet(a, b):
    return a["category_id"] == b["category_id"]


def hard(results, threshold=.5):
    kept = []
    for image in images(results):
        own = []
        for i in order(results, image):
            if not any(meet(results[i], results[k]) and
                       overlap(results[k]["bbox"], results[i]["bbox"]) > threshold for k in own):
                own.append(i)
        kept += own
    return sorted(kept)


def soft(results, threshold=.3, least=.001):
    """Index and score of what is taken."""
    taken = {}
    for image in images(results):
        scores = {i: results[i]["score"] for i in image}
        while scores:
            best = min(scores, key=lambda i: (-scores[i], i))
            if scores[best] <= least:
                break
            taken[best] = scores.pop(best)
            for i in scores:
                value = overlap(results[best]["bbox"], results[i]["bbox"])
                if meet(results[best], results[i]) and value > threshold:
                    scores[i] *= 1 - value
    return taken


class Results(Case):
    def setUp(self):
        super().setUp()
        self.results = coco_sets.only(coco_sets.make(3)[1], "bbox")
        self.put(self.results)

    def put(self, results):
        self.write("r.json", json.dumps(results).encode())

    def suppress(self, *options):
        return json.loads(self.succeed("nms", "r.json", *options))

    def test_hard(self):
        kept = hard(self.results)
        self.assertLess(len(kept), len(self.results) - 20)
        self.assertEqual(self.suppress(), [self.results[i] for i in kept])
        kept = hard(self.results, .125)
        self.assertEqual(self.suppress("--threshold", ".125"), [self.results[i] for i in kept])

    def test_any_order_of_images(self):
        random.Random(1).shuffle(self.results)
        self.put(self.results)
        self.assertEqual(self.suppress(), [self.results[i] for i in hard(self.results)])

    def test_soft(self):
        taken = soft(self.results)
        found = self.suppress("--method", "soft")
        self.assertEqual([dict(r, score=0) for r in found],
                         [dict(self.results[i], score=0) for i in sorted(taken)])
        self.assert_close([r["score"] for r in found], [taken[i] for i in sorted(taken)], 1e-15)
        self.assertNotEqual(found, [self.results[i] for i in sorted(taken)])

    def test_limits_are_of_an_image(self):
        best = sorted(order(self.results, image)[0] for image in images(self.results))
        for limit in ["--max-output", "--top-k"]:
            self.assertEqual(self.suppress(limit, "1"), [self.results[i] for i in best])
        self.assertEqual(self.suppress("--score-threshold", ".5"),
                         [self.results[i] for i in hard(self.results)
                          if self.results[i]["score"] > .5])

    def test_bytes(self):
        """Numbers, escapes, spaces, unknown fields as they were; of a name the last counts."""
        entries = [
            b'{"image_id" :7,"category_id":1,"bbox":[0,0,1e1,10.00],"score":5.0E-1,"t":"]},\\"{["}',
            b'{ "score":1,"bbox":[0, 0, 10, 5],"sc\\u006fre" : 0.400 , "image_id":7,\n'
            b'  "category_id":1, "a":{"score":3,"b":[[]]}}',
            b'{"image_id":9007199254740993,"category_id":-1,"bbox":[0,0,10,10],"score":'
            b'0.1000000000000000055511151231257827,"\xc3\xa9":null}']
        self.write("r.json", b" \n[ " + b"\n ,".join(entries) + b" ]\n")
        result = self.vloss("nms", "r.json", "--threshold", ".6").stdout
        self.assertEqual(result, b"[" + b",\n".join(entries) + b"]\n")
        result = self.vloss("nms", "r.json").stdout
        self.assertEqual(result, b"[" + b",\n".join(entries) + b"]\n")
        result = self.vloss("nms", "r.json", "--threshold", ".4").stdout
        self.assertEqual(result, b"[" + entries[0] + b",\n" + entries[2] + b"]\n")
        result = self.vloss("nms", "r.json", "--method", "matrix").stdout
        entries[1] = entries[1].replace(b"0.400", b"0.2")
        self.assertEqual(result, b"[" + b",\n".join(entries) + b"]\n")

    def test_file_and_summary(self):
        text = self.succeed("nms", "r.json")
        table = self.succeed("nms", "r.json", "--out", "kept.json")
        with open(self.path("kept.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        kept = len(hard(self.results))
        self.assertRegex(table, rf"(?m)^boxes +{len(self.results)}$")
        self.assertRegex(table, rf"(?m)^kept +{kept}$")
        summary = self.json("nms", "r.json")
        self.assertEqual((summary["boxes"], summary["counted"], summary["kept"]),
                         (len(self.results), len(self.results), kept))
        self.succeed("nms", "r.json", "--out", "r.json")  # an output may replace the input
        with open(self.path("r.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), text)

    def test_nothing(self):
        self.write("r.json", b"[ ]")
        self.assertEqual(self.succeed("nms", "r.json"), "[]\n")
        self.fail_with(2, "nms", "r.json", "--threshold", "2", says="--threshold")

    def test_errors(self):
        for field in ["image_id", "category_id", "bbox", "score"]:
            broken = {k: v for k, v in self.results[2].items() if k != field}
            self.put(self.results[:2] + [broken])
            self.fail_with(1, "nms", "r.json", says=["r.json: entry 2", f"'{field}' is missing"])
        for field, value, says in [("score", "1", "number"), ("image_id", 1.5, "integer"),
                                   ("category_id", 2**63, "64-bit"), ("bbox", [1, 2], "4 numbers"),
                                   ("bbox", [1, 2, 3, None], "numbers"), ("bbox", 5, "array")]:
            self.put(self.results[:2] + [dict(self.results[2], **{field: value})])
            self.fail_with(1, "nms", "r.json", "--out", "k.json",
                           says=["r.json: entry 2", f"'{field}'", says])
        self.put({})
        self.fail_with(1, "nms", "r.json", says="r.json: not an array")
        for text in [b"", b"[", b"[{]", b'[{"a":"', b"[1] 2", b"[" * 100000]:
            self.write("r.json", text)
            self.fail_with(1, "nms", "r.json", says="r.json")
        self.write("r.json", b"[5]")
        self.fail_with(1, "nms", "r.json", says=["r.json", "entry 0", "object"])
        self.fail_with(1, "nms", "none.json", says="none.json: cannot open")
        for options in [["--scores", "s.npy"], ["--classes", "c.npy"], ["--scores-out", "o.npy"],
                        ["--format", "xywh"], ["--format", "xyxy"], ["--any-corners"]]:
            self.fail_with(2, "nms", "r.json", *options, says=options[0])


if __name__ == "__main__":
    need_json()
    unittest.main()
