#!/usr/bin/env python3
"""Random documents as python3-msgpack writes them, and what it reads of ours.

usage: msgpack_oracle.py make SEED COUNT    lines "hex TAB json" (json: what we must read)
       msgpack_oracle.py check FILE         lines "hex TAB json" from us; says which lines differ, exit status 1 when any does
"""
import json, random, struct, sys
import msgpack

WORDS = ["", "a", "message", "kubernetes", "ünïcode", "日本語", "\U0001f4a9", "quote\"back\\slash", "line\nbreak\u0000", "x" * 31, "y" * 32,
         "z" * 255, "w" * 256, "long " * 14000]


def number(r):
    bits = r.randrange(0, 65)
    value = r.getrandbits(bits) if bits else 0
    if r.random() < 0.5:
        value = max(-value, -2**63)
    return r.choice([value, value, r.choice([0, 1, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63,
                                             2**64 - 1, -1, -32, -33, -128, -129, -2**15, -2**15 - 1, -2**31, -2**31 - 1, -2**63])])


def document(r, depth=0):
    kind = r.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return None
    if kind == 1:
        return r.random() < 0.5
    if kind == 2:
        return number(r)
    if kind == 3:
        while True:
            value = struct.unpack(">d", r.randbytes(8))[0] if r.random() < 0.7 else r.choice([0.0, -0.0, 1.5, 1e300, 5e-324, 1e16])
            if value == value and abs(value) != float("inf"):
                return value
    if kind in (4, 5):
        return r.choice(WORDS) if r.random() < 0.6 else "".join(chr(r.choice([r.randrange(32, 127), r.randrange(0xa0, 0xd800), r.randrange(0x10000, 0x110000)])) for _ in range(r.randrange(40)))
    many = r.choice([0, 1, 2, 3, 15, 16, 17, 40]) if depth < 2 else r.randrange(4)
    if r.random() < 0.002:
        many = 66000
        return [number(r) for _ in range(many)]
    if kind == 6:
        return [document(r, depth + 1) for _ in range(many)]
    return {r.choice(WORDS[:-1]) + str(r.randrange(200)): document(r, depth + 1) for _ in range(many)}


def make(seed, count):
    r = random.Random(seed)
    for _ in range(count):
        value = document(r)
        packed = msgpack.packb(value, use_bin_type=r.random() < 0.5)
        print(packed.hex() + "\t" + json.dumps(value, ensure_ascii=False))


def check(path):
    bad = 0
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            packed, text = line.rstrip("\n").split("\t", 1)
            ours = msgpack.unpackb(bytes.fromhex(packed), raw=False, strict_map_key=False)
            if json.dumps(ours, sort_keys=True) != json.dumps(json.loads(text), sort_keys=True):
                bad += 1
                print("line %d differs: %r" % (number, line[:200]))
            elif packed != msgpack.packb(ours, use_bin_type=True).hex():
                bad += 1
                print("line %d is not in the smallest form: %r" % (number, line[:200]))
    sys.exit(1 if bad else 0)


if sys.argv[1] == "make":
    make(int(sys.argv[2]), int(sys.argv[3]))
else:
    check(sys.argv[2])
