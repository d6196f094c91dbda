"""gdb's commands for Tally: who has which memory, asked from outside.

    gdb build/debug/tally.elf -x scripts/tally-gdb.py -ex 'target remote :1234'

They read the kernel's statics and call nothing, so they work at any breakpoint, in a crash, and with a lock held.
Fields are found by their names, wherever inside a static they lie. `make debug` builds the image that has these names.
"""

import re

import gdb

# Of the counters that memstat keeps for each CPU, those that are summed up here.
CPU_COUNTERS = ("frees", "reallocations", "failures", "bad_frees", "untracked", "requested_bytes")
COUNTERS = ("live_blocks", "peak_live_blocks", "live_bytes", "peak_live_bytes", "taken_bytes")
STRUCTS = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)


class Missing(gdb.GdbError):
    """Something is not where it is looked for."""


def statics(name):
    """The kernel's statics of a name, each with its path. The hash of the crate in the linker's names is left out."""
    listing = gdb.execute(f"info variables -q {name}$", to_string=True)
    for path in re.findall(rf"tally\[\w+\]::((?:\w+::)*{name})$", listing, re.MULTILINE):
        symbol = gdb.lookup_static_symbol(f"tally::{path}")
        if symbol is not None:
            yield symbol.value()


def static(name, field=None):
    """The kernel's static of a name, which has such a field inside."""
    for value in statics(name):
        if field is None or has(value, field):
            return value
    raise Missing(f"no static {name}: is this build/debug/tally.elf?")


def enumeration(name):
    """The names of an enum's variants, in the order of their numbers."""
    listing = gdb.execute(f"info types -q {name}$", to_string=True)
    for path in re.findall(rf"\s(tally::(?:\w+::)*{name});", listing):
        return [field.name.rsplit("::", 1)[-1] for field in gdb.lookup_type(path).fields()]
    raise Missing(f"no enum {name}")


def fields(value):
    """Names and values inside a struct, or inside the variant that an enum has."""
    kind = value.type.strip_typedefs()
    if kind.code not in STRUCTS:
        return
    for field in kind.fields():
        if not field.artificial and hasattr(field, "bitpos"):
            yield field.name, value[field]


def find(value, name, depth=9):
    """The field of a name that lies least deep inside a value."""
    level = [value]
    for _ in range(depth):
        below = []
        for inside in level:
            for field, inner in fields(inside):
                if field == name:
                    return inner
                below.append(inner)
        level = below
    raise Missing(f"no field {name} in a {value.type}")


def has(value, name):
    try:
        find(value, name)
    except Missing:
        return False
    return True


def number(value):
    """A number, out of the atomics and cells around it."""
    while value.type.strip_typedefs().code in STRUCTS:
        inner = [field for _, field in fields(value)]
        if len(inner) != 1:
            raise Missing(f"no single number in a {value.type}")
        value = inner[0]
    return int(value)


def array(name):
    """The elements of the kernel's static array of a name; another static may have that name too."""
    for value in statics(name):
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
            return elements(value)
    raise Missing(f"no static array {name}: is this build/debug/tally.elf?")


def elements(value):
    first, last = value.type.strip_typedefs().range()
    return [value[at] for at in range(first, last + 1)]


def variant(value):
    """The name of the variant that an enum has."""
    named = [name for name, _ in fields(value)]
    return named[0] if named else str(value).rsplit("::", 1)[-1]


def tracker():
    return find(static("HEAP", "tracker"), "tracker")


class Frames(gdb.Command):
    """Pages: all that are managed, those that are free, and what the others were taken for."""

    def __init__(self):
        super().__init__("tally-frames", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        frames = static("FRAMES", "total_pages")
        total, free = (number(find(frames, name)) for name in ("total_pages", "free_pages"))
        print(f"total {total} pages, {total * 4} kB")
        print(f"free {free} pages, {free * 4} kB")
        taken, given = array("TAKEN"), array("GIVEN")
        for name, taken, given in zip(enumeration("Purpose"), taken, given):
            print(f"{name} {number(taken) - number(given)} pages")


class Heap(gdb.Command):
    """The heap's backend, and what the tracker says that it has lent."""

    def __init__(self):
        super().__init__("tally-heap", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        backend = find(tracker(), "backend")
        if variant(backend) == "None":
            print("not started")
            return
        heap = next(inner for _, inner in fields(backend))
        while variant(heap) == "__0":
            heap = next(inner for _, inner in fields(heap))
        print(f"backend {variant(heap)}")
        tallies = find(tracker(), "tallies")
        for name in ("live_blocks", "taken_bytes"):
            print(f"{name} {number(find(tallies, name))}")
        if argument == "all":
            print(heap.format_string(max_elements=8))


class Tracker(gdb.Command):
    """What memstat counts: level, blocks and bytes, the arena; counters of all CPUs summed up."""

    def __init__(self):
        super().__init__("tally-tracker", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        inner = tracker()
        print(f"level {variant(find(inner, 'level'))}")
        tallies = find(inner, "tallies")
        for name in COUNTERS:
            print(f"{name} {number(find(tallies, name))}")
        cpus, sums = elements(find(tallies, "cpus")), {}
        for name in CPU_COUNTERS:
            sums[name] = sum(number(find(cpu, name)) for cpu in cpus)
            print(f"{name} {sums[name]}")
        # memstat counts by size; the sum follows from P1.
        live, uncounted = (number(find(tallies, name)) for name in ("live_blocks", "uncounted_blocks"))
        print(f"allocations {live + sums['frees'] - uncounted}")
        arena = find(inner, "arena")
        for name in ("used_pages", "held_pages", "peak_used_pages"):
            print(f"arena_{name} {number(find(arena, name))}")


Frames()
Heap()
Tracker()
